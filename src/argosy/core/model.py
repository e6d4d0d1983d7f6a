"""Models on demand: what a catalogue says of one, and where one stands."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from argosy.core.types import FileSpec, Progress, Task
from argosy.value import dataclass

LARGEST_PRIORITY: Final = 1000
"""Of a model, in either direction."""
HEAD_START: Final = 10 * LARGEST_PRIORITY
"""So much higher is the priority of an essential model: all of those come before any other."""


class Presence(StrEnum):
    """Whether a model can be used."""

    HERE = "here"
    UNDER_WAY = "under_way"
    """A task is to bring it: it runs, waits or is paused."""
    ABSENT = "absent"
    """Nobody is bringing it. If somebody tried, the task says what became of that."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model of a catalogue: its files, or the source that knows them."""

    id: str
    directory: str
    """Absolute path of the folder of its files; empty: where its source keeps such things."""
    files: tuple[FileSpec, ...] = ()
    source: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    priority: int = 0
    essential: bool = False

    @property
    def size(self) -> int | None:
        """Bytes of all files, None if that of any is not written down."""
        sizes = [file.size for file in self.files]
        return sum(size or 0 for size in sizes) if sizes and None not in sizes else None

    @property
    def rank(self) -> int:
        """The priority of a task that brings it with others."""
        return self.priority + HEAD_START * self.essential


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a download has got, and how fast that went on the whole."""

    received: int
    total: int | None
    percent: float | None
    average_bps: int
    """Bytes a second from its start until now, pauses included."""
    elapsed_s: float
    remaining_bytes: int | None
    remaining_s: float | None


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """Where a model stands, or anything else that can be ensured."""

    id: str
    state: Presence
    path: str | None = None
    """What a program opens to use it, once it is here: the file, or the folder of many."""
    listed: bool = False
    """Whether the catalogue has it."""
    essential: bool = False
    priority: int = 0
    size: int | None = None
    task: Task | None = None
    """The one that has brought it, is at it, or was the last to try."""
    figures: Figures | None = None


def figures(task: Task, progress: Progress, now: float) -> Figures:
    """Return the figures of ``task`` at the moment ``now``, or at its end."""
    elapsed = max(0.0, (task.finished_at or now) - task.started_at) if task.started_at is not None else 0.0
    received, total = progress.received, progress.total
    average = received / elapsed if elapsed else 0.0
    left = None if total is None else max(0, total - received)
    left_s = progress.eta_s
    if left is not None and left_s is None and average:
        left_s = left / average
    return Figures(
        received, total, None if progress.percent is None else round(progress.percent, 2), round(average),
        round(elapsed, 3), left, 0.0 if left == 0 else None if left_s is None else round(left_s, 1),
    )  # fmt: skip
