"""Adds what is asked for, page by page, and joins it to what is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from argosy.core.lifecycle import Resume, Retry
from argosy.core.types import Status, Task
from argosy.runtime.admission import Request, finished_before, new_task, renewed, understood
from argosy.runtime.machine import Machine
from argosy.runtime.message import Ask, Enlist
from argosy.runtime.proof import is_still_there
from argosy.store.port import NewTask

PAGE: Final = 1000
SPACING_S: Final = 1e-6
"""Between the waiting times of two tasks of one page, so that they keep their order."""


@dataclass(slots=True)
class Entry:
    """One request on its way in."""

    request: Request
    new: NewTask
    again: Task | None = None
    """A failed or cancelled task that the request is another try of."""


class Intake:
    """Lives on the runtime loop."""

    def __init__(self, machine: Machine, directory: str) -> None:
        self._machine = machine
        self._directory = directory

    async def admit(self, requests: Sequence[Request]) -> list[tuple[Task, bool]]:
        """Return for each request its task and whether that was there already."""
        admitted: list[tuple[Task, bool]] = []
        for start in range(0, len(requests), PAGE):
            admitted += await self._admit_page(requests[start : start + PAGE])
        return admitted

    async def _admit_page(self, requests: Sequence[Request]) -> list[tuple[Task, bool]]:
        machine = self._machine
        entries = [self._entry(request, i) for i, request in enumerate(requests)]
        await self._look_back(entries)
        fresh = [entry.new for entry in entries if entry.again is None]
        added = iter(await machine.store.add(fresh) if fresh else ())
        results: list[tuple[Task, bool]] = []
        asks: list[tuple[str, Ask]] = []
        rank = await machine.store.first_rank() - len(entries) if any(entry.again for entry in entries) else 0.0
        alive: frozenset[str] | None = None
        for entry in entries:
            if entry.again is not None:
                task, existed = entry.again, True
            else:
                answer = next(added)
                task, existed = answer.task, answer.existed
            if existed and not entry.request.paused:
                if alive is None:
                    alive = frozenset(worker.id for worker in await machine.store.workers())
                asks += self._join(task, rank + len(asks), alive)
            results.append((task, existed))
        if asks:
            await machine.router.ask_all(asks)
        await machine.bus.catch_up()
        machine.scheduler.wake()
        return results

    def _entry(self, request: Request, index: int) -> Entry:
        machine = self._machine
        spec = understood(request, machine.sources, self._directory)
        now = machine.clock.epoch() + index * SPACING_S
        return Entry(request, new_task(request, spec, session=machine.session, rank=0.0, now=now))

    async def _look_back(self, entries: Sequence[Entry]) -> None:
        """Find what was asked before and has finished one way or another."""
        store = self._machine.store
        earlier = await finished_before(store, [entry.new.task.key for entry in entries])
        for entry in entries:
            task = earlier.get(entry.new.task.key)
            if task is None:
                continue
            if task.status is not Status.COMPLETED:
                # With other options (a password, a proxy) it is another attempt at the world: a new task.
                entry.again = task if task.spec == entry.new.task.spec else None
                continue
            files = await store.files(task.id)
            if len(files) == 1 and len(entry.new.files) == 1 and is_still_there(task.spec.directory, files[0]):
                entry.new = renewed(entry.new, files[0])

    def _join(self, task: Task, rank: float, alive: frozenset[str]) -> list[tuple[str, Ask]]:
        """Return what to ask so that a task which is there already goes on, and here if nobody else runs it."""
        session = self._machine.session
        asks: list[tuple[str, Ask]] = []
        if session is not None and task.session != session and task.session not in alive:
            asks.append((task.id, Enlist(session)))
        if task.status in (Status.FAILED, Status.CANCELLED):
            asks.append((task.id, Retry(rank)))
        elif task.status in (Status.PAUSED, Status.PAUSING, Status.RETRYING):
            asks.append((task.id, Resume(rank)))
        return asks
