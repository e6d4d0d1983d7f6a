"""The life of a task: one table, and one function that decides.

::

    pending ──► scheduled ──► running ──► completing ──► completed
       ▲            │          │  │ ▲                        (final)
       │            ▼          │  ▼ └── retrying ◄── (failed, may try again)
    paused ◄───── pausing ◄────┘  failed, cancelled ──► pending (a person asks)

The rules:

* A task has exactly one status, and changes it only along :data:`TRANSITIONS`.
* :func:`decide` is total: for every status and trigger it returns a change, "nothing to do", or one typed refusal.
  It has no memory and does nothing; the router commits what it returns, then tells, then carries out the effects.
* What a person asks of a task that a worker holds is carried out when the worker lets go (``want``). The last word
  counts, except that cancel and remove cannot be taken back.
* A repeat is not an error: pausing a paused task changes nothing.
* An attempt that made progress resets the count of attempts, so a long download over a bad line never "runs out".
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Any, Final, assert_never

from argosy.core.events import Lasting, StatusChanged, Warned
from argosy.core.retry import GiveUp, RetryPolicy, next_step
from argosy.core.types import ACTIVE, WAITING, Queue, Status, Task, TaskId, TaskSpec, Want
from argosy.errors import Failure
from argosy.value import dataclass

S = Status
TRANSITIONS: Final[dict[Status, frozenset[Status]]] = {
    S.PENDING: frozenset({S.SCHEDULED, S.PAUSED, S.CANCELLED}),
    S.SCHEDULED: frozenset({S.RUNNING, S.PAUSING, S.PENDING, S.RETRYING, S.FAILED, S.CANCELLED}),
    S.RUNNING: frozenset({S.PAUSING, S.COMPLETING, S.PENDING, S.RETRYING, S.FAILED, S.CANCELLED}),
    S.PAUSING: frozenset({S.PAUSED, S.PENDING, S.COMPLETING, S.FAILED, S.CANCELLED}),
    S.PAUSED: frozenset({S.PENDING, S.CANCELLED}),
    S.COMPLETING: frozenset({S.COMPLETED, S.PAUSED, S.PENDING, S.RETRYING, S.FAILED, S.CANCELLED}),
    S.RETRYING: frozenset({S.SCHEDULED, S.PENDING, S.PAUSED, S.CANCELLED}),
    S.FAILED: frozenset({S.PENDING}),
    S.CANCELLED: frozenset({S.PENDING}),
    S.COMPLETED: frozenset(),
}

DISK_RECHECK_S: Final = 30.0
OFFLINE_RECHECK_S: Final = 10.0
WAITED_OUT: Final = {"disk_full": DISK_RECHECK_S, "offline": OFFLINE_RECHECK_S}
"""What is this machine's own trouble, by code: no retry is spent on it, and after so long somebody looks again."""
"""A task that waits for disk space looks again this often; it costs none of its retries."""

_LEAVING: Final = frozenset({Want.CANCEL, Want.REMOVE})


# -- triggers: all that can happen to a task -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pause:
    """A person: stop, keep what there is."""


@dataclass(frozen=True, slots=True)
class Resume:
    """A person: go on, ahead of the backlog. Also takes a waiting task out of its backoff ("start now")."""

    rank: float = 0.0


@dataclass(frozen=True, slots=True)
class Cancel:
    """A person: give up and remove the partial file."""


@dataclass(frozen=True, slots=True)
class Remove:
    """A person: take it off the list; a finished file stays, a partial one goes."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A person: try a failed or cancelled task again, with a fresh count of attempts."""

    rank: float = 0.0


@dataclass(frozen=True, slots=True)
class Prioritise:
    """A person: another priority, queue or rank; None leaves what is."""

    priority: int | None = None
    queue: Queue | None = None
    rank: float | None = None


@dataclass(frozen=True, slots=True)
class Respec:
    """A person: the same bytes by other means, such as a fresh link, a password, or fewer connections.

    What has come so far stays; the engine makes sure that what is still to come fits. An attempt that is under way lets
    go, and the next one goes by the new spec.
    """

    spec: TaskSpec
    host: str
    max_retries: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """The scheduler gives the task to a worker; ``fence`` is above every one the task has had."""

    owner: str
    fence: int
    lease_until: float
    pid: int


@dataclass(frozen=True, slots=True)
class Began:
    """The worker has started."""


@dataclass(frozen=True, slots=True)
class Finishing:
    """The worker has every byte, durable and verified; publishing begins."""

    received: int
    total: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The worker has published every file."""

    received: int
    total: int
    files_done: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The worker let go because it was told to: to pause, to cancel, or because the process is stopping."""

    received: int


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """The worker could not go on. ``uniform`` in [0, 1) is the jitter to use."""

    failure: Failure
    received: int
    uniform: float


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """Nobody holds the task any more: its worker died or did not renew in time."""


