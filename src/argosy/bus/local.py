"""The event bus within one process.

Lasting events come in order of their number, each once, also those that other processes committed: a hole in the numbers
is filled from the store's log before anything after it is told. Every subscriber has a bounded queue. One that cannot
keep up gets only the newest progress of each task, and its lasting events from the log once it has time; memory stays
bounded and nothing lasting is lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol, Self

from argosy.core.events import DownloadMetrics, DownloadProgress, Live, Recorded
from argosy.core.types import TaskId
from argosy.value import dataclass

PAGE: Final = 500
BUFFER: Final = 1024


@dataclass(frozen=True, slots=True)
class Gap:
    """Lasting events between two numbers (inclusive) are no longer in the log: look at the tasks themselves."""

    first: int
    last: int


Event = Recorded | DownloadProgress | DownloadMetrics | Gap


class Log(Protocol):
    """What the bus needs of a store."""

    async def events(
        self, *, after: int = 0, limit: int = 1000, task_id: TaskId | None = None
    ) -> Sequence[Recorded]: ...

    async def last_seq(self) -> int: ...


class Listener(Protocol):
    """Somebody within the process who must hear at once; false while nothing interests it."""

    def hear(self, event: Recorded) -> None:
        """Be quick, and raise nothing."""

    def __bool__(self) -> bool: ...


class Bus:
    """All methods are called on one loop."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._subscriptions: set[Subscription] = set()
        self._listeners: list[Listener] = []
        self._order = asyncio.Lock()
        self._next_look: asyncio.Task[None] | None = None
        self.last = 0
        """Number of the last lasting event told."""

    def __repr__(self) -> str:
        return f"<Bus at {self.last}, {len(self._subscriptions)} subscribers>"

    async def open(self) -> None:
        self.last = await self._log.last_seq()

    def close(self) -> None:
        """End every subscription once it has drained."""
        for subscription in tuple(self._subscriptions):
            subscription.end()

    @property
    def heard(self) -> bool:
        """Whether anybody wants to hear what only counts now."""
        return any(subscription.live for subscription in self._subscriptions)

    def listen(self, listener: Listener) -> None:
        """Let ``listener`` hear every lasting event, in order."""
        self._listeners.append(listener)

    async def tell(self, events: Sequence[Recorded]) -> None:
        """Deliver events that have been committed."""
        if not events:
            return
        async with self._order:
            if events[0].seq == self.last + 1 and events[-1].seq == self.last + len(events):
                self._deliver(events)
            elif self.last < events[-1].seq:
                await self._read_on(events[-1].seq)

    async def catch_up(self) -> None:
        """Deliver all that has been committed, also by other processes. Who asks while others wait to look goes with them."""
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look())
        await asyncio.shield(self._next_look)

    async def _look(self) -> None:
        async with self._order:
            self._next_look = None  # who asks from here on may have committed what this look does not see
            await self._read_on(None)

    async def _read_on(self, goal: int | None) -> None:
        if not self._subscriptions and not any(self._listeners):
            self.last = max(self.last, await self._log.last_seq())
        while goal is None or self.last < goal:
            page = await self._log.events(after=self.last, limit=PAGE)
            self._deliver(page)
            if len(page) < PAGE:
                return

    def _deliver(self, events: Sequence[Recorded]) -> None:
        for event in events:
            self.last = event.seq
            for listener in self._listeners:
                listener.hear(event)
            for subscription in self._subscriptions:
                subscription.put_lasting(event)

    def show(self, event: Live) -> None:
        """Deliver something that only counts now."""
        for subscription in self._subscriptions:
            subscription.put_live(event)

    def subscribe(
        self, *, after: int | None = None, task_id: TaskId | None = None, buffer: int = BUFFER
    ) -> Subscription:
        """Return an async iterator over events from now on, or over all after number ``after`` first."""
        return Subscription(self, self._log, after, task_id, buffer)

    def join(self, subscription: Subscription) -> Callable[[], None]:
        """Let ``subscription`` hear from now on; the result ends that."""
        self._subscriptions.add(subscription)
        return lambda: self._subscriptions.discard(subscription)


