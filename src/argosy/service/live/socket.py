"""The client at the other end of a WebSocket: there, gone, or too slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from argosy.service.live.live import Line, Live

TRY_LATER: Final = 1013


class Socket(Protocol):
    """What is needed of a WebSocket."""

    async def receive(self) -> str | bytes | None:
        """Return the next message, None once there is none."""
        ...

    async def send(self, text: str) -> None:
        """Send once the client has taken what was sent before. Raises Gone."""

    async def close(self, code: int, reason: str) -> None: ...


class Gone(Exception):
    """The client is not there any more."""


class Stalled(Exception):
    """The client has taken nothing for too long."""


async def send(socket: Socket, text: str, within_s: float) -> None:
    """Send, and wait so long for the client to take what was sent before. Raises Gone and Stalled."""
    try:
        async with asyncio.timeout(within_s):
            await socket.send(text)
    except TimeoutError:
        raise Stalled from None


@asynccontextmanager
async def told(live: Live, line: Line, socket: Socket) -> AsyncIterator[None]:
    """Within, a client is told something: one that goes ends that, one that takes nothing is given up."""
    try:
        yield
    except Gone:
        return
    except Stalled:
        live.gave_up(line.kind)
        await socket.close(TRY_LATER, "nothing was taken for too long")
