"""The rule: what each trigger does to a task."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from argosy.core.lifecycle import report, request
from argosy.core.lifecycle.decision import Decision, Illegal
from argosy.core.lifecycle.move import LEAVING
from argosy.core.lifecycle.trigger import (
    AttemptFailed,
    Began,
    Cancel,
    Claimed,
    Finished,
    Finishing,
    LeaseLost,
    Pause,
    Prioritise,
    Remove,
    Respec,
    Resume,
    Retry,
    Stopped,
    Trigger,
)
from argosy.core.retry import RetryPolicy
from argosy.core.types import Task, Want


def decide(  # noqa: C901, PLR0912 - one row for each trigger is what makes it total
    task: Task, trigger: Trigger, now: float, policy: RetryPolicy | None = None
) -> Decision:
    """Return what ``trigger`` does to ``task`` at ``now`` (epoch seconds). Total, pure, deterministic."""
    match trigger:
        case Pause() | Resume() | Retry() if task.want in LEAVING:
            fate = "removed" if task.want is Want.REMOVE else "cancelled"
            return Illegal(
                f"the task is being {fate}, which cannot be taken back", "once it is cancelled, retry starts it again"
            )
        case Pause():
            return request.pause(task, now)
        case Resume():
            return request.resume(task, trigger, now)
        case Cancel():
            return request.cancel(task, now)
        case Remove():
            return request.remove(task, now)
        case Retry():
            return request.retry(task, trigger, now)
        case Prioritise():
            return request.prioritise(task, trigger, now)
        case Respec():
            return request.respec(task, trigger, now)
        case Claimed():
            return report.claim(task, trigger, now)
        case Began():
            return report.began(task, now)
        case Finishing():
            return report.finishing(task, trigger, now)
        case Finished():
            return report.finished(task, trigger, now)
        case Stopped():
            return report.stopped(replace(task, received=trigger.received), now, "user" if task.want else "stopped")
        case AttemptFailed():
            return report.attempt_failed(task, trigger, now, policy or RetryPolicy(max_retries=task.max_retries))
        case LeaseLost():
            return report.lease_lost(task, now)
        case _:
            assert_never(trigger)
