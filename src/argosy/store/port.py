"""What a store must do. The docstrings are obligations; ``argosy.testing.store_contract`` holds stores to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from argosy.core.events import Lasting, Recorded
from argosy.core.schedule import Candidate
from argosy.core.types import FileState, Lease, Status, Task, TaskId

EVENTS_PER_TASK = 10
"""How many events ``purge`` looks at for each task it may remove: about as many as a task leaves."""


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be added, with its files as far as they are known."""

    task: Task
    files: tuple[FileState, ...] = ()
    reason: str = "user"


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a :class:`NewTask`: it was kept, or an unfinished task with the same key exists already."""

    task: Task
    existed: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One decided change of one task.

    Applied only if the stored version is ``before.version`` and, when ``fenced``, the stored owner and fence are
    those of ``before``. ``after`` is then stored with version + 1, each of ``files`` replaces that of its index, and
    ``events`` are appended, all in one transaction. ``after=None`` removes the task with its files (its events
    stay in the log).

    The counters of a :class:`Tally`, ``lease_until`` and ``session`` are written without a new version: where
    ``after`` has the same as ``before``, what is stored stays.
    """

    before: Task
    after: Task | None
    events: tuple[Lasting, ...] = ()
    files: tuple[FileState, ...] = ()
    fenced: bool = False
    all_files: bool = False
    """The task has ``files`` and no others: those of further indexes go."""
    at: float | None = None
    """The moment the events bear; None: that of ``after.updated_at``, or of ``before`` for a removal."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The change is durable: ``task`` as stored now (None: removed), and its events with their numbers."""

    task: Task | None
    events: tuple[Recorded, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The change was not applied: somebody else was first (``fenced``: the lease is gone). Load and decide again."""

    task_id: TaskId
    current: Task | None
    fenced: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """A task's counters for a checkpoint; they never change its version."""

    received: int
    total: int | None
    files_done: int
    files_total: int
    speed_bps: float
    connections: int
    name: str | None = None
    """None: keep the stored one."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which tasks, in which order. ``after`` is the ``number`` of the last task of the page before."""

    statuses: frozenset[Status] | None = None
    host: str | None = None
    text: str | None = None
    """Found anywhere in the source or the name, ignoring case."""
    key: str | None = None
    session: str | None = None
    newest_first: bool = False
    after: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One process that runs tasks. ``id`` is new with every start; pid and start time tell whether it lives."""

    id: str
    host: str
    boot_id: str
    pid: int
    started: str
    """The process's start time as its operating system states it, opaque."""
    seen_at: float = 0.0
    serves_queue: bool = True
    """False: a foreground command that runs only its own session's tasks."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """Answer to a heartbeat: the tasks whose lease is lost, and the tasks as stored that somebody else changed."""

    lost: frozenset[TaskId] = frozenset()
    changed: Mapping[TaskId, Task] = field(default_factory=dict)


class Store(Protocol):
    """All methods are atomic, durable when they return, and may be awaited from any event loop and thread.

    Errors: :class:`~argosy.errors.StoreError` when the database is unusable (code ``store_busy`` when another
    process holds it too long, ``store_corrupt``, ``store_newer`` for a schema from a later release,
    ``disk_full``). Nothing is ever lost silently.
    """

    async def open(self) -> None:
        """Make the store ready, migrating it if it is older. Idempotent."""

    async def close(self) -> None:
        """Finish what was handed over, then release everything. Idempotent."""

    # -- tasks -------------------------------------------------------------------------------------
    async def add(self, tasks: Sequence[NewTask]) -> Sequence[Added]:
        """Keep the tasks in order, giving each its ``number``, and log ``StatusChanged(None -> status)`` for each.

        A task whose non-empty ``key`` is that of a stored unfinished task (also one earlier in the same call) is
        not added: the answer holds the stored one with ``existed``. Failed and cancelled tasks are finished. So is
        it with a task whose id is stored already, finished or not.
        """
        ...

    async def get(self, ids: Sequence[TaskId]) -> Mapping[TaskId, Task]:
        """Return those of the tasks that exist."""
        ...

    async def resolve(self, prefix: str, limit: int = 2) -> Sequence[TaskId]:
        """Return up to ``limit`` ids that begin with ``prefix``."""
        ...

    async def files(self, task_id: TaskId) -> Sequence[FileState]:
        """Return the task's files by index."""
        ...

    async def files_of(self, ids: Collection[TaskId]) -> Mapping[TaskId, Sequence[FileState]]:
        """Return the files, by index, of those of the tasks that have any."""
        ...

    async def by_keys(self, keys: Collection[str]) -> Mapping[str, Task]:
        """Return for each of the keys the newest terminal task that has it, if there is one; an empty key is nobody's.
        Cost is that of the tasks found.
        """
        ...

    async def find(self, query: Query) -> Sequence[Task]:
        """Return a page of tasks by number; a full page means there may be more. Cost is that of the page."""
        ...

    async def counts(self) -> Mapping[Status, int]:
        """Return how many tasks are in each status, in constant time."""
        ...

    async def commit(self, changes: Sequence[Change]) -> Sequence[Committed | Refused]:
        """Apply the changes in order, each on its own terms: one refusal does not undo the others.

        Several changes of one task in one call build on each other: a later one is given the version that the
        earlier one produces, so only ``before`` of the first must match. If one is refused, so are its successors.
        """
        ...

    # -- scheduling --------------------------------------------------------------------------------
    async def runnable(
        self, *, now: float, limit: int, session: str | None, full_hosts: Collection[str] = ()
    ) -> Sequence[Candidate]:
        """Return waiting tasks worth looking at: for each queue the first ``limit`` by (priority, rank) and the
        first ``limit`` by ``queued_at``, no task twice, none with ``due_at`` after ``now``, none of ``full_hosts``.

        ``session`` None: tasks of no session; else that session's. A retrying task counts as of the queue RETRY.
        Cost does not grow with the number of stored tasks.
        """
        ...

    async def next_due(self, *, now: float, session: str | None) -> float | None:
        """Return the earliest ``due_at`` after ``now`` of a waiting task."""
        ...

    async def first_rank(self) -> float:
        """Return a rank before every stored one."""
        ...

    # -- leases ------------------------------------------------------------------------------------
    async def register(self, worker: WorkerInfo) -> None:
        """Remember the worker (again: update ``seen_at``)."""

    async def workers(self) -> Sequence[WorkerInfo]: ...

    async def forget(self, worker_id: str) -> None:
        """Remove the worker; tasks of a session with its id belong to nobody in particular from now on."""

    async def renew(self, worker_id: str, held: Mapping[TaskId, tuple[int, int]], until: float, now: float) -> Renewal:
        """Extend the leases of the tasks ``{id: (fence, version)}`` that the worker still owns with that fence,
        and mark the worker seen. A task stored under another version is returned in ``changed``.
        """
        ...

    async def checkpoint(self, lease: Lease, tally: Tally, files: Sequence[FileState]) -> None:
        """Replace the counters and the given files. Raises :class:`~argosy.errors.Fenced` if the lease's owner and
        fence are not the stored ones or the task is no longer active; then nothing is written.
        """

    async def reapable(self, *, now: float, dead: Collection[str], limit: int) -> Sequence[Task]:
        """Return active tasks without a lease, with one that ended before ``now``, or with an owner among ``dead``."""
        ...

    # -- log and settings --------------------------------------------------------------------------
    async def events(self, *, after: int = 0, limit: int = 1000, task_id: TaskId | None = None) -> Sequence[Recorded]:
        """Return logged events with ``seq`` above ``after``, in order."""
        ...

    async def last_seq(self) -> int:
        """Return the newest event's number, 0 if there is none."""
        ...

    async def log(self, events: Sequence[Lasting], now: float) -> Sequence[Recorded]:
        """Append events that go with no change of a task; their ``version`` is 0."""
        ...

    async def setting(self, name: str) -> str | None: ...

    async def set_setting(self, name: str, value: str | None) -> None: ...

    async def purge(self, *, finished_before: float, statuses: frozenset[Status], limit: int) -> int:
        """Remove up to ``limit`` tasks of those ``statuses`` that are terminal and ended before ``finished_before``,
        the longest finished first, and of the oldest ``limit * EVENTS_PER_TASK`` events those from before that moment.
        Return how many tasks went.
        """
        ...

    async def change_count(self) -> int:
        """Return a number that differs whenever somebody has written through another store object, such as another
        process, since the last call; this object's own writes do not count.
        """
        ...
