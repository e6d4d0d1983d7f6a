"""Server-sent events: what happens as ``text/event-stream`` (WHATWG HTML, 9.2), until the client or the service goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from argosy.errors import DiskFull, StoreError
from argosy.service.live import frame
from argosy.service.live.filter import Filter
from argosy.service.live.frame import Closing, Outgoing
from argosy.service.live.item import Batch
from argosy.service.live.live import Begun, Line, Live
from argosy.service.live.mailbox import Lost

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""The last one is for nginx, which otherwise waits for a buffer's worth."""
RETRY: Final = b"retry: 2000\n\n"
"""Milliseconds until a browser comes back."""
PING: Final = b": ping\n\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client wants, and from where on."""

    filter: Filter
    after: int | None
    snapshot: bool
    limit: int


class EventStream(Response):
    """Sends what comes at the pace the client takes it."""

    media_type: str | None = MEDIA_TYPE

    def __init__(self, live: Live, asked: Asked, now: Callable[[], float]) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._live = live
        self._asked = asked
        self._now = now
        self._gone = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        with self._live.connected("sse") as line:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            watching = asyncio.create_task(self._watch(receive, line))
            try:
                await self._tell(line, _Out(send))
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                watching.cancel()

    async def _watch(self, receive: Receive, line: Line) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        line.bell.set()

    async def _tell(self, line: Line, out: _Out) -> None:
        begun: Begun | None = None
        await out.write(RETRY)
        try:
            asked = self._asked
            begun = await self._begin(line, asked.after, snapshot=asked.snapshot)
            await _introduce(begun, out)
            while not self._gone:
                line.bell.clear()
                found = await begun.mailbox.take()
                if isinstance(found, Batch):
                    self._live.events += len(found.items)
                    await out.write(found.server_sent)
                elif isinstance(found, Lost):
                    begun.mailbox.close()
                    begun = await self._begin(line, None, snapshot=True, reset=self._live.expired())
                    await _introduce(begun, out)
                elif self._live.closing is not None:
                    await out.say(self._live.closing)
                    return
                elif not await self._rung(line):
                    await out.write(PING)
        except (StoreError, DiskFull) as error:
            await out.say(Closing(error.detail_code, error.message, retryable=True))
        finally:
            if begun is not None:
                begun.mailbox.close()

    async def _begin(self, line: Line, after: int | None, *, snapshot: bool, reset: str | None = None) -> Begun:
        asked = self._asked
        return await self._live.begin(
            asked.filter, after=after, snapshot=snapshot, limit=asked.limit, bell=line.bell, reset=reset
        )

    async def _rung(self, line: Line) -> bool:
        """Return whether the bell rang before a sign of life was due."""
        try:
            async with asyncio.timeout(self._live.heartbeat_s):
                return await line.bell.wait()
        except TimeoutError:
            return False


async def _introduce(begun: Begun, out: _Out) -> None:
    if begun.reset is not None:
        await out.say(frame.Reset(begun.mailbox.cursor, begun.reset))
    if begun.view is not None:
        await out.say(frame.Snapshot(begun.view.seq, begun.view.tasks, begun.view.complete))


class _Out:
    """The body of the answer."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def write(self, text: bytes) -> None:
        """Send once the client has taken what was sent before; nothing happens once it is gone."""
        await self._send({"type": "http.response.body", "body": text, "more_body": True})

    async def say(self, said: Outgoing) -> None:
        """Send a frame under the name of its type. It has no id: only logged events have."""
        await self.write(f"event: {said.type}\ndata: {frame.written(said)}\n\n".encode())
