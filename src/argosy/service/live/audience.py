"""Who is to be told that there is something new."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from argosy.core.types import TaskId


class Listener(Protocol):
    """Somebody who is told that there is more."""

    @property
    def wanted(self) -> Collection[TaskId] | None:
        """The tasks it wants to hear of, None for all; never changes."""
        ...

    def more(self, before: int) -> None:
        """There may be something for it; nothing of what was logged up to number ``before`` was, unless it knows of that."""


class Audience:
    """Listeners, found by the tasks they want to hear of: an event of one task does not wake those of another."""

    def __init__(self) -> None:
        self._all: set[Listener] = set()
        self._of_task: dict[TaskId, set[Listener]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, listener: Listener) -> None:
        self._count += 1
        if listener.wanted is None:
            self._all.add(listener)
            return
        for task_id in listener.wanted:
            self._of_task.setdefault(task_id, set()).add(listener)

    def remove(self, listener: Listener) -> None:
        self._count -= 1
        if listener.wanted is None:
            self._all.discard(listener)
            return
        for task_id in listener.wanted:
            among = self._of_task[task_id]
            among.discard(listener)
            if not among:
                del self._of_task[task_id]

    def wake(self, task_id: TaskId | None, before: int) -> None:
        """Tell those who may want an event of that task."""
        self.wake_any((task_id,), before)

    def wake_any(self, task_ids: Iterable[TaskId | None], before: int) -> None:
        for listener in self._all:
            listener.more(before)
        for task_id in task_ids:
            if task_id is not None:
                for listener in self._of_task.get(task_id, ()):
                    listener.more(before)

    def wake_all(self, before: int) -> None:
        """Tell everybody to look, whatever they want."""
        for listener in {*self._all, *(each for among in self._of_task.values() for each in among)}:
            listener.more(before)
