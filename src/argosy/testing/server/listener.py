"""The thread, the event loop and the listening socket of a server, and how they come and go."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from argosy.testing.server.connection import Connection

BACKLOG = 512
SETTLE_TURNS = 4


class Listener:
    """Accepts connections in a thread of its own and has each served by ``converse`` there.

    ``start`` and ``stop`` are for one thread at a time, the rest for any.
    """

    def __init__(
        self,
        converse: Callable[[Connection], Awaitable[None]],
        *,
        host: str,
        tls: ssl.SSLContext | None,
        max_connections: int | None,
        send_buffer_bytes: int | None,
    ) -> None:
        self.port = 0
        self._converse = converse
        self._host = host
        self._tls = tls
        self._max_connections = max_connections
        self._send_buffer_bytes = send_buffer_bytes
        self._thread: threading.Thread | None = None
        self._door: asyncio.Server | None = None
        self._open: dict[Connection, asyncio.Task[None]] = {}
        self._failures: list[Exception] = []

    @property
    def running(self) -> bool:
        return self._thread is not None

    def start(self) -> None:
        """It listens afterwards, at the same port as the last time."""
        if self._thread is not None:
            raise RuntimeError("the server is running")
        listening: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(listening)), name="faulty-server")
        self._thread.start()
        try:
            listening.result()
        except OSError:
            self._join()
            raise

    def stop(self) -> None:
        """No thread, task or socket is left; raises ``RuntimeError`` if an answer failed by an error in the server."""
        if self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._join()
        if self._failures:
            failures, self._failures = self._failures, []
            raise RuntimeError(f"the server failed while answering: {failures[0]!r}") from failures[0]

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def release(self) -> None:
        """What waits for ``released`` goes on."""
        self._loop.call_soon_threadsafe(self.released.set)

    def settle(self) -> None:
        """What was sent before the call has been counted."""
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._call(self._turn_over())

    async def _turn_over(self) -> None:
        # A task that waits for the socket is woken in the turn after the one in which the socket took the bytes;
        # over TLS one later.
        for _ in range(SETTLE_TURNS):
            await asyncio.sleep(0)

    def reset_all(self) -> None:
        """Every open connection was reset."""
        self._call(self._reset_all())

    def close_door(self) -> None:
        """It accepts nothing, and every open connection was reset."""
        self._call(self._close_door())

    def open_door(self) -> None:
        """It accepts connections."""
        self._call(self._open_door())

    def _call(self, action: Coroutine[Any, Any, None]) -> None:
        if self._thread is None:
            action.close()
            raise RuntimeError("the server is not running")
        asyncio.run_coroutine_threadsafe(action, self._loop).result()

    async def _main(self, listening: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping, self.released = asyncio.Event(), asyncio.Event()
        try:
            await self._open_door()
        except OSError as error:
            listening.set_exception(error)
            return
        listening.set_result(None)
        await self._stopping.wait()
        await self._close_door()

    async def _open_door(self) -> None:
        if self._door is not None:
            return
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listening = socket.create_server((self._host, self.port), family=family, backlog=BACKLOG)
        if self._send_buffer_bytes:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer_bytes)
        self.port = listening.getsockname()[1]
        self._door = await self._loop.create_server(lambda: Connection(self._accepted), sock=listening, backlog=BACKLOG)

    async def _close_door(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None
        await self._turn_over()  # what was just accepted gets its Connection some turns later
        await self._reset_all()

    async def _reset_all(self) -> None:
        tasks = list(self._open.values())
        for connection in list(self._open):
            connection.reset_now()
        await asyncio.gather(*tasks)
        await self._turn_over()  # the socket of an aborted transport is closed a turn later

    def _accepted(self, connection: Connection) -> None:
        if self._max_connections is not None and len(self._open) >= self._max_connections:
            connection.reset_now()
            return
        if self._tls is not None:
            connection.transport.pause_reading()  # the handshake must not be taken for a request
        self._open[connection] = self._loop.create_task(self._serve(connection))

    async def _serve(self, connection: Connection) -> None:
        try:
            if await self._secured(connection):
                await self._converse(connection)
        except Exception as failure:  # noqa: BLE001 (kept for stop, which raises it in the thread of the test)
            self._failures.append(failure)
        finally:
            connection.abort()  # nothing is lost of what was closed in order: that waits for its end
            await connection.closed.wait()
            del self._open[connection]

    async def _secured(self, connection: Connection) -> bool:
        """Whether the connection can be used; a TLS handshake that fails is the client's own affair."""
        if self._tls is None:
            return True
        try:
            await connection.secure(self._tls)
        except OSError:
            return False
        return True
