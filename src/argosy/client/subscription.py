"""Events of a distant runtime as they happen: one stream, taken up again where it broke.

A subscriber that cannot keep up gets only the newest progress of each task, and its lasting events from the service's log
once it has time; memory stays bounded and nothing lasting is lost. The same holds for a broken connection.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Final, Self

from argosy.bus.local import Event, Gap
from argosy.client import reading
from argosy.client.failure import Unreachable
from argosy.client.frame import Frame, Frames
from argosy.client.transport import Query, Transport, pause_s
from argosy.core.events import DownloadMetrics, DownloadProgress, Recorded
from argosy.core.types import TaskId
from argosy.errors import ArgosyError, BadResponse, ServerBusy, StoreError

BUFFER: Final = 1024
SILENCE_S: Final = 45.0
"""A stream that says nothing for so long, not even that it is alive, is broken: three of the service's heartbeats."""


class Subscription:
    """An async iterator and context manager over events; hears from the moment the block is entered.

    ``patience_s`` is for how long it tries to get a broken stream back, from its first failure on; None: for ever.
    ``lost`` is called when a stream breaks, with why.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        query: Query = (),
        *,
        after: int | None = None,
        buffer: int = BUFFER,
        patience_s: float | None = None,
        lost: Callable[[ArgosyError], None] | None = None,
        heard: Callable[[Event], None] | None = None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._query = query
        self._cursor = after
        self._room = max(1, buffer)
        self._patience_s = patience_s
        self._lost = lost
        self._heard = heard
        self._queue: deque[Recorded | Gap | TaskId | None] = deque()
        """Lasting events, and placeholders of live ones: a task's id, or None for metrics."""
        self._newest: dict[TaskId | None, DownloadProgress | DownloadMetrics] = {}
        self._reset = False
        """The service's log does not reach back to where we were; a snapshot is on its way that says where it is."""
        self._behind = False
        """There was more than there is room for: the stream is closed until there is room again."""
        self._wake = asyncio.Event()
        self._taken = asyncio.Event()
        self._open = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._alive_at = 0.0

    def __repr__(self) -> str:
        return f"<Subscription to {self._path} at {self._cursor}, {len(self._queue)} waiting>"

    @property
    def cursor(self) -> int | None:
        """Number of the lasting event taken last: what comes next is above it. None before the service's first word."""
        waiting = next((held for held in self._queue if isinstance(held, Recorded | Gap)), None)
        if waiting is None:
            return self._cursor
        return (waiting.seq if isinstance(waiting, Recorded) else waiting.first) - 1

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        if self._reader is not None:
            await asyncio.wait([self._reader])

    def close(self) -> None:
        """Hear nothing more."""
        self._queue.clear()
        self._newest.clear()
        if self._reader is not None:
            self._reader.cancel()
        self._wake.set()

    # -- the subscriber takes ----------------------------------------------------------------------

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        await self._begin()
        assert self._reader is not None
        while not self._queue:
            if self._reader.done():
                if not self._reader.cancelled():
                    self._reader.result()
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._take()

    async def within(self, seconds: float) -> Event | None:
        """Return the next event, or None if there is none within that time."""
        try:
            return await asyncio.wait_for(self.__anext__(), seconds)
        except TimeoutError:
            return None

    def _take(self) -> Event:
        head = self._queue.popleft()
        self._taken.set()
        if isinstance(head, Recorded | Gap):
            return head
        return self._newest.pop(head)

    # -- the stream puts ---------------------------------------------------------------------------

    def _put(self, event: Event) -> None:
        if self._heard is not None:
            self._heard(event)
        if isinstance(event, Recorded | Gap):
            if isinstance(event, Recorded) and self._cursor is not None and event.seq <= self._cursor:
                return  # told before the stream broke
            if len(self._queue) >= self._room:
                self._behind = True
                self._newest.clear()
                self._queue = deque(held for held in self._queue if isinstance(held, Recorded | Gap))
                return
            self._queue.append(event)
            self._cursor = event.seq if isinstance(event, Recorded) else event.last
        else:
            key = event.task_id if isinstance(event, DownloadProgress) else None
            if key not in self._newest:
                if len(self._queue) >= self._room:
                    return
                self._queue.append(key)
            self._newest[key] = event
        self._wake.set()

    def _sort(self, frame: Frame) -> None:
        data = json.loads(frame.data)
        match frame.event:
            case "task_status_changed" | "runtime_warning" | "download_progress" | "download_metrics":
                self._put(reading.read(reading.event, data))
            case "reset":
                self._reset = True
            case "snapshot":
                self._stand_at(int(data["seq"]))
            case "closing" if not data["retryable"]:
                raise StoreError(str(data["reason"])[:300], code=str(data["code"]))

    def _stand_at(self, seq: int) -> None:
        """What the tasks were at ``seq`` they are to whoever asks; only what comes after is told here."""
        if self._reset:
            self._reset = False
            self._put(Gap((self._cursor or 0) + 1, seq))
        elif self._cursor is None:
            self._cursor = seq

    # -- the stream's life -------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Return once the stream is open. Raises what keeps it from that."""
        if self._reader is None:
            self._reader = asyncio.get_running_loop().create_task(self._read())
            self._reader.add_done_callback(self._ended)
        if not self._open.is_set():
            await self._open.wait()
            if self._reader.done() and not self._reader.cancelled():
                self._reader.result()

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._open.set()
        self._wake.set()

    async def _read(self) -> None:
        """Read one stream after the other, for as long as anybody listens and patience lasts."""
        loop = asyncio.get_running_loop()
        failures, broken_at = 0, 0.0
        while True:
            began = loop.time()
            try:
                await self._read_one()
                failures = 0
            except (Unreachable, ServerBusy, _Broken) as error:
                failures = 1 if self._alive_at > began else failures + 1
                broken_at = loop.time() if failures == 1 else broken_at
                reason = error if isinstance(error, ArgosyError) else Unreachable("the service closed the stream")
                if self._lost is not None and failures == 1:
                    self._lost(reason)
                pause = pause_s(failures, getattr(error, "retry_after_s", None))
                if self._patience_s is not None and loop.time() + pause - broken_at > self._patience_s:
                    raise reason from None
                await asyncio.sleep(pause)
            if self._behind:
                await self._drained()

    async def _drained(self) -> None:
        """Return once the subscriber has taken what was there."""
        while self._queue:
            self._taken.clear()
            await self._taken.wait()
        self._behind = False

    async def _read_one(self) -> None:
        """Read one stream until it breaks (raises) or there is no room for more."""
        frames, news = Frames(), asyncio.Event()
        failed: list[Exception] = []

        def take(piece: bytes) -> int | None:
            self._alive_at = asyncio.get_running_loop().time()
            if news.is_set():
                return None  # the connection is about to be closed: what comes now comes again
            try:
                for frame in frames.feed(piece):
                    self._sort(frame)
                    if self._behind:
                        break
            except (ArgosyError, ValueError, KeyError, TypeError) as error:
                failed.append(error)
            if failed or self._behind:
                news.set()
            return None

        # The smallest snapshot there is says where the log is, so that a stream that breaks at once can be taken up again.
        query = [*self._query, ("limit", "1")]
        headers = {} if self._cursor is None else {"Last-Event-ID": str(self._cursor)}
        async with self._transport.stream(self._path, query, headers, take) as (head, over):
            if not head.fields.get("content-type", "").startswith("text/event-stream"):
                raise BadResponse("the service did not answer with a stream of events", hint="is the address right?")
            self._alive_at = asyncio.get_running_loop().time()
            self._open.set()
            await self._until(asyncio.ensure_future(over), news)
        if failed:
            raise failed[0] if isinstance(failed[0], ArgosyError) else BadResponse("the stream of events is damaged")

    async def _until(self, over: asyncio.Future[None], news: asyncio.Event) -> None:
        """Return once there are ``news``; raises _Broken when the stream has ended or is silent for too long."""
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(news.wait())
        try:
            while not news.is_set():
                left = self._alive_at + SILENCE_S - loop.time()
                if left <= 0:
                    raise _Broken
                done, _ = await asyncio.wait((over, waiting), timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if over in done and not news.is_set():
                    over.result()
                    raise _Broken
        finally:
            waiting.cancel()


class _Broken(Exception):
    """The stream ended without an error of its own."""
