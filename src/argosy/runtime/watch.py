"""Who waits for a task to come to rest."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

from argosy.core.events import Recorded, StatusChanged
from argosy.core.types import TERMINAL, Status, TaskId

AT_REST: Final = TERMINAL | {Status.PAUSED}
"""A task goes on from here only if a person asks."""


class Watch:
    """Futures by task; a listener of the bus."""

    def __init__(self) -> None:
        self._waiting: dict[TaskId, list[asyncio.Future[None]]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def hear(self, event: Recorded) -> None:
        told = event.event
        if isinstance(told, StatusChanged) and (told.to is None or told.to in AT_REST):
            self._release(told.task_id)

    def release_all(self) -> None:
        """Let everybody look again."""
        for task_id in tuple(self._waiting):
            self._release(task_id)

    @contextlib.contextmanager
    def on(self, task_id: TaskId) -> Iterator[asyncio.Future[None]]:
        """Give a future that is done once the task has come to rest after this moment."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(task_id, []).append(future)
        try:
            yield future
        finally:
            waiting = self._waiting.get(task_id, [])
            if future in waiting:
                waiting.remove(future)
                if not waiting:
                    del self._waiting[task_id]

    def _release(self, task_id: TaskId) -> None:
        for future in self._waiting.pop(task_id, ()):
            if not future.done():
                future.set_result(None)
