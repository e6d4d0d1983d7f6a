"""What is known of tasks besides their events: what a filter by host or text asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Protocol

from argosy.core.events import StatusChanged
from argosy.core.types import Task, TaskId
from argosy.service.live.filter import Facts, facts_of
from argosy.service.live.item import Item

KNOWN: Final = 20_000
"""Tasks that are remembered at most."""
AT_ONCE: Final = 500


class Tasks(Protocol):
    """What the register needs of a store."""

    async def get(self, ids: Sequence[TaskId]) -> Mapping[TaskId, Task]: ...


class Register:
    """Reads a task once, and again after its status has changed: by then it may have a name."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._known: dict[TaskId, tuple[int, Facts]] = {}
        """With the number of the newest status change that had been told when they were read."""

    async def learn(self, items: Collection[Item]) -> Mapping[TaskId, Facts]:
        """Return what is known of the tasks of these events. A removed task is as it was last known, or missing."""
        newest = _newest_changes(items)
        stale = [task_id for task_id, seq in newest.items() if self._age(task_id) < seq]
        for start in range(0, len(stale), AT_ONCE):
            found = await self._tasks.get(stale[start : start + AT_ONCE])
            for task_id, task in found.items():
                self._known.pop(task_id, None)
                self._known[task_id] = (newest[task_id], facts_of(task))
        facts = {task_id: self._known[task_id][1] for task_id in newest if task_id in self._known}
        while len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]
        return facts

    def _age(self, task_id: TaskId) -> int:
        known = self._known.get(task_id)
        return -1 if known is None else known[0]


def _newest_changes(items: Collection[Item]) -> dict[TaskId, int]:
    newest: dict[TaskId, int] = {}
    for item in items:
        if item.task_id is not None:
            seq = item.seq if item.seq is not None and isinstance(item.inner, StatusChanged) else 0
            newest[item.task_id] = max(newest.get(item.task_id, 0), seq)
    return newest
