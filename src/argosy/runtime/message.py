"""What goes into the router, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import field

from argosy.core.lifecycle import Prioritise, Respec, Trigger
from argosy.core.types import FileState, Task, TaskId
from argosy.errors import ArgosyError
from argosy.value import dataclass


@dataclass(frozen=True, slots=True)
class Take:
    """The scheduler wants the task, as it read it, started here; the router fills in lease and fence."""

    task: Task


@dataclass(frozen=True, slots=True)
class Enlist:
    """The task belongs to ``session`` from now on (if nobody runs it), because somebody there asked for it too."""

    session: str | None


@dataclass(frozen=True, slots=True)
class Reap:
    """The attempt with this fence is dead: nobody holds the task any more, unless it has been claimed anew since."""

    fence: int


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to warn about. ``holds``: it is shown on the task until withdrawn by one with an empty ``code``."""

    code: str
    message: str = ""
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Renewed:
    """The store holds the task in this newer version: another process changed it."""

    task: Task


@dataclass(frozen=True, slots=True)
class Dropped:
    """Nobody here works on the task any more and nothing is to be written: its lease went to somebody else."""


@dataclass(frozen=True, slots=True)
class Amend:
    """The triggers one after the other as one change of the task, if it is still of ``version``."""

    version: int
    triggers: tuple[Respec | Prioritise, ...]


Ask = Trigger | Amend | Take | Enlist | Reap | Remark | Renewed | Dropped


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one command: the task as it is now (None: removed, or never there) and whether that is new."""

    task: Task | None
    changed: bool = False
    error: ArgosyError | None = None

    def require(self) -> Task | None:
        """Return the task, or raise what went wrong."""
        if self.error is not None:
            raise self.error
        return self.task


@dataclass(slots=True, eq=False)
class Item:
    """One thing for the router to decide.

    ``fence`` is set on a worker's report: it counts only while that attempt is the present one. ``answer`` is called
    once, with the outcome, after the commit. ``files`` are stored in the same commit.
    """

    task_id: TaskId
    ask: Ask
    answer: Callable[[Outcome], None] | None = None
    fence: int | None = None
    files: tuple[FileState, ...] = ()
    refusals: int = field(default=0, init=False)

    @property
    def must_arrive(self) -> bool:
        """Whether nobody would say it again if it were lost."""
        return self.fence is not None or self.answer is None


def future_answer(future: asyncio.Future[Outcome]) -> Callable[[Outcome], None]:
    """Return an answer that resolves ``future``, which lives on the router's loop."""

    def answer(outcome: Outcome) -> None:
        if not future.done():
            future.set_result(outcome)

    return answer
