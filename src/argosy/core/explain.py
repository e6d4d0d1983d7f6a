"""Why a task is where it is, in words a person can act on.

The rules are those of :mod:`argosy.core.schedule`, asked of one task: what is said to wait for a slot is what ``plan``
leaves out for want of a slot. A reason that only time removes carries ``until``; if there are several, the one that
lasts longest is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

from argosy.core.limits import Limits
from argosy.core.retry import most_retries
from argosy.core.schedule import Running, Situation, busy_slots, host_loads, window_opens
from argosy.core.sizes import format_duration, format_rate, format_soon
from argosy.core.timetable import parse, rate_at
from argosy.core.types import Progress, Status, Task, Want
from argosy.value import dataclass

SILENT_S: Final = 5.0
"""A running task that got no byte for so long is said to be stalled."""

Throttle = Literal["global", "host", "task"]


@dataclass(frozen=True, slots=True)
class Reason:
    """``code`` is stable and for programs, ``text`` is one line for people, ``until`` (epoch seconds) is when it ends."""

    code: str
    text: str
    until: float | None = None


def explain(
    task: Task,
    *,
    running: Sequence[Running],
    limits: Limits,
    situation: Situation,
    ahead: int | None = None,
    progress: Progress | None = None,
    throttled_by: Throttle | None = None,
    silent_s: float = 0.0,
    session_alive: bool = True,
    served: bool = True,
) -> Reason:
    """Return why ``task`` is not moving, or how it moves.

    ``running`` are the active tasks of the process that explains. ``ahead`` counts the waiting tasks that go first,
    None if nobody counted. ``silent_s`` is the time since the last byte. ``session_alive`` tells whether the
    foreground command that ``task.session`` names still runs; ``served``, whether anybody works the queue.
    """
    match task.status:
        case Status.PENDING | Status.RETRYING:
            if task.session is not None and not session_alive:
                return Reason(
                    "session_gone", "waiting for a foreground command that is gone; run the queue to take it up"
                )
            reason = _waiting(task, running, limits, situation, ahead)
            if task.session is None and not served and reason.until is None:
                return Reason("unserved", "nobody works the queue; 'argosy run' does, or 'argosy serve'")
            return reason
        case Status.PAUSED:
            before = f" (before that: {task.error.message})" if task.error else ""
            return Reason("paused", f"paused by you; resume makes it go on{before}")
        case Status.COMPLETED:
            return Reason("completed", "complete")
        case Status.CANCELLED:
            return Reason("cancelled", "cancelled by you; retry starts it again")
        case Status.FAILED:
            return Reason("failed", f"failed: {_last_error(task)}")
    here = any(each.id == task.id for each in running)
    reason = _active(task, limits, situation, progress, throttled_by, silent_s)
    holder = task.owner if task.pid is None else f"pid {task.pid}"
    return reason if here else Reason("held", f"held by another process ({holder}): {reason.text}")


# -- while it waits ------------------------------------------------------------------------------------


def _waiting(task: Task, running: Sequence[Running], limits: Limits, situation: Situation, ahead: int | None) -> Reason:
    if task.spec.directory in situation.full_directories:
        return Reason("disk_full", f"waiting for disk space in {task.spec.directory}")
    timed = list(_timed(task, limits, situation))
    if timed:
        return max(timed, key=lambda reason: reason.until or 0.0)
    return _crowded(task, running, limits, situation, ahead)


def _timed(task: Task, limits: Limits, situation: Situation) -> Iterator[Reason]:
    """Yield what only the clock can end."""
    opening = window_opens(limits, situation)
    if opening is not None:
        yield Reason("window", f"waiting for the download window, which opens {_at(opening, situation)}", opening)
    cooled = situation.cooling.get(task.host)
    if cooled is not None and cooled > situation.now:
        text = f"{task.host} asked to be left alone until {_clock(cooled, situation)} ({_soon(cooled, situation)})"
        yield Reason("host_cooling", text, cooled)
    left_alone = situation.failing.get(task.host)
    if left_alone is not None and left_alone > situation.now:
        again = f"tries again {_soon(left_alone, situation)}, with one task at first"
        yield Reason("host_failing", f"{task.host} fails every task and is left alone; {again}", left_alone)
    if task.due_at is None or task.due_at <= situation.now:
        return
    if task.error is not None and task.error.code == "disk_full":
        again = f"looks again {_soon(task.due_at, situation)}"
        yield Reason("disk_full", f"waiting for disk space in {task.spec.directory}; {again}", task.due_at)
    elif task.error is not None and task.error.code == "offline":
        again = f"looks again {_soon(task.due_at, situation)}"
        yield Reason("offline", f"waiting for the network: this machine is offline; {again}", task.due_at)
    elif task.status is Status.RETRYING:
        wish = "; the server asked for that (Retry-After)" if task.error and task.error.retry_after_s else ""
        count = f"{task.attempt} of {most_retries(task)}"
        text = f"retry {count} {_soon(task.due_at, situation)} after {_last_error(task)}{wish}"
        yield Reason("retry", text, task.due_at)
    else:
        yield Reason("start_time", f"waiting for its start time {_at(task.due_at, situation)}", task.due_at)


def _crowded(task: Task, running: Sequence[Running], limits: Limits, situation: Situation, ahead: int | None) -> Reason:
    """Return which limit others use up; the last answer is that nothing is in the way."""
    busy = busy_slots(running, limits, situation)
    queue = f"; {_count(ahead, 'task')} ahead" if ahead else ""
    if busy >= limits.max_running:
        held = f" ({situation.paused_slots} held by paused tasks)" if busy > len(running) else ""
        return Reason("slot", f"waiting for a slot: {busy} of {limits.max_running} busy{held}{queue}")
    load = host_loads(running)[task.host]
    if load and task.host in situation.failing:
        return Reason("host_failing", f"{task.host} failed every task lately; another one tries it first{queue}")
    if task.host and load >= limits.first_per_host:
        used = f"{load} of {limits.first_per_host} connections in use"
        return Reason("host_limit", f"waiting for {task.host}: {used}{queue}")
    if ahead is not None and ahead >= limits.max_running - busy:
        return Reason("turn", f"waiting its turn{queue}")
    return Reason("ready", "about to start")


# -- while a worker holds it ---------------------------------------------------------------------------


def _active(
    task: Task,
    limits: Limits,
    situation: Situation,
    progress: Progress | None,
    throttled_by: Throttle | None,
    silent_s: float,
) -> Reason:
    match task.want, task.status:
        case Want.CANCEL, _:
            return Reason("cancelling", "being cancelled; its worker is letting go")
        case Want.REMOVE, _:
            return Reason("removing", "being removed; its worker is letting go")
        case Want.RESUME, _:
            return Reason("pausing", "pausing, and going on right after as you asked")
        case _, Status.PAUSING:
            return Reason("pausing", "pausing; its worker is making what it has durable")
        case _, Status.SCHEDULED:
            return Reason("starting", "starting; a worker has it")
        case _, Status.COMPLETING:
            return Reason("finishing", "finishing: every byte is here and is being moved into place")
    if throttled_by is not None:
        rate = _cap(task, limits, situation, throttled_by)
        return Reason(
            "throttled", f"throttled to {format_rate(rate or _speed(task, progress))} by the {throttled_by} limit"
        )
    if silent_s >= SILENT_S:
        return Reason(
            "stalled", f"stalled for {format_duration(silent_s)}: nothing comes from {task.host or 'the server'}"
        )
    return Reason("running", _pace(task, progress))


def _cap(task: Task, limits: Limits, situation: Situation, throttled_by: Throttle) -> int | None:
    """Return the bytes per second the named limit allows now."""
    if throttled_by == "task":
        return task.spec.options.limit_bps
    name = task.host.rpartition(":")[0]
    text = limits.rate if throttled_by == "global" else limits.host_rates.get(task.host) or limits.host_rates.get(name)
    return rate_at(_timetable(text), situation.local) if text else None


_timetable = lru_cache(maxsize=32)(parse)  # reading the text paints a whole week, once is enough


def _speed(task: Task, progress: Progress | None) -> float:
    return progress.smoothed_bps if progress else task.speed_bps


def _pace(task: Task, progress: Progress | None) -> str:
    connections = progress.connections if progress else task.connections
    if not connections:
        return f"running: connecting to {task.host or 'the server'}"
    left = f", {format_duration(progress.eta_s)} left" if progress and progress.eta_s is not None else ""
    return f"running at {format_rate(_speed(task, progress))} over {_count(connections, 'connection')}{left}"


# -- words ---------------------------------------------------------------------------------------------


def _last_error(task: Task) -> str:
    if task.error is None:
        return "an unknown error"
    hint = f"; {task.error.hint}" if task.error.hint else ""
    return f"{task.error.message} ({task.error.code}){hint}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _soon(moment: float, situation: Situation) -> str:
    return format_soon(moment - situation.now)


def _at(moment: float, situation: Situation) -> str:
    return f"at {_clock(moment, situation)} ({_soon(moment, situation)})"


def _clock(moment: float, situation: Situation) -> str:
    """Return the local time of ``moment``: the hour today, with the weekday this week, else the date."""
    then: datetime = situation.local + timedelta(seconds=moment - situation.now)
    days = (then.date() - situation.local.date()).days
    return f"{then:%H:%M}" if days == 0 else f"{then:%a %H:%M}" if days < 7 else f"{then:%Y-%m-%d %H:%M}"
