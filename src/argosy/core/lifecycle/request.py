"""What becomes of a task when a person asks for something."""

from __future__ import annotations

from dataclasses import replace

from argosy.core.lifecycle.decision import Changed, Decision, Discard, Signal, Stop, Unchanged
from argosy.core.lifecycle.move import LEAVING, again, gone, illegal, move
from argosy.core.lifecycle.trigger import Prioritise, Respec, Resume, Retry
from argosy.core.types import Queue, Status, Task, Want

S = Status


def pause(task: Task, now: float) -> Decision:
    match task.status:
        case S.PENDING | S.RETRYING:
            return move(task, S.PAUSED, now, "user", due_at=None)
        case S.SCHEDULED | S.RUNNING:
            return move(task, S.PAUSING, now, "user", effects=(Signal(task.id, Stop.PAUSE),), want=None)
        case S.PAUSING if task.want is Want.RESUME:
            return Changed(replace(task, want=None, updated_at=now))
        case S.COMPLETING if task.want is None:
            return Changed(replace(task, want=Want.PAUSE, updated_at=now))
        case S.PAUSING | S.PAUSED | S.COMPLETING:
            return Unchanged()
    return illegal(task, "paused")


def resume(task: Task, trigger: Resume, now: float) -> Decision:
    match task.status:
        case S.PAUSED | S.RETRYING | S.FAILED:
            return again(task, now, trigger.rank)
        case S.PAUSING if task.want is None:
            return Changed(replace(task, want=Want.RESUME, rank=trigger.rank, updated_at=now))
        case S.COMPLETING if task.want is Want.PAUSE:
            return Changed(replace(task, want=None, updated_at=now))
        case S.PENDING if task.due_at is not None or task.queue is not Queue.INTERACTIVE:
            waiting = replace(task, queue=Queue.INTERACTIVE, rank=trigger.rank, due_at=None, updated_at=now)
            return Changed(waiting)
        case S.CANCELLED:
            return illegal(task, "resumed", hint="its partial file is gone; retry it to start again")
        case S.COMPLETED:
            return illegal(task, "resumed", hint="it is complete already")
    return Unchanged()


def cancel(task: Task, now: float) -> Decision:
    if task.active:
        if task.want in LEAVING:
            return Unchanged(effects=(Signal(task.id, Stop.CANCEL),))
        wanted = replace(task, want=Want.CANCEL, updated_at=now)
        return Changed(wanted, effects=(Signal(task.id, Stop.CANCEL),))
    match task.status:
        case S.CANCELLED:
            return Unchanged()
        case S.COMPLETED:
            return illegal(task, "cancelled", hint="it is complete already; remove takes it off the list")
        case S.FAILED:
            return illegal(task, "cancelled", hint="it has failed already; remove takes it off the list")
    return move(task, S.CANCELLED, now, "user", effects=(Discard(task),), finished_at=now, due_at=None)


def remove(task: Task, now: float) -> Decision:
    if task.active:
        wanted = replace(task, want=Want.REMOVE, updated_at=now)
        effects = (Signal(task.id, Stop.CANCEL),)
        return Unchanged(effects) if task.want is Want.REMOVE else Changed(wanted, effects=effects)
    return gone(task)


def retry(task: Task, trigger: Retry, now: float) -> Decision:
    match task.status:
        case S.FAILED | S.RETRYING | S.PAUSED:
            return again(task, now, trigger.rank)
        case S.CANCELLED:
            return again(replace(task, received=0, files_done=0), now, trigger.rank)
        case S.PAUSING | S.COMPLETING:
            return resume(task, Resume(trigger.rank), now)
        case S.COMPLETED:
            return illegal(task, "retried", hint="it is complete already; verify checks it")
    return Unchanged()


def prioritise(task: Task, trigger: Prioritise, now: float) -> Decision:
    after = replace(
        task,
        priority=task.priority if trigger.priority is None else trigger.priority,
        queue=task.queue if trigger.queue is None else trigger.queue,
        rank=task.rank if trigger.rank is None else trigger.rank,
    )
    return Unchanged() if after == task else Changed(replace(after, updated_at=now))


def respec(task: Task, trigger: Respec, now: float) -> Decision:
    after = replace(task, spec=trigger.spec, host=trigger.host, max_retries=trigger.max_retries)
    if after == task:
        return Unchanged()
    if task.status is S.COMPLETED:
        return illegal(task, "changed", hint="it is complete already; download it anew")
    after = replace(after, updated_at=now)
    if task.status not in (S.SCHEDULED, S.RUNNING) or task.want is not None or after.spec == task.spec:
        return Changed(after)
    # However the attempt by the old spec ends now, it is not the last word.
    return Changed(replace(after, want=Want.RESUME), effects=(Signal(task.id, Stop.PAUSE),))
