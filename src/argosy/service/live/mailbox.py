"""Where one client stands: what it wants, and up to where it has been told. That is all that is kept for it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from argosy.core.types import TaskId
from argosy.service.live.feed import Feed
from argosy.service.live.filter import Filter
from argosy.service.live.item import Batch
from argosy.service.live.press import Press


@dataclass(frozen=True, slots=True)
class Lost:
    """The log no longer has what came after ``cursor``: look at the tasks themselves, and go on from ``seq``."""

    cursor: int
    seq: int


class Mailbox:
    """Tells one client everything that was logged, in order and once, and of what is live the newest.

    A context manager. Slow or fast, it costs the same: nothing waits here. ``bell`` is rung when there may be more; a
    client with several mailboxes gives all of them the same.
    """

    def __init__(
        self, feed: Feed, press: Press, wanted: Filter, after: int | None, bell: asyncio.Event | None = None
    ) -> None:
        self._feed = feed
        self._press = press
        self.filter = wanted
        self._cursor = feed.last if after is None else after
        self._edition = feed.edition
        self._unproven = after is not None
        """Nobody knows yet whether the log reaches back to where the client says it stands."""
        self._idle = False
        self._open = True
        self.bell = asyncio.Event() if bell is None else bell
        feed.audience.add(self)
        feed.changed_audience()
        self.bell.set()

    def __repr__(self) -> str:
        return f"<Mailbox at {self.cursor}{', idle' if self._idle else ''}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Be told nothing more. Idempotent."""
        if self._open:
            self._open = False
            self._feed.audience.remove(self)
            self._feed.changed_audience()

    @property
    def wanted(self) -> Collection[TaskId] | None:
        return self.filter.tasks

    @property
    def cursor(self) -> int:
        """Everything the client wants up to this number it has been given."""
        return max(self._cursor, self._feed.last) if self._idle else self._cursor

    def more(self, before: int) -> None:
        if self._idle:
            self._idle = False
            self._cursor = max(self._cursor, before)
        self.bell.set()

    async def take(self) -> Batch | Lost | None:
        """Return what comes next; None once there is nothing, until the bell rings. After a Lost it goes on from there.

        Raises StoreError if the log cannot be read just now; nothing is lost by that.
        """
        while not self._idle:
            batch = await self._next()
            if batch is None:
                lost = Lost(self._cursor, self._feed.last)
                self._cursor, self._edition = self._feed.last, self._feed.edition
                return lost
            self._cursor, self._edition = batch.seq, batch.edition
            if batch.items:
                return batch
            self._idle = self._cursor >= self._feed.last and self._edition == self._feed.edition
        return None

    async def within(self, seconds: float) -> Batch | Lost | None:
        """Return what comes next, None if nothing does within that time or somebody else rang."""
        found = await self.take()
        if found is not None:
            return found
        self.bell.clear()
        try:
            async with asyncio.timeout(seconds):
                await self.bell.wait()
        except TimeoutError:
            return None
        return await self.take()

    async def _next(self) -> Batch | None:
        if self._unproven:
            if not await self._press.reaches(self._cursor):
                self._unproven = False
                return None
            self._unproven = False
        if self._cursor < self._feed.since:
            return await self._press.logged(self.filter, self._cursor, self._edition)
        return await self._press.newest(self.filter, self._cursor, self._edition)
