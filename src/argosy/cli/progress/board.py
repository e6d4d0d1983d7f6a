"""What is known of the downloads that are being watched: pure, fed with events, read by the views."""

from __future__ import annotations

from dataclasses import field

from argosy.core.meter import Meter
from argosy.core.types import ACTIVE, Progress, Status, Task, TaskId
from argosy.value import dataclass

CROWD = 12
"""More tasks than this are a crowd."""
LASTING_S = 1.5


@dataclass(slots=True)
class Row:
    """One task as it is shown."""

    id: TaskId
    name: str
    status: Status = Status.PENDING
    received: int = 0
    total: int | None = None
    speed_bps: float = 0.0
    eta_s: float | None = None
    connections: int = 0
    files_done: int = 0
    files_total: int = 1
    note: str = ""
    """Why it is not moving, if it is not."""
    since_s: float = 0.0
    """When it began to move, on the clock of :meth:`Board.tick`."""

    @property
    def percent(self) -> float | None:
        if self.total is not None:
            return 100.0 if self.total == 0 else min(100.0, 100.0 * self.received / self.total)
        if self.files_total > 1:
            return 100.0 * self.files_done / self.files_total
        return None


@dataclass(slots=True)
class Summary:
    """All tasks together. ``total`` is None while any size is unknown."""

    tasks: int
    done: int
    failed: int
    active: int
    received: int
    total: int | None
    speed_bps: float

    @property
    def percent(self) -> float | None:
        if self.total:
            return min(100.0, 100.0 * self.received / self.total)
        return 100.0 * self.done / self.tasks if self.tasks else None

    @property
    def eta_s(self) -> float | None:
        if not self.total or self.speed_bps <= 0:
            return None
        return max(0, self.total - self.received) / self.speed_bps


@dataclass(slots=True)
class Board:
    """Rows of the tasks that are under way; of the ended ones only counts and bytes are kept."""

    rows: dict[TaskId, Row] = field(default_factory=dict)
    tasks: int = 0
    done: int = 0
    failed: int = 0
    _bytes_done: int = 0
    _now_s: float = 0.0
    _meter: Meter = field(default_factory=Meter)
    """Of everything: small files are over before they have a speed of their own."""

    def add(self, task: Task, name: str) -> None:
        """A task is watched from now on."""
        self.tasks += 1
        self.rows[task.id] = Row(
            task.id, name, task.status, task.received, task.total, task.speed_bps, None, task.connections,
            task.files_done, task.files_total, since_s=self._now_s,
        )  # fmt: skip

    def move(self, task_id: TaskId, status: Status, note: str = "") -> None:
        """The task has another status."""
        row = self.rows.get(task_id)
        if row is not None:
            if row.status not in ACTIVE:
                row.since_s = self._now_s
            row.status, row.note = status, note
            if status not in ACTIVE:
                row.speed_bps, row.connections, row.eta_s = 0.0, 0, None

    def rename(self, task_id: TaskId, name: str) -> None:
        """The task is called so, now that an answer has named it."""
        if task_id in self.rows:
            self.rows[task_id].name = name

    def measure(self, progress: Progress) -> None:
        """The task's counters are these."""
        row = self.rows.get(progress.task_id)
        if row is not None:
            row.received, row.total = progress.received, progress.total
            row.speed_bps, row.eta_s = progress.smoothed_bps, progress.eta_s
            row.connections = progress.connections
            row.files_done, row.files_total = progress.files_done, progress.files_total

    def end(self, task: Task) -> None:
        """The task is over: its row goes."""
        if self.rows.pop(task.id, None) is None:
            return
        if task.status is Status.COMPLETED:
            self.done += 1
            self._bytes_done += task.received
        else:
            self.failed += 1

    def put_down(self, task: Task) -> None:
        """The task was stopped by whoever watches: its row goes, what it has counts."""
        if self.rows.pop(task.id, None) is not None:
            self._bytes_done += task.received

    def drop(self, task_id: TaskId) -> None:
        """The task was taken off the list."""
        if self.rows.pop(task_id, None) is not None:
            self.tasks -= 1

    def tick(self, now_s: float) -> None:
        """It is ``now_s`` on a steady clock: what follows is measured from here."""
        self._now_s = now_s
        self._meter.sample(now_s, self._received())

    def active(self) -> list[Row]:
        """Return the rows of tasks that a worker holds, in the order they were added."""
        return [row for row in self.rows.values() if row.status in ACTIVE]

    def lasting(self) -> list[Row]:
        """Return of the active rows those worth a line: of a crowd only the ones that take a while."""
        rows = self.active()
        return rows if self.tasks <= CROWD else [row for row in rows if self._now_s - row.since_s >= LASTING_S]

    def stuck(self) -> list[Row]:
        """Return the rows of tasks that wait for another try."""
        return [row for row in self.rows.values() if row.status is Status.RETRYING]

    def summary(self) -> Summary:
        rows = self.rows.values()
        sizes = [row.total for row in rows]
        known = None if None in sizes else self._bytes_done + sum(size or 0 for size in sizes)
        active = sum(row.status in ACTIVE for row in rows)
        speed = self._meter.smooth(self._now_s)
        return Summary(self.tasks, self.done, self.failed, active, self._received(), known, speed)

    def _received(self) -> int:
        return self._bytes_done + sum(row.received for row in self.rows.values())
