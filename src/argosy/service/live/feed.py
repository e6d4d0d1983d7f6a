"""The one reader of the bus: what was heard last, kept once for every client of the service.

Logged events stand in a list that reaches back a few thousand numbers; a client needs nothing but its place in it. Of live
events the newest of each task is kept. They come out in editions, ten a second: those who keep pace all take the same
edition, which is put together and encoded once.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from itertools import takewhile
from operator import attrgetter
from typing import Final, Protocol

from argosy.bus.local import Event, Gap, Subscription
from argosy.core.events import DownloadMetrics, Recorded, StatusChanged
from argosy.core.types import TaskId
from argosy.errors import DiskFull, StoreError
from argosy.runtime.clock import Clock
from argosy.service.live.audience import Audience
from argosy.service.live.item import Item

log = logging.getLogger(__name__)

EDITION_S: Final = 0.1
RECENT: Final = 4096
"""Logged events that are kept at least; the store has those before them."""
NEWEST: Final = 4096
"""Tasks whose newest progress is kept at most."""
BUFFER: Final = 4096
AGAIN_S: Final = 1.0
_seq = attrgetter("seq")


class Source(Protocol):
    """What the feed needs of a runtime."""

    def subscribe(
        self, *, after: int | None = None, task_id: TaskId | None = None, buffer: int = ...
    ) -> Subscription: ...


class Feed:
    """Lives on the runtime loop; ``audience`` are those who want to know when there is more."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self.audience = Audience()
        self._recent: list[Item] = []
        self.since = 0
        """Every logged event after this number, up to ``last``, is kept here."""
        self.last = 0
        """Number of the logged event heard last."""
        self._newest: dict[TaskId | None, Item] = {}
        """By edition; the key is None for the metrics of the whole runtime."""
        self._fresh: dict[TaskId | None, Item] = {}
        """What comes out with the next edition."""
        self.edition = 0
        self._edited_s = 0.0
        self._metrics: DownloadMetrics | None = None
        """Those told last: they come every second, and while nothing changes are no news but to who has just come."""
        self._due: asyncio.TimerHandle | None = None
        self.moves = 0
        """Changes with everything that clients might take."""
        self.lag_s = 0.0
        """From the moment of the newest event (the clock of whoever committed it) until it was heard here."""
        self._subscription: Subscription | None = None

    def __repr__(self) -> str:
        return f"<Feed at {self.last}, edition {self.edition}, {len(self.audience)} listen>"

    # -- reading the bus ---------------------------------------------------------------------------

    def open(self) -> None:
        """Hear everything from now on, once :meth:`run` runs."""
        self._subscription = self._source.subscribe(buffer=BUFFER)
        self.since = self.last = self._subscription.cursor
        self._listen()

    async def run(self) -> None:
        """Read until the bus ends. A store that fails now and then only delays what is told."""
        while self._subscription is not None:
            try:
                async with self._subscription as events:
                    async for event in events:
                        self.hear(event)
            except (StoreError, DiskFull) as error:
                log.warning("live.feed_failed", extra={"code": error.detail_code, "error": error.message})
                await asyncio.sleep(AGAIN_S)
                self._subscription = self._source.subscribe(after=self.last, buffer=BUFFER)
                self._listen()
            else:
                return

    def close(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _listen(self) -> None:
        """Progress is made only while somebody is there to see it."""
        if self._subscription is not None:
            self._subscription.live = bool(self.audience)

    def changed_audience(self) -> None:
        """Somebody has come or gone."""
        self._metrics = None
        self._listen()

    def hear(self, event: Event) -> None:
        """Keep one event, and tell those who may want it."""
        if isinstance(event, Recorded):
            self._hear_logged(event)
        elif isinstance(event, Gap):
            self._miss(event.last)
        elif event != self._metrics:
            item = Item(event, heard_at=self.last)
            self._fresh[item.task_id] = item
            self._plan_edition()
            if isinstance(event, DownloadMetrics):
                self._metrics = event

    def _hear_logged(self, event: Recorded) -> None:
        if event.seq <= self.last:
            return
        if event.seq > self.last + 1:
            self._miss(event.seq - 1)
        item = Item(event)
        if isinstance(event.event, StatusChanged):
            self._overtake(event.event.task_id, event.seq)
        before = self.last
        self._recent.append(item)
        self.last = event.seq
        if len(self._recent) > 2 * RECENT:
            del self._recent[:RECENT]
            self.since = self._recent[0].place[0] - 1
        self.lag_s = max(0.0, self._clock.epoch() - event.at)
        self.moves += 1
        self.audience.wake(item.task_id, before)

    def _miss(self, upto: int) -> None:
        """Events up to that number are not to be had any more; whoever had not been told of them has to look for itself."""
        before = self.last
        self._recent.clear()
        self.since = self.last = upto
        self.moves += 1
        self.audience.wake_all(before)

    def _overtake(self, task_id: TaskId, seq: int) -> None:
        """What was shown of the task before its status changed comes out before the change, or not at all."""
        fresh = self._fresh.pop(task_id, None)
        if fresh is not None:
            self.edition += 1
            self._show(task_id, fresh)
        shown = self._newest.get(task_id)
        if shown is not None and shown.overtaken is None:
            shown.overtaken = seq

    # -- editions ----------------------------------------------------------------------------------

    def _plan_edition(self) -> None:
        if self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(max(loop.time(), self._edited_s + EDITION_S), self._edit)

    def _edit(self) -> None:
        self._due = None
        self._edited_s = asyncio.get_running_loop().time()
        if not self._fresh:
            return
        self.edition += 1
        fresh, self._fresh = self._fresh, {}
        for key, item in fresh.items():
            self._show(key, item)
        while len(self._newest) > NEWEST:
            del self._newest[next(iter(self._newest))]
        self.moves += 1
        self.audience.wake_any(fresh, self.last)

    def _show(self, key: TaskId | None, item: Item) -> None:
        item.edition = self.edition
        self._newest.pop(key, None)
        self._newest[key] = item

    # -- what clients take -------------------------------------------------------------------------

    def after(self, cursor: int, limit: int) -> list[Item]:
        """Return the logged events after ``cursor``, which is not below ``since``."""
        start = bisect_right(self._recent, cursor, key=_seq)
        return self._recent[start : start + limit]

    def shown_after(self, edition: int, cursor: int, wanted: Collection[TaskId] | None) -> list[Item]:
        """Return the live events of later editions, of the wanted tasks or of all, that are still news to who has
        everything up to ``cursor``: who knows that a task is paused would take how far it had come before for running.
        """
        found: Iterable[Item] = (
            reversed([*self._later(edition)]) if wanted is None else filter(None, map(self._newest.get, wanted))
        )
        return [
            item for item in found if item.edition > edition and (item.overtaken is None or item.overtaken > cursor)
        ]

    def _later(self, edition: int) -> Iterator[Item]:
        return takewhile(lambda item: item.edition > edition, reversed(self._newest.values()))