class Subscription:
    """An async iterator and context manager; hears from the moment it is made until closed."""

    def __init__(self, bus: Bus, log: Log, after: int | None, task_id: TaskId | None, buffer: int) -> None:
        self._bus = bus
        self._log = log
        self._task_id = task_id
        self._room = max(1, buffer)
        self._queue: deque[Recorded | Gap | TaskId | None] = deque()
        """Lasting events, and placeholders of live ones: a task's id, or None for metrics."""
        self._newest: dict[TaskId | None, DownloadProgress | DownloadMetrics] = {}
        self.live = True
        """Whether progress and metrics are wanted; while nobody wants them they are not even made."""
        self._cursor = bus.last if after is None else after
        self._behind = after is not None
        """Lasting events after the cursor are to be read from the log."""
        self._wake = asyncio.Event()
        self._ended = False
        self._leave = bus.join(self)
        if self._behind:
            self._wake.set()

    def __repr__(self) -> str:
        return f"<Subscription at {self._cursor}, {len(self._queue)} waiting{', behind' if self._behind else ''}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def cursor(self) -> int:
        """Number of the lasting event taken last: what comes next is above it."""
        return self._cursor

    def close(self) -> None:
        """Hear nothing more."""
        self._leave()
        self._queue.clear()
        self._newest.clear()
        self._behind = False
        self.end()

    def end(self) -> None:
        """Let the iterator stop after what it still has."""
        self._ended = True
        self._wake.set()

    # -- the bus puts ------------------------------------------------------------------------------

    def put_lasting(self, event: Recorded) -> None:
        if self._behind or (self._task_id is not None and event.event.task_id != self._task_id):
            return
        if len(self._queue) >= self._room:
            self._fall_behind()
            return
        self._queue.append(event)
        self._wake.set()

    def put_live(self, event: Live) -> None:
        key = event.task_id if isinstance(event, DownloadProgress) else None
        if not self.live or (self._task_id is not None and key != self._task_id):
            return
        if key not in self._newest:
            if len(self._queue) >= self._room:
                return
            self._queue.append(key)
            self._wake.set()
        self._newest[key] = event

    def _fall_behind(self) -> None:
        """Forget what is queued: the log has the lasting part, and old progress is of no use to anybody."""
        self._queue.clear()
        self._newest.clear()
        self._behind = True
        self._wake.set()

    # -- the subscriber takes ----------------------------------------------------------------------

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        while True:
            if self._queue:
                return self._take()
            if self._behind:
                await self._read_log()
            elif self._ended:
                raise StopAsyncIteration
            else:
                self._wake.clear()
                await self._wake.wait()

    async def within(self, seconds: float) -> Event | None:
        """Return the next event, or None if there is none within that time."""
        try:
            return await asyncio.wait_for(self.__anext__(), seconds)
        except TimeoutError:
            return None

    def _take(self) -> Event:
        head = self._queue.popleft()
        if isinstance(head, Recorded):
            self._cursor = head.seq
            return head
        if isinstance(head, Gap):
            return head
        return self._newest.pop(head)

    async def _read_log(self) -> None:
        told = self._bus.last
        page = await self._log.events(after=self._cursor, limit=min(PAGE, self._room), task_id=self._task_id)
        if page and self._task_id is None and page[0].seq > self._cursor + 1:
            self._queue.append(Gap(self._cursor + 1, page[0].seq - 1))
        # What the bus has not told yet it will tell: taking it here as well would make it come twice.
        ready = [event for event in page if event.seq <= told]
        self._queue.extend(ready)
        if len(ready) < len(page) or (len(page) < min(PAGE, self._room) and told == self._bus.last):
            self._behind = self._bus.last != told
        if ready:
            self._cursor = ready[-1].seq