UserTrigger = Pause | Resume | Cancel | Remove | Retry | Prioritise | Respec
WorkerTrigger = Began | Finishing | Finished | Stopped | AttemptFailed
Trigger = UserTrigger | WorkerTrigger | Claimed | LeaseLost


# -- what a decision is --------------------------------------------------------------------------------


class Stop(StrEnum):
    """What a worker is told."""

    PAUSE = "pause"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Signal:
    """Tell the worker that holds the task to let go."""

    task_id: TaskId
    stop: Stop


@dataclass(frozen=True, slots=True)
class Launch:
    """Hand the task to a worker."""

    task_id: TaskId


@dataclass(frozen=True, slots=True)
class Discard:
    """Remove the task's partial files: nobody will go on with them."""

    task: Task


Effect = Signal | Launch | Discard


@dataclass(frozen=True, slots=True)
class Changed:
    """Commit ``after`` (None: remove the task) with ``events``, then carry out ``effects``."""

    after: Task | None
    events: tuple[Lasting, ...] = ()
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Unchanged:
    """What was asked is so already, or comes too late to matter."""

    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Illegal:
    """The task's status does not allow it; ``message`` and ``hint`` are for the person who asked."""

    message: str
    hint: str = ""


Decision = Changed | Unchanged | Illegal


def decide(  # noqa: C901, PLR0912 - one row for each trigger is what makes it total
    task: Task, trigger: Trigger, now: float, policy: RetryPolicy | None = None
) -> Decision:
    """Return what ``trigger`` does to ``task`` at ``now`` (epoch seconds). Total, pure, deterministic."""
    match trigger:
        case Pause() | Resume() | Retry() if task.want in _LEAVING:
            fate = "removed" if task.want is Want.REMOVE else "cancelled"
            return Illegal(
                f"the task is being {fate}, which cannot be taken back", "once it is cancelled, retry starts it again"
            )
        case Pause():
            return _pause(task, now)
        case Resume():
            return _resume(task, trigger, now)
        case Cancel():
            return _cancel(task, now)
        case Remove():
            return _remove(task, now)
        case Retry():
            return _retry(task, trigger, now)
        case Prioritise():
            return _prioritise(task, trigger, now)
        case Respec():
            return _respec(task, trigger, now)
        case Claimed():
            return _claim(task, trigger, now)
        case Began():
            return _began(task, now)
        case Finishing():
            return _finishing(task, trigger, now)
        case Finished():
            return _finished(task, trigger, now)
        case Stopped():
            return _stopped(replace(task, received=trigger.received), now, "user" if task.want else "stopped")
        case AttemptFailed():
            return _attempt_failed(task, trigger, now, policy or RetryPolicy(max_retries=task.max_retries))
        case LeaseLost():
            return _lease_lost(task, now)
        case _:
            assert_never(trigger)


# -- what a person asks --------------------------------------------------------------------------------


def _pause(task: Task, now: float) -> Decision:
    match task.status:
        case S.PENDING | S.RETRYING:
            return _move(task, S.PAUSED, now, "user", due_at=None)
        case S.SCHEDULED | S.RUNNING:
            return _move(task, S.PAUSING, now, "user", effects=(Signal(task.id, Stop.PAUSE),), want=None)
        case S.PAUSING if task.want is Want.RESUME:
            return Changed(replace(task, want=None, updated_at=now))
        case S.COMPLETING if task.want is None:
            return Changed(replace(task, want=Want.PAUSE, updated_at=now))
        case S.PAUSING | S.PAUSED | S.COMPLETING:
            return Unchanged()
    return _illegal(task, "paused")


def _resume(task: Task, trigger: Resume, now: float) -> Decision:
    match task.status:
        case S.PAUSED | S.RETRYING | S.FAILED:
            return _again(task, now, trigger.rank)
        case S.PAUSING if task.want is None:
            return Changed(replace(task, want=Want.RESUME, rank=trigger.rank, updated_at=now))
        case S.COMPLETING if task.want is Want.PAUSE:
            return Changed(replace(task, want=None, updated_at=now))
        case S.PENDING if task.due_at is not None or task.queue is not Queue.INTERACTIVE:
            waiting = replace(task, queue=Queue.INTERACTIVE, rank=trigger.rank, due_at=None, updated_at=now)
            return Changed(waiting)
        case S.CANCELLED:
            return _illegal(task, "resumed", hint="its partial file is gone; retry it to start again")
        case S.COMPLETED:
            return _illegal(task, "resumed", hint="it is complete already")
    return Unchanged()


