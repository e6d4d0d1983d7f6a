"""What has been decided about workers is carried out, and who does not heed it in time is fenced off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from argosy.core.lifecycle import Discard, Effect, Launch, Signal, Stop
from argosy.core.types import FileState, Status, Task, TaskId
from argosy.runtime.clock import Clock, Timer
from argosy.runtime.holdings import Holdings
from argosy.runtime.message import Item, Reap, Remark
from argosy.runtime.ports import Hands
from argosy.runtime.round import Round

ACKNOWLEDGE_S: Final = 5.0
"""A worker that was told to stop and has not by then is fenced off."""


class Enforcer:
    """The router's arm: launches, stops and discards what is held here. Whom it fences off it reports by ``post``."""

    def __init__(self, clock: Clock, holdings: Holdings, hands: Hands, post: Callable[[Iterable[Item]], None]) -> None:
        self._clock = clock
        self._holdings = holdings
        self._hands = hands
        self._post = post
        self._overdue: dict[TaskId, tuple[int, Timer]] = {}

    def carry_out(self, effect: Effect, decided: Round) -> None:
        """Do what was decided in that round, now that it is committed."""
        match effect:
            case Launch(task_id) if task := self._holdings.tasks.get(task_id):
                self._hands.launch(task, fresh=task_id in decided.first_claims)
            case Signal(task_id, stop) if task_id in self._holdings.tasks:
                self._stop(task_id, stop)
            case Discard(task):
                self._discard(task, decided.parts.get(task.id, ()))

    def lose(self, task_id: TaskId) -> None:
        """The task is no longer ours: whoever has it now decides, we only let go."""
        self._holdings.tasks.pop(task_id, None)
        self._hands.fence_off(task_id)
        self.forget(task_id)

    def forget(self, task_id: TaskId) -> None:
        _, timer = self._overdue.pop(task_id, (0, None))
        if timer is not None:
            timer.cancel()
        self._hands.release(task_id)

    def close(self) -> None:
        """Forget the timers."""
        for _, timer in self._overdue.values():
            timer.cancel()
        self._overdue.clear()

    def _discard(self, task: Task, files: Sequence[FileState]) -> None:
        parts = [state for state in files if state.part is not None]
        gathered = len(files) > 1 and not task.spec.files  # beside the folder, where they were to appear all at once
        if parts or gathered:
            self._hands.discard(task, parts)

    def _stop(self, task_id: TaskId, stop: Stop) -> None:
        fence = self._holdings.tasks[task_id].fence
        self._hands.signal(task_id, stop)
        if task_id not in self._overdue:
            timer = self._clock.call_later(ACKNOWLEDGE_S, lambda: self._not_acknowledged(task_id))
            self._overdue[task_id] = (fence, timer)

    def _not_acknowledged(self, task_id: TaskId) -> None:
        fence, _ = self._overdue.pop(task_id, (0, None))
        task = self._holdings.tasks.get(task_id)
        if task is None or task.fence != fence or task.status is Status.COMPLETING:
            return
        if task.status is not Status.PAUSING and task.want is None:
            return
        message = f"it did not stop within {ACKNOWLEDGE_S:.0f} s and was cut off"
        self._hands.fence_off(task_id)
        self._post([Item(task_id, Remark("pause_timeout", message)), Item(task_id, Reap(fence))])
