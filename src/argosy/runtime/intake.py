"""Adds what is asked for, page by page, and joins it to what is there already."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from argosy.core.lifecycle import Prioritise, Retry
from argosy.core.types import TERMINAL, FileState, Status, Task, TaskId
from argosy.errors import UsageError
from argosy.runtime.admission import Request, is_renewal, new_task, renewed, understood
from argosy.runtime.machine import Machine
from argosy.runtime.message import Ask, Enlist
from argosy.runtime.proof import is_still_there
from argosy.runtime.revision import renewal
from argosy.runtime.turn import in_turns
from argosy.store.port import NewTask
from argosy.value import dataclass

PAGE: Final = 1000
TOGETHER: Final = 100
"""Requests that are made ready in one turn of the loop: some 5 ms."""
MANY: Final = 2000
"""A task of more files takes longer than that to be made ready."""
SPACING_S: Final = 1e-6
"""Between the waiting times of two tasks of one page, so that they keep their order."""


@dataclass(slots=True)
class Entry:
    """One request on its way in."""

    request: Request
    new: NewTask
    task: Task | None = None
    """The task that is there already, or the new one once it is stored."""
    existed: bool = False

    @property
    def joins(self) -> bool:
        """Whether it asks something of a task that was there. Who names a task by its id only wants to find it."""
        found = self.task is not None and self.task.id == self.request.id
        return self.existed and not self.request.paused and not found


class Intake:
    """Lives on the runtime loop."""

    def __init__(self, machine: Machine, directory: str) -> None:
        self._machine = machine
        self._directory = directory

    async def admit(self, requests: Sequence[Request]) -> list[tuple[Task, bool]]:
        """Return for each request its task and whether that was there already. A task that a request names by its id
        stays as it is.

        While one page is being stored the next one is made ready. Raises UsageError for the first page that has a
        request which makes no sense; the pages before it are stored.
        """
        admitted: list[tuple[Task, bool]] = []
        storing: asyncio.Task[list[tuple[Task, bool]]] | None = None
        try:
            for start in range(0, len(requests), PAGE):
                entries = await self._entries(requests[start : start + PAGE])
                await self._look_back(entries)
                if storing is not None:
                    admitted += await storing
                storing = asyncio.create_task(self._admit(entries))
        finally:
            admitted += await storing if storing is not None else ()
        return admitted

    async def admit_each(self, requests: Sequence[Request]) -> list[tuple[Task, bool] | UsageError]:
        """Do the same for each on its own: a request that makes no sense keeps no other out."""
        wrong: list[UsageError | None] = []
        async for some in in_turns(requests, TOGETHER):
            wrong += map(self._complaint, some)
        sensible = [request for request, complaint in zip(requests, wrong, strict=True) if complaint is None]
        admitted = iter(await self.admit(sensible))
        return [complaint or next(admitted) for complaint in wrong]

    def _complaint(self, request: Request) -> UsageError | None:
        try:
            understood(request, self._machine.sources, self._directory)
        except UsageError as error:
            return error
        return None

    async def _admit(self, entries: Sequence[Entry]) -> list[tuple[Task, bool]]:
        fresh = [entry for entry in entries if entry.task is None]
        added = await self._machine.store.add([entry.new for entry in fresh]) if fresh else ()
        for entry, answer in zip(fresh, added, strict=True):
            entry.task, entry.existed = answer.task, answer.existed
        await self._machine.bus.tell([answer.event for answer in added if answer.event is not None])
        asked = await self._join([entry for entry in entries if entry.joins])
        self._machine.scheduler.wake()
        tasks = [entry.task for entry in entries if entry.task is not None]
        return [(asked.get(task.id, task), entry.existed) for task, entry in zip(tasks, entries, strict=True)]

    async def _entries(self, requests: Sequence[Request]) -> list[Entry]:
        """Make a page of requests ready, and let others have the loop meanwhile; what is much in one piece is made beside it."""
        entries = []
        for index, request in enumerate(requests):
            if len(request.files) > MANY:
                entries.append(await asyncio.to_thread(self._entry, request, index))
                continue
            entries.append(self._entry(request, index))
            if index % TOGETHER == TOGETHER - 1:
                await asyncio.sleep(0)
        return entries

    def _entry(self, request: Request, index: int) -> Entry:
        machine = self._machine
        spec = understood(request, machine.sources, self._directory)
        now = machine.clock.epoch() + index * SPACING_S
        return Entry(request, new_task(request, spec, session=machine.session, rank=0.0, now=now))

    # -- what was there before ---------------------------------------------------------------------

    async def _look_back(self, entries: Sequence[Entry]) -> None:
        """Find what was asked before: the very task that is named, or one that has finished one way or another."""
        entries = [entry for entry in entries if not entry.request.fresh]
        if not entries:
            return
        store = self._machine.store
        ids = [entry.request.id for entry in entries if entry.request.id is not None]
        named = await store.get(ids) if ids else {}
        for entry in entries:
            if entry.request.id is not None and entry.request.id in named:
                entry.task, entry.existed = named[entry.request.id], True
        counts = await store.counts()
        if not any(counts.get(status) for status in TERMINAL):
            return
        earlier = await store.by_keys({entry.new.task.key for entry in entries})
        complete = [task for task in earlier.values() if task.status is Status.COMPLETED and task.files_total == 1]
        untouched = await self._untouched(complete) if complete else {}
        for entry in entries:
            task = earlier.get(entry.new.task.key)
            if task is None or entry.existed:
                continue
            if task.status is not Status.COMPLETED:
                entry.task, entry.existed = task, True
            elif task.id in untouched and is_renewal(entry.new, task):
                entry.new = renewed(entry.new, untouched[task.id])

    async def _untouched(self, tasks: Sequence[Task]) -> Mapping[TaskId, FileState]:
        """Return the files of those tasks that are on the disk as they were left."""
        files = await self._machine.store.files_of([task.id for task in tasks])

        def look() -> dict[TaskId, FileState]:
            pairs = ((task, files[task.id][0]) for task in tasks if len(files.get(task.id, ())) == 1)
            return {task.id: file for task, file in pairs if is_still_there(task.spec.directory, file)}

        return await asyncio.to_thread(look)  # the disk may be at the other end of a slow network

    # -- joining -----------------------------------------------------------------------------------

    async def _join(self, entries: Sequence[Entry]) -> Mapping[TaskId, Task]:
        """Have the tasks go on as they are now wanted, here if nobody else runs them; returns those this concerned."""
        if not entries:
            return {}
        machine = self._machine
        alive = frozenset(worker.id for worker in await machine.store.workers())
        rank = await machine.store.first_rank() - len(entries)
        asks: list[tuple[TaskId, Ask]] = []
        for place, entry in enumerate(entries):
            assert entry.task is not None
            asks += [(entry.task.id, ask) for ask in self._asks(entry.task, entry.new.task, rank + place, alive)]
        outcomes = await machine.router.ask_all(asks)
        return {outcome.task.id: outcome.task for outcome in outcomes if outcome.task is not None}

    def _asks(self, task: Task, newer: Task, rank: float, alive: frozenset[str]) -> list[Ask]:
        respec = renewal(task, newer)
        asks: list[Ask] = [] if respec is None else [respec]  # first: once enlisted it may start
        session = self._machine.session
        if session is not None and task.session != session and task.session not in alive:
            asks.append(Enlist(session))
        if respec is not None or task.status is not Status.PENDING:
            asks.append(Retry(rank))  # it may have come to rest since it was looked up; else this changes nothing
        elif newer.queue < task.queue:
            asks.append(Prioritise(queue=newer.queue, rank=rank))  # somebody waits for it now
        return asks
