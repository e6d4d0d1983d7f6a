"""How a task is put into words: its name, its short id, its status in colour."""

from __future__ import annotations

import sys
import time as clock
from datetime import UTC, datetime

from argosy.cli.face import Face
from argosy.core.names import from_url, safe_name, terminal_safe
from argosy.core.redact import redacted_url
from argosy.core.sizes import format_duration, format_rate, format_size
from argosy.core.types import ACTIVE, Status, Task, TaskSpec

SHOWN_ID = 8
COLOUR_OF = {
    Status.PENDING: "white",
    Status.SCHEDULED: "green",
    Status.RUNNING: "green",
    Status.PAUSING: "yellow",
    Status.PAUSED: "yellow",
    Status.COMPLETING: "cyan",
    Status.COMPLETED: "cyan",
    Status.RETRYING: "yellow",
    Status.FAILED: "red",
    Status.CANCELLED: "magenta",
}


def name_of(task: Task) -> str:
    """Return what a person would call the task, safe for a terminal."""
    return terminal_safe(task.name) if task.name else expected_name(task.spec)


def expected_name(spec: TaskSpec) -> str:
    """Return what the task will probably be called, before any answer has named it."""
    if len(spec.files) > 1:
        return terminal_safe(f"{len(spec.files)} files from {redacted_url(spec.files[0].urls[0])}")
    if spec.files and spec.files[0].path:
        return terminal_safe(spec.files[0].path)
    name = from_url(spec.source)
    return safe_name(name) if name else terminal_safe(redacted_url(spec.source))


def told_of(name: str, message: str) -> str:
    """Return what is told of something, safe for a terminal; its name stands before it once, and not twice."""
    message = terminal_safe(message)
    return message if not name or message.startswith(f"{name} ") else f"{name}: {message}"


def error_beside(name: str, task: Task) -> str:
    """Return what went wrong last, to stand beside the task's name, and so without it."""
    return "" if task.error is None else task.error.message.removeprefix(f"{name} ")


def short(task_id: str) -> str:
    return task_id[:SHOWN_ID]


def coloured(face: Face, status: Status, text: str | None = None) -> str:
    return face.style(text or status.value, sys.stdout, fg=COLOUR_OF[status])


def percent_of(task: Task) -> str:
    return whole_percent(task.percent)


def whole_percent(percent: float | None) -> str:
    """Return ``62%``, rounded down: 100% is said of what is complete."""
    return "" if percent is None else f"{int(percent)}%"


def size_of(task: Task) -> str:
    """Return ``3.1 MiB of 5.0 GiB`` as far as it is known."""
    if task.total is None:
        return format_size(task.received) if task.received else ""
    if task.status is Status.COMPLETED or task.received == task.total:
        return format_size(task.total)
    return f"{format_size(task.received)} of {format_size(task.total)}"


def speed_of(task: Task) -> str:
    return format_rate(task.speed_bps) if task.status in ACTIVE and task.speed_bps else ""


def left_of(task: Task) -> str:
    if task.status not in ACTIVE or not task.speed_bps or task.total is None:
        return ""
    return format_duration(max(0, task.total - task.received) / task.speed_bps)


def local_time(epoch: float | None) -> str:
    """Return the moment as the person's own clock shows it; today without the date."""
    if epoch is None:
        return ""
    then = datetime.fromtimestamp(epoch, UTC).astimezone()
    today = datetime.fromtimestamp(clock.time(), UTC).astimezone().date()
    return f"{then:%H:%M:%S}" if then.date() == today else f"{then:%Y-%m-%d %H:%M}"


def counted(number: int, noun: str) -> str:
    """Return ``1 task`` or ``3 tasks``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
