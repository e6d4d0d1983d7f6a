"""Several changes of one task as one: all are made or none, and none if somebody else was first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Final

from argosy.core.checksum import Checksum
from argosy.core.lifecycle import Prioritise
from argosy.core.types import Queue, Task, TaskId
from argosy.errors import Conflict, UnknownTask
from argosy.runtime.machine import Machine
from argosy.runtime.message import Amend
from argosy.runtime.revision import update
from argosy.value import dataclass

TRIES: Final = 8


@dataclass(frozen=True, slots=True)
class Amendment:
    """What is to be otherwise; None leaves what is. ``options`` are single fields of the transfer options."""

    priority: int | None = None
    queue: Queue | None = None
    urls: Sequence[str] | None = None
    checksum: str | Checksum | None = None
    max_retries: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


async def amend(machine: Machine, task_id: TaskId, wanted: Amendment, version: int | None) -> Task:
    """Return the task with the changes. Raises Conflict, code ``precondition_failed``, if it is not of ``version``."""
    for _ in range(TRIES):
        task = (await machine.store.get([task_id])).get(task_id)
        if task is None:
            raise UnknownTask(f"there is no task {task_id}")
        if version is not None and task.version != version:
            raise changed_meanwhile()
        outcome = await machine.router.ask(task_id, _asked(machine, task, wanted))
        error = outcome.error
        if not isinstance(error, Conflict) or version is not None:
            return outcome.require() or task
    raise Conflict(f"task {task_id[:8]} keeps changing", hint="try again", retryable=True)


def changed_meanwhile() -> Conflict:
    return Conflict(
        "the task has changed since it was looked at", hint="look again, then decide", code="precondition_failed"
    )


def _asked(machine: Machine, task: Task, wanted: Amendment) -> Amend:
    """Return the changes as they are to be made in ``task`` and in no other version of it."""
    options = replace(task.spec.options, **wanted.options) if wanted.options else None
    respec = update(
        task,
        machine.sources,
        urls=wanted.urls,
        options=options,
        checksum=wanted.checksum,
        max_retries=wanted.max_retries,
    )
    moves = wanted.priority is not None or wanted.queue is not None
    place = Prioritise(wanted.priority, wanted.queue) if moves else None
    return Amend(task.version, tuple(trigger for trigger in (respec, place) if trigger is not None))
