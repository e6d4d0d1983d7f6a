"""Waiting for a task, or for everything, to come to rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from argosy.core.types import ACTIVE, WAITING, Task, TaskId
from argosy.runtime.machine import Machine
from argosy.runtime.watch import AT_REST
from argosy.store.port import Query

LOOK_S: Final = 1.0
"""While waiting for others, things are looked at this often even if nobody says that they changed."""
PAGE: Final = 100


async def at_rest(machine: Machine, task_id: TaskId, check: Callable[[], None]) -> Task | None:
    """Return the task once only a person can make it go on, None if it was removed; or what ``check`` raises."""
    while True:
        with machine.watch.on(task_id) as changed:
            check()
            task = (await machine.store.get([task_id])).get(task_id)
            if task is None or task.status in AT_REST:
                return task
            await changed


async def idle(machine: Machine) -> None:
    """Return when nothing that is this runtime's to do waits for anything but a person."""
    while not await _is_idle(machine):
        await machine.settled(LOOK_S)


async def _is_idle(machine: Machine) -> bool:
    after = None
    while not machine.holdings.tasks:
        query = Query(statuses=WAITING | ACTIVE, session=machine.session, after=after, limit=PAGE)
        page = await machine.store.find(query)
        if any(task.session == machine.session for task in page):
            return False
        if len(page) < PAGE:
            return not machine.holdings.tasks
        after = page[-1].number
    return False
