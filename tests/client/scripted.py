"""A service that says what it is told to say, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> object:
        return json.loads(self.body)


Say = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Scripted:
    """Answers the requests in turn; the last answer is for all that follow. A context manager."""

    answers: list[Say]
    tls: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._converse, "127.0.0.1", 0, ssl=self.tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                asked = await _read(reader)
                at = len(self.asked)
                self.asked.append(asked)
                await self.answers[min(at, len(self.answers) - 1)](asked, writer)
                await writer.drain()
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, body)


def saying(content: object, status: int = 200, kind: str = "application/json", **headers: str) -> Say:
    """Answer with JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    given = {
        "Content-Type": kind,
        "Content-Length": str(len(body)),
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())

    async def say(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} So\r\n{lines}\r\n".encode() + body)

    return say


def refusing(status: int, code: str, **more: object) -> Say:
    """Answer with a problem."""
    problem = {"status": status, "detail": "no", "code": code, "hint": "try", "retryable": False, **more}
    return saying(problem, status, "application/problem+json")


async def hanging_up(asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Close the connection without a word."""
    writer.close()


def streaming(*pieces: str, then: str = "close") -> Say:
    """Answer with a stream of events; ``then`` close it, or stay ``open``."""

    async def say(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for piece in pieces:
            writer.write(piece.encode())
            await writer.drain()
        if then == "close":
            writer.close()
        else:
            await asyncio.get_running_loop().create_future()

    return say


def event(name: str, data: object, number: int | None = None) -> str:
    """One server-sent event."""
    id_ = "" if number is None else f"id: {number}\n"
    return f"event: {name}\n{id_}data: {json.dumps(data)}\n\n"


def changed(number: int, task_id: str = "a" * 32, to: str | None = "running") -> str:
    """A task has another status: the event with this number."""
    document = {
        "event": "task_status_changed", "payload": {"task_id": task_id, "from": "pending", "to": to},
        "seq": number, "at": "2026-01-02T03:04:05.678Z", "version": 2, "reason": "user",
    }  # fmt: skip
    return event("task_status_changed", document, number)


def progressed(received: int, task_id: str = "a" * 32) -> str:
    told = {"task_id": task_id, "downloaded": received, "total": None, "instantaneous_speed": 1.0,
            "smoothed_speed": 1.0, "eta_secs": None}  # fmt: skip
    return event("download_progress", {"event": "download_progress", "payload": told})


def snapshot(seq: int) -> str:
    return event("snapshot", {"type": "snapshot", "seq": seq, "tasks": [], "complete": False})
