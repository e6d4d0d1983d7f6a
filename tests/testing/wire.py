"""A client that hides nothing: it writes a request and keeps every byte of what comes back, and how it ended."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argosy.testing.server import FaultyServer

LIMIT_S = 10.0
SILENCE_S = 0.1


@dataclass(frozen=True)
class Reply:
    """What was read up to ``ended``: "eof", "reset", "truncated" (TLS without close_notify), "silence", …"""

    raw: bytes
    ended: str

    @property
    def head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> int:
        return int(self.head.split(" ")[1])

    def all(self, name: str) -> list[str]:
        lines = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return [value for key, _, value in lines if key.lower() == name.lower()]

    def __getitem__(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


def ask(
    server: FaultyServer,
    path: str,
    *headers: str,
    method: str = "GET",
    silent_after: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """The reply to one request which asks to close the connection afterwards.

    With ``silent_after`` the reply up to so many bytes of the body, after which the server is expected to fall silent.
    """
    with connected(server, tls) as sock:
        send(sock, path, "Connection: close", *headers, method=method)
        return read_to_end(sock) if silent_after is None else read_to_silence(sock, silent_after)


@contextlib.contextmanager
def connected(server: FaultyServer, tls: ssl.SSLContext | None = None) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as plain:
        if tls is None:
            yield plain
        else:
            with tls.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as secured:
                yield secured


def send(sock: socket.socket, path: str, *headers: str, method: str = "GET") -> None:
    lines = (f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", "")
    sock.sendall("\r\n".join(lines).encode("latin-1"))


def read_to_end(sock: socket.socket, at_most: int = 1 << 62) -> Reply:
    raw = bytearray()
    while len(raw) < at_most:
        try:
            data = sock.recv(1 << 16)
        except ConnectionResetError:
            return Reply(bytes(raw), "reset")
        except ssl.SSLEOFError:
            return Reply(bytes(raw), "truncated")
        if not data:
            return Reply(bytes(raw), "eof")
        raw += data
    return Reply(bytes(raw), "enough")


def read_to_silence(sock: socket.socket, body_bytes: int | None) -> Reply:
    """Head and so many bytes of the body (None: nothing at all), and what follows them in a short while."""
    raw = bytearray() if body_bytes is None else bytearray(read_answer(sock, body_bytes).raw)
    sock.settimeout(SILENCE_S)
    try:
        while data := sock.recv(1 << 16):
            raw += data
    except TimeoutError:
        return Reply(bytes(raw), "silence")
    finally:
        sock.settimeout(LIMIT_S)
    return Reply(bytes(raw), "eof")


def read_answer(sock: socket.socket, body_bytes: int | None = None) -> Reply:
    """One answer up to its Content-Length or that many bytes of its body, the connection left open."""
    raw = bytearray()
    while b"\r\n\r\n" not in raw:
        raw += sock.recv(1)
    reply = Reply(bytes(raw), "")
    missing = int(reply["Content-Length"] or 0) if body_bytes is None else body_bytes
    while missing:
        data = sock.recv(missing)
        assert data
        raw += data
        missing -= len(data)
    return Reply(bytes(raw), "complete")
