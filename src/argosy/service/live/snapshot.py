"""The tasks as they are, for a client that begins: read once for all who begin within half a second."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from argosy.core.document import TaskDocument, of_task
from argosy.core.types import ACTIVE, TERMINAL, Progress, Status, Task, TaskId
from argosy.runtime.clock import Clock
from argosy.service.live.feed import Feed
from argosy.service.live.filter import Filter, facts_of
from argosy.store.port import Query, Store

FRESH_S: Final = 0.5
KEPT: Final = 64
UNFINISHED: Final = frozenset(Status) - TERMINAL


class Runtime(Protocol):
    """What is needed of a runtime."""

    @property
    def store(self) -> Store: ...

    def live_progress(self, task_id: TaskId) -> Progress | None: ...


@dataclass(frozen=True, slots=True)
class View:
    """Tasks as of event ``seq`` or later; ``complete``: none that the filter asks for is missing."""

    seq: int
    tasks: list[TaskDocument]
    complete: bool


class Snapshots:
    """Reads tasks for filters. A storm of clients that all come back asks the store a few times, not once each."""

    def __init__(self, runtime: Runtime, feed: Feed, clock: Clock) -> None:
        self._runtime = runtime
        self._feed = feed
        self._clock = clock
        self._taken: dict[tuple[Filter, int], tuple[float, asyncio.Future[View]]] = {}

    async def take(self, wanted: Filter, limit: int) -> View:
        """Return up to ``limit`` tasks: the named ones; else those of the given statuses; else the active ones and, as far
        as there is room, the others that are not finished; of each the newest. Raises StoreError.
        """
        now = self._clock.steady()
        taken = self._taken.get((wanted, limit))
        if taken is None or now - taken[0] > FRESH_S or _failed(taken[1]):
            self._forget(now)
            taken = self._taken[wanted, limit] = (now, asyncio.ensure_future(self._read(wanted, limit)))
        return await asyncio.shield(taken[1])

    def _forget(self, now: float) -> None:
        old = [key for key, (taken_s, _) in self._taken.items() if now - taken_s > FRESH_S]
        for key in old or list(self._taken)[: len(self._taken) - KEPT]:
            del self._taken[key]

    async def _read(self, wanted: Filter, limit: int) -> View:
        seq = self._feed.last
        tasks = await self._named(wanted) if wanted.tasks is not None else await self._found(wanted, limit + 1)
        complete = len(tasks) <= limit
        if wanted.needs_facts:
            tasks = [task for task in tasks if wanted.facts_admit(facts_of(task))]
        shown = [of_task(task, self._runtime.live_progress(task.id)) for task in tasks[:limit]]
        return View(seq, shown, complete)

    async def _named(self, wanted: Filter) -> list[Task]:
        found = await self._runtime.store.get(sorted(wanted.tasks or ()))
        known = (task for task in found.values() if wanted.statuses is None or task.status in wanted.statuses)
        return sorted(known, key=lambda task: -task.number)

    async def _found(self, wanted: Filter, limit: int) -> list[Task]:
        """Return the tasks as one look at the store has them: of two, neither may have one that has just begun to run."""
        if wanted.statuses is not None:
            return [*await self._look(wanted, wanted.statuses, limit)]
        found = await self._look(wanted, UNFINISHED, limit)
        if len(found) < limit:
            return sorted(found, key=lambda task: not task.active)
        active = await self._look(wanted, ACTIVE, limit)  # the newest of all may not be among them
        known = {task.id for task in active}
        return [*active, *(task for task in found if task.id not in known)][:limit]

    async def _look(self, wanted: Filter, statuses: frozenset[Status], limit: int) -> Sequence[Task]:
        return await self._runtime.store.find(Query(statuses, wanted.host, wanted.text, newest_first=True, limit=limit))


def _failed(taken: asyncio.Future[View]) -> bool:
    return taken.done() and (taken.cancelled() or taken.exception() is not None)
