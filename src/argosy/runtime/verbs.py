"""What a person may ask of tasks. Every verb answers for each task, and a repeat is not an error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from argosy.core.lifecycle import Cancel, Pause, Prioritise, Remove, Resume, Retry, UserTrigger
from argosy.core.types import Queue, Status, Task, TaskId
from argosy.runtime.message import Outcome
from argosy.runtime.router import Router
from argosy.runtime.scheduler import Scheduler
from argosy.store.port import Query, Store

PAGE: Final = 1000
PAUSABLE: Final = frozenset({Status.PENDING, Status.RETRYING, Status.SCHEDULED, Status.RUNNING})
RESUMABLE: Final = frozenset({Status.PAUSED, Status.PAUSING})
STARTABLE: Final = RESUMABLE | {Status.PENDING, Status.RETRYING}


class Verbs:
    """Turns verbs into commands for the router."""

    def __init__(self, store: Store, router: Router, scheduler: Scheduler | None) -> None:
        self._store = store
        self._router = router
        self._scheduler = scheduler

    async def each(self, ids: Sequence[TaskId], trigger: UserTrigger) -> list[Outcome]:
        return await self._router.ask_all([(task_id, trigger) for task_id in ids])

    async def first(self, ids: Sequence[TaskId], trigger: Callable[[float], UserTrigger]) -> list[Outcome]:
        """Command each with a rank before every other task, keeping the order given."""
        if not ids:
            return []
        rank = await self._store.first_rank() - len(ids)
        return await self._router.ask_all([(task_id, trigger(rank + i)) for i, task_id in enumerate(ids)])

    async def pause(self, ids: Sequence[TaskId]) -> list[Outcome]:
        return await self.each(ids, Pause())

    async def resume(self, ids: Sequence[TaskId]) -> list[Outcome]:
        return await self.first(ids, Resume)

    async def retry(self, ids: Sequence[TaskId]) -> list[Outcome]:
        return await self.first(ids, Retry)

    async def cancel(self, ids: Sequence[TaskId]) -> list[Outcome]:
        return await self.each(ids, Cancel())

    async def remove(self, ids: Sequence[TaskId]) -> list[Outcome]:
        return await self.each(ids, Remove())

    async def prioritise(
        self, ids: Sequence[TaskId], *, priority: int | None = None, queue: Queue | None = None
    ) -> list[Outcome]:
        return await self.each(ids, Prioritise(priority, queue))

    async def move_to_top(self, ids: Sequence[TaskId], *, now: float, session: str | None) -> list[Outcome]:
        """Let the tasks go before all others that wait: first queue, highest priority there, first rank."""
        waiting = await self._store.runnable(now=now, limit=1, session=session)
        top = max((task.priority for task in waiting if task.queue is Queue.INTERACTIVE), default=0)
        held = await self._store.get(ids)

        def priority_of(task: Task | None) -> int:
            return top if task is None else max(top, task.priority)

        rank = await self._store.first_rank() - len(ids)
        return await self._router.ask_all(
            [
                (task_id, Prioritise(priority_of(held.get(task_id)), Queue.INTERACTIVE, rank + i))
                for i, task_id in enumerate(ids)
            ]
        )

    # -- all of them -------------------------------------------------------------------------------

    async def pause_all(self) -> int:
        """Pause whatever waits or runs; returns how many."""
        if self._scheduler is None:
            return await self._everywhere(PAUSABLE, self.pause)
        with self._scheduler.held():
            return await self._everywhere(PAUSABLE, self.pause)

    async def resume_all(self) -> int:
        """Resume whatever is paused; returns how many."""
        return await self._everywhere(RESUMABLE, self._in_turn)

    async def start_all(self) -> int:
        """Resume what is paused and take what waits for a time out of its waiting; returns how many."""
        return await self._everywhere(STARTABLE, self._in_turn)

    async def _in_turn(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """All go on in the order they were added: nobody is first when everybody is."""
        return await self.each(ids, Resume())

    async def _everywhere(
        self, statuses: frozenset[Status], verb: Callable[[Sequence[TaskId]], Awaitable[list[Outcome]]]
    ) -> int:
        total, after = 0, None
        while True:
            page = await self._store.find(Query(statuses=statuses, after=after, limit=PAGE))
            outcomes = await verb([task.id for task in page])
            total += sum(outcome.changed for outcome in outcomes)
            if len(page) < PAGE:
                return total
            after = page[-1].number
