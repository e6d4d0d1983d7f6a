"""A task as it is known, who may write it, and how far it is."""

from __future__ import annotations

from typing import Any

from argosy.core.types.spec import TaskSpec
from argosy.core.types.status import ACTIVE, TERMINAL, Queue, Status, Want
from argosy.errors import Failure
from argosy.value import dataclass, remaker

TaskId = str
"""32 hexadecimal digits, random: ids cannot be guessed and a short prefix names a task."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write a task's state and bytes, for as long as the task has this owner and this fence.

    ``fence`` only ever grows per task; the store refuses every write that carries an older one.
    """

    task_id: TaskId
    owner: str
    fence: int


@dataclass(frozen=True, slots=True)
class Task:
    """A task as the store knows it."""

    id: TaskId
    spec: TaskSpec
    created_at: float
    updated_at: float
    number: int = 0
    """Order of creation in this store, from 1."""
    version: int = 1
    """Grows by one with every committed change of state; a commit against an older one is refused."""
    status: Status = Status.PENDING
    queue: Queue = Queue.AUTOMATIC
    priority: int = 0
    """Within its queue, higher goes first."""
    rank: float = 0.0
    """Within its priority, lower goes first."""
    queued_at: float = 0.0
    """When it began to wait, for ageing."""
    host: str = ""
    """``host:port`` the task mainly talks to."""
    session: str | None = None
    """The foreground command it belongs to; None: anybody who works the queue may take it."""
    key: str = ""
    """Identity of (source, destination, name): the same request again finds the same task."""
    want: Want | None = None
    owner: str | None = None
    fence: int = 0
    lease_until: float | None = None
    pid: int | None = None
    attempt: int = 0
    """How many times it has been retried since the last progress or human command."""
    max_retries: int = 5
    due_at: float | None = None
    """Not before this moment: a retry's time, or a start time."""
    error: Failure | None = None
    name: str | None = None
    """What it is called on disk, once known."""
    received: int = 0
    mark: int = 0
    """The most ``received`` had been when the present attempt began: an attempt that got further resets the count of
    attempts. So a server that makes every attempt start from nothing again is not followed for ever."""
    total: int | None = None
    files_total: int = 1
    files_done: int = 0
    speed_bps: float = 0.0
    connections: int = 0
    started_at: float | None = None
    finished_at: float | None = None
    warning: str | None = None
    """Code of the last runtime warning that still holds (``stalled``, ``disk_full`` …)."""

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def first_contact(self) -> bool:
        """Somebody waits for it in the foreground, and nothing of it has come yet."""
        return self.session is not None and not self.received and not self.files_done

    def having(self, **changes: Any) -> Task:  # noqa: ANN401 - as dataclasses.replace
        """Return the same task with some fields changed, as :meth:`FileState.having` does: every step makes a few of them."""
        return _remade(self, changes)

    @property
    def percent(self) -> float | None:
        """0 to 100, or None while the total is unknown."""
        if self.status is Status.COMPLETED:
            return 100.0
        if not self.total:
            return None
        return min(100.0, 100.0 * self.received / self.total)

    @property
    def lease(self) -> Lease | None:
        if self.owner is None or self.lease_until is None:
            return None
        return Lease(self.id, self.owner, self.fence)

    def __repr__(self) -> str:
        return f"<Task {self.id[:8]} {self.status} v{self.version} {self.received}/{self.total}>"


_remade = remaker(Task, "a task")


@dataclass(frozen=True, slots=True)
class Progress:
    """A task's counters at one moment; ``received`` counts bytes of the finished result, never twice."""

    task_id: TaskId
    received: int
    total: int | None
    instantaneous_bps: float
    smoothed_bps: float
    eta_s: float | None
    connections: int = 0
    files_done: int = 0
    files_total: int = 1

    @property
    def percent(self) -> float | None:
        """0 to 100, or None while the total is unknown."""
        return min(100.0, 100.0 * self.received / self.total) if self.total else None