def _cancel(task: Task, now: float) -> Decision:
    if task.active:
        if task.want in _LEAVING:
            return Unchanged(effects=(Signal(task.id, Stop.CANCEL),))
        wanted = replace(task, want=Want.CANCEL, updated_at=now)
        return Changed(wanted, effects=(Signal(task.id, Stop.CANCEL),))
    match task.status:
        case S.CANCELLED:
            return Unchanged()
        case S.COMPLETED:
            return _illegal(task, "cancelled", hint="it is complete already; remove takes it off the list")
        case S.FAILED:
            return _illegal(task, "cancelled", hint="it has failed already; remove takes it off the list")
    return _move(task, S.CANCELLED, now, "user", effects=(Discard(task),), finished_at=now, due_at=None)


def _remove(task: Task, now: float) -> Decision:
    if task.active:
        wanted = replace(task, want=Want.REMOVE, updated_at=now)
        effects = (Signal(task.id, Stop.CANCEL),)
        return Unchanged(effects) if task.want is Want.REMOVE else Changed(wanted, effects=effects)
    return _gone(task)


def _retry(task: Task, trigger: Retry, now: float) -> Decision:
    match task.status:
        case S.FAILED | S.RETRYING | S.PAUSED:
            return _again(task, now, trigger.rank)
        case S.CANCELLED:
            return _again(replace(task, received=0, files_done=0), now, trigger.rank)
        case S.PAUSING | S.COMPLETING:
            return _resume(task, Resume(trigger.rank), now)
        case S.COMPLETED:
            return _illegal(task, "retried", hint="it is complete already; verify checks it")
    return Unchanged()


def _prioritise(task: Task, trigger: Prioritise, now: float) -> Decision:
    after = replace(
        task,
        priority=task.priority if trigger.priority is None else trigger.priority,
        queue=task.queue if trigger.queue is None else trigger.queue,
        rank=task.rank if trigger.rank is None else trigger.rank,
    )
    return Unchanged() if after == task else Changed(replace(after, updated_at=now))


def _respec(task: Task, trigger: Respec, now: float) -> Decision:
    after = replace(task, spec=trigger.spec, host=trigger.host, max_retries=trigger.max_retries)
    if after == task:
        return Unchanged()
    if task.status is S.COMPLETED:
        return _illegal(task, "changed", hint="it is complete already; download it anew")
    after = replace(after, updated_at=now)
    if task.status not in (S.SCHEDULED, S.RUNNING) or task.want is not None or after.spec == task.spec:
        return Changed(after)
    # However the attempt by the old spec ends now, it is not the last word.
    return Changed(replace(after, want=Want.RESUME), effects=(Signal(task.id, Stop.PAUSE),))


# -- what the scheduler and the workers report ---------------------------------------------------------


def _claim(task: Task, trigger: Claimed, now: float) -> Decision:
    if task.status not in WAITING or trigger.fence <= task.fence:
        return _illegal(task, "claimed")
    return _move(
        task, S.SCHEDULED, now, "scheduler", effects=(Launch(task.id),), due_at=None, want=None,
        mark=max(task.mark, task.received),
        owner=trigger.owner, fence=trigger.fence, lease_until=trigger.lease_until, pid=trigger.pid,
    )  # fmt: skip


def _began(task: Task, now: float) -> Decision:
    if task.status is S.SCHEDULED:
        return _move(task, S.RUNNING, now, "worker", started_at=task.started_at or now)
    return Unchanged() if task.active else _illegal(task, "begun")


def _finishing(task: Task, trigger: Finishing, now: float) -> Decision:
    if task.status in (S.RUNNING, S.PAUSING):
        wants = {None: Want.PAUSE, Want.RESUME: None} if task.status is S.PAUSING else {}
        return _move(
            task, S.COMPLETING, now, "worker", want=wants.get(task.want, task.want),
            received=trigger.received, total=trigger.total, name=trigger.name, error=None,
        )  # fmt: skip
    return Unchanged() if task.status is S.COMPLETING else _illegal(task, "finished")


def _finished(task: Task, trigger: Finished, now: float) -> Decision:
    if task.status is not S.COMPLETING:
        return _illegal(task, "completed")
    if task.want is Want.REMOVE:
        return _gone(replace(task, received=trigger.received), discard=False)
    return _move(
        task, S.COMPLETED, now, "worker", **_FREE,
        received=trigger.received, total=trigger.total, files_done=trigger.files_done, name=trigger.name,
        finished_at=now, error=None, attempt=0, due_at=None, warning=None,
    )  # fmt: skip


