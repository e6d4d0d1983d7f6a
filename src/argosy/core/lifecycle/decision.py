"""What a decision is: a change with what is to be told and done about it, nothing to do, or a refusal."""

from __future__ import annotations

from enum import StrEnum

from argosy.core.events import Lasting
from argosy.core.types import Task, TaskId
from argosy.value import dataclass


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
