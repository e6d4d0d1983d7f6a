"""Requests to the daemon that no client library would send."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from contextlib import closing
from io import BytesIO

from .daemon import Answer, Daemon

HANDSHAKE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip


class Heard:
    """Bytes that were read, as a socket that :mod:`http.client` can parse."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> BytesIO:
        return BytesIO(self._data)


def connected(daemon: Daemon, timeout: float = 20.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", daemon.port), timeout)


def head_of(connection: socket.socket) -> bytes:
    """Return what comes up to the end of the answer's head."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65_536)
        if not more:
            break
        data += more
    return data


def parsed(data: bytes) -> Answer:
    answer = http.client.HTTPResponse(Heard(data))  # type: ignore[arg-type]  # needs no more of a socket
    answer.begin()
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, b"")


def spoken(daemon: Daemon, request: bytes) -> Answer:
    """Return the answer to bytes as they are."""
    with closing(connected(daemon)) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, answer.read())


def asked(
    daemon: Daemon, method: str, path: str, headers: Mapping[str, str], *, websocket: bool = False, body: bytes = b""
) -> Answer:
    """Return the head of the answer: a stream has no end. ``headers`` go before those that every request has."""
    given = {"Host": f"localhost:{daemon.port}"}
    if websocket:
        given |= HANDSHAKE
    elif method not in ("GET", "HEAD"):
        given |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    given |= headers
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    with closing(connected(daemon)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + (body if "Content-Length" in given else b""))
        return parsed(head_of(connection))
