"""Many who look up a task or two at the same moment are answered by one query: its steps are few, its way is long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from argosy.core.types import Task, TaskId

LookUp = Callable[[Collection[TaskId]], Awaitable[Mapping[TaskId, Task]]]


class Asked:
    """Gathers what is asked in one turn of a loop; safe with any number of loops."""

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up
        self._gathering: dict[
            asyncio.AbstractEventLoop, tuple[dict[TaskId, None], asyncio.Task[Mapping[TaskId, Task]]]
        ] = {}

    async def get(self, ids: Collection[TaskId]) -> Mapping[TaskId, Task]:
        """Return at least those of ``ids`` that are stored now. Raises what the look-up raises."""
        loop = asyncio.get_running_loop()
        if loop not in self._gathering:
            wanted: dict[TaskId, None] = {}
            self._gathering[loop] = wanted, loop.create_task(self._answer(loop, wanted))
        wanted, answer = self._gathering[loop]
        wanted.update(dict.fromkeys(ids))
        return await asyncio.shield(answer)

    async def _answer(self, loop: asyncio.AbstractEventLoop, wanted: Collection[TaskId]) -> Mapping[TaskId, Task]:
        del self._gathering[loop]  # who asks from here on may want to see what is stored from here on
        return await self._look_up(wanted)
