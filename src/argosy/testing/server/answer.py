"""An answer as a value: what will be written, byte by byte, and in which rhythm. Faults turn one into another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from http.client import responses

from argosy.testing.server.body import EMPTY, Body, Bytes
from argosy.testing.server.message import Headers, Span

BEFORE_HEAD = -1
"""A place in an answer: before its first byte. From 0 on, places count bytes of the body as sent."""


@dataclass(frozen=True, slots=True)
class Pause:
    """At that place nothing is sent for so long; None is until the server stops or releases its stalls."""

    at: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Break:
    """At that place the connection ends: by FIN, or by RST; over TLS with or without a close_notify."""

    at: int
    reset: bool = False
    close_notify: bool = True


@dataclass(frozen=True, slots=True)
class Pace:
    """The body goes out in pieces of so many bytes, one every so many seconds."""

    piece_bytes: int
    interval_s: float


@dataclass(frozen=True, slots=True)
class Transfer:
    """How the body is framed: as it is, which the default does; see ``Chunked``."""

    def encode(self, blocks: Iterable[memoryview]) -> Iterator[memoryview]:
        """The bytes to write for the payload's ``blocks``."""
        return iter(blocks)


@dataclass(frozen=True, slots=True)
class Chunked(Transfer):
    """Chunked transfer coding (RFC 9112, 7.1), whole or with one of its parts wrong."""

    chunk_bytes: int = 1 << 16
    last_chunk: bool = True
    bad_size: str | None = None
    """Written in place of the size of chunk number ``bad_chunk``."""
    bad_chunk: int = 1
    trailer: bytes = b""

    def encode(self, blocks: Iterable[memoryview]) -> Iterator[memoryview]:
        number = 0
        for block in blocks:
            for start in range(0, len(block), self.chunk_bytes):
                number += 1
                piece = block[start : start + self.chunk_bytes]
                yield memoryview(b"%s\r\n%s\r\n" % (self._size_line(number, len(piece)), piece))
        if self.last_chunk:
            yield memoryview(b"0\r\n" + self.trailer + b"\r\n")

    def _size_line(self, number: int, length: int) -> bytes:
        if self.bad_size is not None and number == self.bad_chunk:
            return self.bad_size.encode("latin-1")
        return b"%x" % length


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is written in answer to one request.

    On the wire: ``preface``, status line, headers, ``header_lines``, empty line, payload as ``transfer`` frames it.
    Content-Length is a header like any other: ``with_payload`` keeps it true, whatever else is done may not.
    """

    status: int
    headers: Headers = ()
    payload: Body = EMPTY
    span: Span | None = None
    """The part of the file a 206 carries."""
    version: str = "HTTP/1.1"
    preface: Body = EMPTY
    status_line: bytes | None = None
    header_lines: Body = EMPTY
    has_head: bool = True
    transfer: Transfer = Transfer()
    delay_s: float = 0.0
    pauses: tuple[Pause, ...] = ()
    ending: Break | None = None
    pace: Pace | None = None
    close: bool = False
    """The connection is closed after the answer although nothing was said about it."""

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def without(self, *names: str) -> Answer:
        """The same answer, these headers left out."""
        gone = {name.lower() for name in names}
        return replace(self, headers=tuple(item for item in self.headers if item[0].lower() not in gone))

    def with_header(self, name: str, *values: str) -> Answer:
        """The same answer with exactly these headers of that name."""
        rest = self.without(name)
        return replace(rest, headers=(*rest.headers, *((name, value) for value in values)))

    def with_payload(self, payload: Body) -> Answer:
        """The same answer with another payload, its length stated truly."""
        return replace(self, payload=payload).with_header("Content-Length", str(payload.size))

    def with_pause(self, at: int, seconds: float | None) -> Answer:
        """The same answer with one more pause."""
        return replace(self, pauses=(*self.pauses, Pause(at, seconds)))

    def head(self) -> Body:
        """Everything before the body."""
        if not self.has_head:
            return self.preface
        lines = [self.status_line if self.status_line is not None else self._plain_status_line()]
        lines += [f"{name}: {value}".encode("latin-1") for name, value in self.headers]
        return self.preface + Bytes(b"\r\n".join(lines) + b"\r\n") + self.header_lines + b"\r\n"

    def _plain_status_line(self) -> bytes:
        return f"{self.version} {self.status} {responses.get(self.status, 'Unknown')}".encode()
