"""What could run, as the store last said: it is asked again only when the answer may be another one by now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

from argosy.core.schedule import Candidate
from argosy.core.types import Task, TaskId
from argosy.store.port import Store

SPARE_CANDIDATES: Final = 32
"""Looked at beyond twice the free slots: some will turn out to be blocked by their host or disk."""


class Backlog:
    """The tasks that wait, seen from one runtime. Lives on the runtime loop."""

    def __init__(self, store: Store, session: str | None) -> None:
        self._store = store
        self._session = session
        self._stale = True
        self._ready: list[Candidate] = []
        """Less what has been taken."""
        self._missing: frozenset[str] | None = None
        """Hosts whose tasks may be missing there; None: others may be as well."""
        self._whole: dict[TaskId, Task] = {}
        self.due_at: float | None = None
        """When the next task comes due that could not run yet."""

    def outdated(self) -> None:
        """Something waits that did not, or may do: look at the store next time."""
        self._stale = True

    async def candidates(self, now: float, free: int, closed: Collection[str]) -> Sequence[Candidate]:
        """Return who may run now, but for tasks of the closed hosts: all there are, or more than enough for the free slots."""
        if self.due_at is not None and self.due_at <= now:
            self._stale = True
        ready = [] if self._stale else [task for task in self._ready if task.host not in closed]
        complete = not self._stale and self._missing is not None and self._missing.issubset(closed)
        if complete or (ready and len(ready) >= 2 * free):
            return ready
        others = [] if self._stale else [task for task in self._ready if task.host in closed]
        if self._stale:
            self._whole.clear()
        self._stale = False
        limit = 2 * free + SPARE_CANDIDATES
        found = await self._store.runnable(now=now, limit=limit, session=self._session, full_hosts=closed)
        self.due_at = await self._store.next_due(now=now, session=self._session)
        self._missing = frozenset(closed) if len(found) < limit else None
        self._ready = [*found, *others]
        return found

    async def take(self, picks: Sequence[Candidate]) -> list[Task]:
        """Return the picked tasks whole, less those that are gone, and forget them: somebody claims them."""
        gone = {pick.id for pick in picks}
        self._ready = [task for task in self._ready if task.id not in gone]
        missing = [pick.id for pick in picks if pick.id not in self._whole]
        if missing:  # those that come next are wanted next: the fewer the trips to the store
            following = (task.id for task in self._ready if task.id not in self._whole)
            self._whole.update(await self._store.get([*missing, *islice(following, len(missing))]))
        return [self._whole.pop(pick.id) for pick in picks if pick.id in self._whole]
