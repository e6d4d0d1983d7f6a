"""A recording that is to be complete now, with what there is of it."""

from __future__ import annotations

from typing import Final

from argosy.core.types import ACTIVE, TERMINAL, Status, Task, TaskId
from argosy.errors import ArgosyError, IllegalTransition
from argosy.runtime.amendment import Amendment, amend
from argosy.runtime.machine import Machine
from argosy.runtime.message import Outcome
from argosy.sources.hls import is_stream

ENOUGH_S: Final = 0.001
"""What has been recorded so far is longer than that."""
GOING: Final = (frozenset(Status) - TERMINAL) | {Status.FAILED}


def options() -> dict[str, float]:
    """Return what makes a recording complete as soon as there is anything of it."""
    return {"record_s": ENOUGH_S}


def refused(task: Task) -> IllegalTransition | None:
    """Return why the task cannot be finished early, None if it can."""
    if not (is_stream(task.spec.source) or task.spec.engine == "hls"):
        return IllegalTransition(
            "only the recording of a stream can be finished early", hint="other files are whole or they are not"
        )
    if task.status not in GOING and task.status is not Status.COMPLETED:
        return IllegalTransition(f"a {task.status} task cannot be finished", hint="there is nothing left of it")
    return None


async def finish(machine: Machine, task_id: TaskId) -> Outcome:
    """Return what became of the task once it is to be complete with what there is."""
    task = (await machine.store.get([task_id])).get(task_id)
    try:
        error = None if task is None else refused(task)
        if error is not None:
            return Outcome(task, error=error)
        if task is not None and task.status is Status.COMPLETED:
            return Outcome(task)
        task = await amend(machine, task_id, Amendment(options=options()), None)
    except ArgosyError as failed:
        return Outcome(task, error=failed)
    if task.status in ACTIVE - {Status.PAUSING} or task.status is Status.PENDING:
        return Outcome(task, changed=True)
    again = machine.verbs.retry if task.status is Status.FAILED else machine.verbs.resume
    return (await again([task_id]))[0]
