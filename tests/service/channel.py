"""The live channels over real sockets, in the test's own process: a scripted runtime, and only the routes they need."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect

from argosy.errors import ArgosyError
from argosy.runtime.clock import SystemClock
from argosy.runtime.manager import Runtime
from argosy.service.answering import problem
from argosy.service.live.frame import FRAME_BYTES
from argosy.service.live.live import Live
from argosy.service.live.wire import BoundedWebSocket
from argosy.service.routes import description, events
from argosy.service.routes import socket as socket_route
from argosy.testing.engine import Play, Script
from argosy.testing.scripted import Scripted

PATIENCE_S = 15.0


@dataclass
class Channel:
    runtime: Runtime
    live: Live
    server: uvicorn.Server
    port: int

    @property
    def unsent(self) -> int:
        """Bytes that wait in this process for the slowest client to take them."""
        each = (connection.transport.get_write_buffer_size() for connection in self.server.server_state.connections)
        return max(each, default=0)

    def talk(self, **options: Any) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}/ws", **options)

    async def add(self, name: str = "file.bin") -> str:
        return (await self.runtime.add(f"http://127.0.0.1/{name}")).id


@asynccontextmanager
async def channel(
    home: Path, script: Script | Play | None = None, *, send_buffer: int | None = None, **live_options: Any
) -> AsyncIterator[Channel]:
    """``send_buffer``: bytes that the system holds for a client that does not read."""
    clock = SystemClock()
    async with Scripted(home)(script) as runtime, Live(runtime, clock, **live_options) as live:
        app = FastAPI()
        app.state.service = SimpleNamespace(runtime=runtime, live=live, clock=clock)
        app.add_exception_handler(ArgosyError, problem.of_error)
        for router in (events.router, socket_route.router, description.router):
            app.include_router(router)
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        if send_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        server = uvicorn.Server(
            uvicorn.Config(
                app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=5,
                ws=BoundedWebSocket, ws_max_size=FRAME_BYTES, ws_per_message_deflate=False, ws_ping_interval=None,
            )
        )  # fmt: skip
        serving = asyncio.create_task(server._serve([listener]))
        try:
            yield Channel(runtime, live, server, listener.getsockname()[1])
        finally:
            await live.farewell()
            server.should_exit = True
            await serving


async def frame(talking: ClientConnection, kind: str | None = None) -> Any:
    """Return the next frame, or the next of that type."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message = json.loads(await talking.recv())
            if kind in {None, message["type"]}:
                return message


async def say(talking: ClientConnection, **message: Any) -> None:
    await talking.send(json.dumps(message))


async def logged(talking: ClientConnection, upto: int) -> list[int]:
    """Return the numbers of the logged events that come, up to that one."""
    seqs: list[int] = []
    while not seqs or seqs[-1] < upto:
        told = await frame(talking, "events")
        seqs += [event["seq"] for event in told["events"] if "seq" in event]
    return seqs


class Stream:
    """A stream of server-sent events, read by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader = reader
        self.writer = writer
        first, *lines = head.split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self._waiting: list[dict[str, str]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def block(self, kind: str | None = None) -> dict[str, str]:
        """Return the fields of the next block, or of the next event of that name; a comment is the field "".

        Raises EOFError at the end.
        """
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while self._waiting:
                    block = self._waiting.pop(0)
                    if kind in {None, block.get("event")}:
                        return block
                await self._chunk()

    async def logged(self, upto: int) -> list[int]:
        """Return the ids that come, up to that one."""
        ids: list[int] = []
        while not ids or ids[-1] < upto:
            block = await self.block()
            ids += [int(block["id"])] if "id" in block else []
        return ids

    async def _chunk(self) -> None:
        """What was sent at once: whole blocks."""
        size = int(await self._reader.readline() or b"0", 16)
        if not size:
            raise EOFError
        text = (await self._reader.readexactly(size + 2))[:-2].decode()
        assert text.endswith("\n\n")
        self._waiting += [_fields(block) for block in text[:-2].split("\n\n")]


def _fields(block: str) -> dict[str, str]:
    return {name: value.removeprefix(" ") for name, _, value in (line.partition(":") for line in block.split("\n"))}


async def stream(port: int, path: str = "/v1/events", **headers: str) -> Stream:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
    return Stream(reader, writer, head[:-4].decode())
