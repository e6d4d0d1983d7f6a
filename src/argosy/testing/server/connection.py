"""One accepted TCP connection: reads requests, writes bytes, and can end in every way a connection can."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import sys
from collections.abc import Callable
from typing import cast

from argosy.testing.server.message import MalformedRequest

MAX_HEAD_BYTES = 1 << 18
UNSENT_POLL_S = 0.001
UNSENT_LIMIT_S = 2.0
CLOSE_NOTIFY_LIMIT_S = 2.0


class ClientGone(Exception):
    """The other side closed or reset the connection."""


class Connection(asyncio.Protocol):
    """A connection as a pair of awaitable operations, without a buffer of its own on the sending side.

    ``send`` returns when the kernel has taken every byte, so what was counted as sent has been sent. A client
    that closes its side is gone: half-closed connections are not served.
    """

    def __init__(self, accepted: Callable[[Connection], None]) -> None:
        self._accepted = accepted
        self._incoming = bytearray()
        self._changed = asyncio.Event()
        self._progressed = asyncio.Event()
        self._full = False
        self.gone = asyncio.Event()
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = self._tcp = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=0)
        # asyncio does this only for sockets whose protocol is named; without it each answer waits for a delayed ACK
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._accepted(self)

    async def secure(self, context: ssl.SSLContext) -> None:
        """Speaks TLS from now on; raises ``OSError`` when the handshake fails."""
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                self.transport, self, context, server_side=True, ssl_shutdown_timeout=CLOSE_NOTIFY_LIMIT_S
            )
            if secured is None:
                raise ConnectionAbortedError("reset by the server during the handshake")
        except OSError:
            self.abort()
            self.connection_lost(None)
            raise
        self.transport = secured
        secured.set_write_buffer_limits(high=1)  # with 0 asyncio's TLS pauses on an empty buffer, for ever

    def data_received(self, data: bytes) -> None:
        self._incoming += data
        self._changed.set()

    def eof_received(self) -> bool:
        self._leave()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self.closed.set()

    def pause_writing(self) -> None:
        self._full = True
        self._progressed.clear()

    def resume_writing(self) -> None:
        self._full = False
        self._progressed.set()

    def _leave(self) -> None:
        self.gone.set()
        self._changed.set()
        self._progressed.set()

    async def read_head(self) -> bytes | None:
        """The next request up to its empty line, that left out; None when the client is gone."""
        while (end := self._incoming.find(b"\r\n\r\n")) < 0:
            if len(self._incoming) > MAX_HEAD_BYTES:
                raise MalformedRequest("too long")
            if not await self._more():
                return None
        head = bytes(self._incoming[:end])
        del self._incoming[: end + 4]
        return head.lstrip(b"\r\n")

    async def discard(self, count: int) -> None:
        """Reads so many bytes of a request's body and drops them."""
        while count > 0:
            if not self._incoming and not await self._more():
                raise ClientGone
            dropped = min(count, len(self._incoming))
            del self._incoming[:dropped]
            count -= dropped

    async def _more(self) -> bool:
        self._changed.clear()
        if not self.gone.is_set():
            await self._changed.wait()
        return bool(self._incoming) or not self.gone.is_set()

    async def send(self, block: memoryview) -> None:
        """Gives ``block`` to the kernel; raises ``ClientGone`` if that did not take all of it."""
        await asyncio.sleep(0)  # a client that reads as fast as this writes would starve all others
        if self.gone.is_set():
            raise ClientGone
        self.transport.write(block)
        if self._full:
            await self._progressed.wait()
        if self._full or (self.transport.is_closing() and not self.gone.is_set()):
            raise ClientGone

    async def pause(self, seconds: float | None, released: asyncio.Event | None = None) -> None:
        """Sends nothing for so long or until ``released``; raises ``ClientGone`` at once when the client leaves."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self.gone, released) if event is not None]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self.gone.is_set():
            raise ClientGone

    async def close(self) -> None:
        """All sent bytes arrive, then FIN (over TLS after a close_notify)."""
        self.transport.close()
        await self.closed.wait()

    async def drop(self) -> None:
        """All sent bytes arrive, then FIN; over TLS without a close_notify."""
        await self._all_delivered()
        self.abort()
        await self.closed.wait()

    async def reset(self) -> None:
        """All sent bytes arrive if the client reads them soon, then RST."""
        await self._all_delivered()
        self.reset_now()
        await self.closed.wait()

    def reset_now(self) -> None:
        """RST; bytes under way are lost."""
        sock = self._socket()
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def abort(self) -> None:
        """It is closed now, if it is not yet: asyncio fails over one that has been closed with bytes still to be sent."""
        if not self.closed.is_set():
            self.transport.abort()

    async def _all_delivered(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + UNSENT_LIMIT_S
        # The kernel tells how much is unsent when asked, and sends no event.
        while not self.gone.is_set() and self._unsent_bytes() and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(UNSENT_POLL_S)

    def _unsent_bytes(self) -> int:
        return self._tcp.get_write_buffer_size() + _unacknowledged_bytes(self._socket())

    def _socket(self) -> socket.socket | None:
        # asyncio hands out a TransportSocket; it has the few methods used here.
        sock = cast("socket.socket | None", self.transport.get_extra_info("socket"))
        return sock if sock is not None and sock.fileno() >= 0 else None


def _unacknowledged_bytes(sock: socket.socket | None) -> int:
    """How many bytes the other side has not acknowledged; 0 where the system does not tell."""
    if sock is None or sys.platform != "linux":
        return 0
    # These modules do not exist on Windows.
    import fcntl  # noqa: PLC0415
    import termios  # noqa: PLC0415

    return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4), sys.byteorder)
