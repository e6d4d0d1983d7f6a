"""Puts together what clients take: out of the feed, once for all who stand at the same place and want the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Protocol

from argosy.core.events import Recorded
from argosy.core.types import TaskId
from argosy.service.live.feed import Feed
from argosy.service.live.filter import Filter
from argosy.service.live.item import Batch, Item
from argosy.service.live.register import Register, Tasks

PAGE: Final = 500
"""Logged events in one batch at most."""


class Log(Tasks, Protocol):
    """What is needed of a store."""

    async def events(
        self, *, after: int = 0, limit: int = 1000, task_id: TaskId | None = None
    ) -> Sequence[Recorded]: ...

    async def last_seq(self) -> int: ...


class Press:
    """Makes batches from the feed, or from the log for who stands before what the feed still has."""

    def __init__(self, feed: Feed, log: Log) -> None:
        self._feed = feed
        self._log = log
        self._register = Register(log)
        self._made: dict[tuple[Filter, int, int], Batch] = {}
        self._made_at = -1

    async def newest(self, wanted: Filter, cursor: int, edition: int) -> Batch:
        """Return what the feed has after that place. Progress comes only with the last of what was logged before it."""
        feed = self._feed
        if self._made_at != feed.moves:
            self._made.clear()
            self._made_at = feed.moves
        key = (wanted, cursor, edition)
        made = self._made.get(key)
        if made is not None:
            return made
        moves = feed.moves
        items: Sequence[Item] = feed.after(cursor, PAGE)
        if len(items) == PAGE:
            batch = await self._admitted(wanted, items, items[-1].place[0], edition)
        else:
            seq, now = max(cursor, feed.last), feed.edition
            items = sorted([*items, *feed.shown_after(edition, cursor, wanted.tasks)], key=_place)
            batch = await self._admitted(wanted, items, seq, now)
        if moves == feed.moves:
            self._made[key] = batch
        return batch

    async def logged(self, wanted: Filter, cursor: int, edition: int) -> Batch | None:
        """Return a page of what the log has after ``cursor``; None if it does not reach back so far."""
        only = next(iter(wanted.tasks)) if wanted.tasks is not None and len(wanted.tasks) == 1 else None
        last = self._feed.last
        page = await self._log.events(after=cursor, limit=PAGE, task_id=only)
        if await self._first() > cursor + 1:
            return None
        whole = len(page) < PAGE
        seq = max(last, cursor, page[-1].seq if page else 0) if whole else page[-1].seq
        return await self._admitted(wanted, [Item(event) for event in page], seq, edition)

    async def reaches(self, cursor: int) -> bool:
        """Whether the log has everything after ``cursor``, and knows of that number at all."""
        if self._feed.since <= cursor <= self._feed.last:
            return True
        return await self._first() - 1 <= cursor <= await self._log.last_seq()

    async def _first(self) -> int:
        """Return the number of the oldest event in the log, or what the next one will have."""
        oldest = await self._log.events(after=0, limit=1)
        return oldest[0].seq if oldest else await self._log.last_seq() + 1

    async def _admitted(self, wanted: Filter, items: Collection[Item], seq: int, edition: int) -> Batch:
        facts = await self._register.learn(items) if wanted.needs_facts and items else {}
        return Batch([item for item in items if wanted.admits(item.inner, facts)], seq, edition)


def _place(item: Item) -> tuple[int, int]:
    return item.place
