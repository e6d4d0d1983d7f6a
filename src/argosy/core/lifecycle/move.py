"""The moves that the rules share: each is one step of the table, with its event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from argosy.core.events import StatusChanged, Warned
from argosy.core.lifecycle.decision import Changed, Discard, Effect, Illegal
from argosy.core.lifecycle.table import TRANSITIONS
from argosy.core.types import Queue, Status, Task, Want
from argosy.errors import Failure

S = Status

DISK_RECHECK_S: Final = 30.0
"""A task that waits for disk space looks again this often; it costs none of its retries."""
OFFLINE_RECHECK_S: Final = 10.0
WAITED_OUT: Final = {"disk_full": DISK_RECHECK_S, "offline": OFFLINE_RECHECK_S}
"""What is this machine's own trouble, by code: no retry is spent on it, and after so long somebody looks again."""
LEAVING: Final = frozenset({Want.CANCEL, Want.REMOVE})
"""What cannot be taken back."""
FREE: Final[dict[str, Any]] = {"owner": None, "lease_until": None, "pid": None, "want": None}
"""Nobody holds the task. Its fence stays: it must only ever grow."""


def move(
    task: Task, to: Status, now: float, reason: str, *, effects: tuple[Effect, ...] = (), **fields: object
) -> Changed:
    """Return the change to ``to``, told as one event. The table has the last word."""
    if to not in TRANSITIONS[task.status]:
        raise AssertionError(f"{task.status} -> {to} is not in the table")
    after = task.having(status=to, updated_at=now, **fields)
    if to not in (S.RUNNING, S.COMPLETING):
        after = after.having(speed_bps=0.0, connections=0)
    error = after.error if "error" in fields else None  # what an earlier attempt left is not why this happens
    return Changed(after, (StatusChanged(task.id, task.status, to, reason, error),), effects)


def is_to_pause(task: Task) -> bool:
    return task.status is S.PAUSING or (task.status is S.COMPLETING and task.want is Want.PAUSE)


def again(task: Task, now: float, rank: float) -> Changed:
    """A person wants it to go on: the count of attempts starts afresh, measured from what is there now."""
    return requeue(replace(task, mark=task.received), now, "user", rank=rank, attempt=0)


def requeue(
    task: Task, now: float, reason: str, *, rank: float, attempt: int, queue: Queue = Queue.INTERACTIVE
) -> Changed:
    return move(
        task, S.PENDING, now, reason, **FREE,
        queue=queue, rank=rank, attempt=attempt, queued_at=now, due_at=None, error=None, finished_at=None, warning=None,
    )  # fmt: skip


def wait_out(task: Task, failure: Failure, now: float) -> Changed:
    waiting = move(
        task, S.RETRYING, now, failure.code, error=failure, due_at=now + WAITED_OUT[failure.code], queued_at=now,
        warning=failure.code, **FREE,
    )  # fmt: skip
    if task.error is not None and task.error.code == failure.code:
        return waiting  # it has been said
    warning = Warned(failure.code, failure.message, task.id)
    return replace(waiting, events=(*waiting.events, warning))


def fail(task: Task, failure: Failure, now: float, gave_up: str) -> Changed:
    failed = move(task, S.FAILED, now, failure.code, error=failure, finished_at=now, due_at=None, warning=None, **FREE)
    if not failure.retryable:
        return failed
    warning = Warned("retries_exhausted", gave_up or failure.message, task.id)
    return replace(failed, events=(*failed.events, warning))


def gone(task: Task, *, discard: bool = True) -> Changed:
    effects = (Discard(task),) if discard and task.status is not S.COMPLETED else ()
    return Changed(None, (StatusChanged(task.id, task.status, None, "user"),), effects)


def illegal(task: Task, verb: str, hint: str = "") -> Illegal:
    return Illegal(f"a {task.status} task cannot be {verb}", hint)