def _stopped(task: Task, now: float, reason: str) -> Decision:
    """Return what becomes of a task whose worker let go without failing."""
    if task.status not in ACTIVE:
        return Unchanged()
    match task.want:
        case Want.CANCEL:
            return _move(task, S.CANCELLED, now, "user", effects=(Discard(task),), finished_at=now, **_FREE)
        case Want.REMOVE:
            return _gone(task)
        case Want.RESUME:
            return _again(task, now, task.rank)
    if _is_to_pause(task):
        return _move(task, S.PAUSED, now, "user", **_FREE)
    attempt = 0 if task.received > task.mark else task.attempt
    return _requeue(task, now, reason, rank=task.rank, attempt=attempt, queue=task.queue)


def _attempt_failed(task: Task, trigger: AttemptFailed, now: float, policy: RetryPolicy) -> Decision:
    failure = trigger.failure
    progressed = trigger.received > task.mark
    task = task.having(received=trigger.received)
    if task.status not in ACTIVE or task.want in (*_LEAVING, Want.RESUME):
        return _stopped(task, now, failure.code)
    if failure.code in WAITED_OUT and not _is_to_pause(task):
        return _wait_out(task, failure, now)
    if _is_to_pause(task) and (failure.retryable or failure.code in WAITED_OUT):
        return _move(task, S.PAUSED, now, failure.code, error=failure, **_FREE)
    step = next_step(policy, failure, task.attempt, progressed, trigger.uniform)
    if isinstance(step, GiveUp):
        return _fail(task, failure, now, step.reason)
    return _move(
        task,
        S.RETRYING,
        now,
        failure.code,
        error=failure,
        attempt=step.attempt,
        due_at=now + step.delay_s,
        queued_at=now,
        **_FREE,
    )


def _lease_lost(task: Task, now: float) -> Decision:
    if task.status not in ACTIVE:
        return Unchanged()
    if task.want is not None or task.status is S.PAUSING:
        return _stopped(task, now, "lease_lost")
    if task.status is S.SCHEDULED:
        return _requeue(task, now, "lease_lost", rank=task.rank, attempt=task.attempt, queue=task.queue)
    lost = Failure("worker_lost", "the process that downloaded it died", "it goes on where it was", retryable=True)
    attempt = 1 if task.received > task.mark else task.attempt + 1
    if attempt > task.max_retries:
        return _fail(
            task, replace(lost, hint="each attempt killed its process; look at the log, then retry it"), now, ""
        )
    return _move(task, S.RETRYING, now, "lease_lost", error=lost, attempt=attempt, due_at=now, queued_at=now, **_FREE)


# -- the moves they share ------------------------------------------------------------------------------

_FREE: Final[dict[str, Any]] = {"owner": None, "lease_until": None, "pid": None, "want": None}
"""Nobody holds the task. Its fence stays: it must only ever grow."""


def _move(
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


def _is_to_pause(task: Task) -> bool:
    return task.status is S.PAUSING or (task.status is S.COMPLETING and task.want is Want.PAUSE)


def _again(task: Task, now: float, rank: float) -> Changed:
    """A person wants it to go on: the count of attempts starts afresh, measured from what is there now."""
    return _requeue(replace(task, mark=task.received), now, "user", rank=rank, attempt=0)


def _requeue(
    task: Task, now: float, reason: str, *, rank: float, attempt: int, queue: Queue = Queue.INTERACTIVE
) -> Changed:
    return _move(
        task, S.PENDING, now, reason, **_FREE,
        queue=queue, rank=rank, attempt=attempt, queued_at=now, due_at=None, error=None, finished_at=None, warning=None,
    )  # fmt: skip


def _wait_out(task: Task, failure: Failure, now: float) -> Changed:
    waiting = _move(
        task, S.RETRYING, now, failure.code, error=failure, due_at=now + WAITED_OUT[failure.code], queued_at=now,
        warning=failure.code, **_FREE,
    )  # fmt: skip
    if task.error is not None and task.error.code == failure.code:
        return waiting  # it has been said
    warning = Warned(failure.code, failure.message, task.id)
    return replace(waiting, events=(*waiting.events, warning))


def _fail(task: Task, failure: Failure, now: float, gave_up: str) -> Changed:
    failed = _move(
        task, S.FAILED, now, failure.code, error=failure, finished_at=now, due_at=None, warning=None, **_FREE
    )
    if not failure.retryable:
        return failed
    warning = Warned("retries_exhausted", gave_up or failure.message, task.id)
    return replace(failed, events=(*failed.events, warning))


def _gone(task: Task, *, discard: bool = True) -> Changed:
    effects = (Discard(task),) if discard and task.status is not S.COMPLETED else ()
    return Changed(None, (StatusChanged(task.id, task.status, None, "user"),), effects)


def _illegal(task: Task, verb: str, hint: str = "") -> Illegal:
    return Illegal(f"a {task.status} task cannot be {verb}", hint)
