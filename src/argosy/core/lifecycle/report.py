"""What becomes of a task when the scheduler or a worker reports something."""

from __future__ import annotations

from dataclasses import replace

from argosy.core.lifecycle.decision import Decision, Discard, Launch, Unchanged
from argosy.core.lifecycle.move import (
    FREE,
    LEAVING,
    WAITED_OUT,
    again,
    fail,
    gone,
    illegal,
    is_to_pause,
    move,
    requeue,
    wait_out,
)
from argosy.core.lifecycle.trigger import AttemptFailed, Claimed, Finished, Finishing
from argosy.core.retry import GiveUp, RetryPolicy, next_step
from argosy.core.types import ACTIVE, WAITING, Status, Task, Want
from argosy.errors import Failure

S = Status


def claim(task: Task, trigger: Claimed, now: float) -> Decision:
    if task.status not in WAITING or trigger.fence <= task.fence:
        return illegal(task, "claimed")
    return move(
        task, S.SCHEDULED, now, "scheduler", effects=(Launch(task.id),), due_at=None, want=None,
        mark=max(task.mark, task.received),
        owner=trigger.owner, fence=trigger.fence, lease_until=trigger.lease_until, pid=trigger.pid,
    )  # fmt: skip


def began(task: Task, now: float) -> Decision:
    if task.status is S.SCHEDULED:
        return move(task, S.RUNNING, now, "worker", started_at=task.started_at or now)
    return Unchanged() if task.active else illegal(task, "begun")


def finishing(task: Task, trigger: Finishing, now: float) -> Decision:
    if task.status in (S.RUNNING, S.PAUSING):
        wants = {None: Want.PAUSE, Want.RESUME: None} if task.status is S.PAUSING else {}
        return move(
            task, S.COMPLETING, now, "worker", want=wants.get(task.want, task.want),
            received=trigger.received, total=trigger.total, name=trigger.name, error=None,
        )  # fmt: skip
    return Unchanged() if task.status is S.COMPLETING else illegal(task, "finished")


def finished(task: Task, trigger: Finished, now: float) -> Decision:
    if task.status is not S.COMPLETING:
        return illegal(task, "completed")
    if task.want is Want.REMOVE:
        return gone(replace(task, received=trigger.received), discard=False)
    return move(
        task, S.COMPLETED, now, "worker", **FREE,
        received=trigger.received, total=trigger.total, files_done=trigger.files_done, name=trigger.name,
        finished_at=now, error=None, attempt=0, due_at=None, warning=None,
    )  # fmt: skip


def stopped(task: Task, now: float, reason: str) -> Decision:
    """Return what becomes of a task whose worker let go without failing."""
    if task.status not in ACTIVE:
        return Unchanged()
    match task.want:
        case Want.CANCEL:
            return move(task, S.CANCELLED, now, "user", effects=(Discard(task),), finished_at=now, **FREE)
        case Want.REMOVE:
            return gone(task)
        case Want.RESUME:
            return again(task, now, task.rank)
    if is_to_pause(task):
        return move(task, S.PAUSED, now, "user", **FREE)
    attempt = 0 if task.received > task.mark else task.attempt
    return requeue(task, now, reason, rank=task.rank, attempt=attempt, queue=task.queue)


def attempt_failed(task: Task, trigger: AttemptFailed, now: float, policy: RetryPolicy) -> Decision:
    failure = trigger.failure
    progressed = trigger.received > task.mark
    task = task.having(received=trigger.received)
    if task.status not in ACTIVE or task.want in (*LEAVING, Want.RESUME):
        return stopped(task, now, failure.code)
    if failure.code in WAITED_OUT and not is_to_pause(task):
        return wait_out(task, failure, now)
    if is_to_pause(task) and (failure.retryable or failure.code in WAITED_OUT):
        return move(task, S.PAUSED, now, failure.code, error=failure, **FREE)
    step = next_step(policy, failure, task.attempt, progressed, trigger.uniform, first_contact=task.first_contact)
    if isinstance(step, GiveUp):
        return fail(task, failure, now, step.reason)
    return move(
        task,
        S.RETRYING,
        now,
        failure.code,
        error=failure,
        attempt=step.attempt,
        due_at=now + step.delay_s,
        queued_at=now,
        **FREE,
    )


def lease_lost(task: Task, now: float) -> Decision:
    if task.status not in ACTIVE:
        return Unchanged()
    if task.want is not None or task.status is S.PAUSING:
        return stopped(task, now, "lease_lost")
    if task.status is S.SCHEDULED:
        return requeue(task, now, "lease_lost", rank=task.rank, attempt=task.attempt, queue=task.queue)
    lost = Failure("worker_lost", "the process that downloaded it died", "it goes on where it was", retryable=True)
    attempt = 1 if task.received > task.mark else task.attempt + 1
    if attempt > task.max_retries:
        return fail(
            task, replace(lost, hint="each attempt killed its process; look at the log, then retry it"), now, ""
        )
    return move(task, S.RETRYING, now, "lease_lost", error=lost, attempt=attempt, due_at=now, queued_at=now, **FREE)
