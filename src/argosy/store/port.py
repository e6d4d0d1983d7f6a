"""What a store must do. The docstrings are obligations; ``argosy.testing.store_contract`` holds stores to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Literal, Protocol

from argosy.core.checksum import Checksum
from argosy.core.events import Lasting, Recorded
from argosy.core.schedule import Candidate
from argosy.core.types import FileState, Kept, Lease, Queue, Status, Task, TaskId
from argosy.value import dataclass

EVENTS_PER_TASK = 10
"""How many events ``purge`` looks at for each task it may remove: about as many as a task leaves."""
EXPIRED_AT_ONCE = 100
"""How many expired records a ``keep`` removes."""
Span = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be added, with its files as far as they are known."""

    task: Task
    files: tuple[FileState, ...] = ()
    reason: str = "user"


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a :class:`NewTask`: it was kept, with its first ``event``, or an unfinished task with the same key exists
    already.
    """

    task: Task
    event: Recorded | None = None

    @property
    def existed(self) -> bool:
        return self.event is None


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


SortKey = Literal["number", "updated_at", "finished_at", "priority", "name", "total"]
"""What a page may be sorted by. A task without a name has the empty one, without a total that of -1."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which tasks, in which order. ``after`` is the ``number`` of the last task of the page before."""

    statuses: frozenset[Status] | None = None
    host: str | None = None
    text: str | None = None
    """Found anywhere in the name, or in what may be shown of the source, ignoring case."""
    key: str | None = None
    session: str | None = None
    newest_first: bool = False
    """The greatest first, whatever it is sorted by."""
    after: int | None = None
    limit: int = 100
    by: SortKey = "number"
    """Tasks that are equal in this go by number. ``finished_at``: only tasks that have ended."""
    after_value: float | str | None = None
    """With ``after``: what the last task of the page before has of ``by`` (:func:`sort_value`); not for ``number``."""
    created: Span = (None, None)
    finished: Span = (None, None)
    """From a moment on and until before another, in epoch seconds; only tasks that have ended have the second."""


def sort_value(task: Task, by: SortKey) -> float | str:
    """Return what the task is sorted by."""
    match by:
        case "name":
            return task.name or ""
        case "total":
            return -1 if task.total is None else task.total
        case "finished_at":
            return task.finished_at or 0.0
    value: float = getattr(task, by)
    return value


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


@dataclass(frozen=True, slots=True)
class Record:
    """A small thing that a surface wants to find again: ``kind`` and ``name`` together are its key.

    From ``expires_at`` on (None: never) it is as if it were not there. Its value may be a secret.
    """

    kind: str
    name: str
    value: str = field(repr=False)
    expires_at: float | None = None

    def expired(self, now: float) -> bool:
        return self.expires_at is not None and self.expires_at <= now


class Records(Protocol):
    """What a store does with records; errors and atomicity are those of :class:`Store`."""

    async def keep(self, record: Record, now: float) -> Record:
        """Store the record unless an unexpired one of that kind and name is there, and return the one that is there
        now: of many who keep the same, in whatever process, all are given that of the first.

        It also removes up to ``EXPIRED_AT_ONCE`` records that have expired, of any kind.
        """
        ...

    async def put(self, *records: Record, drop: Iterable[tuple[str, str]] = ()) -> None:
        """Remove the records of those (kind, name), then store the given ones, replacing what is there; all or none."""

    async def record(self, kind: str, name: str, now: float) -> Record | None:
        """Return the unexpired record of that kind and name."""
        ...

    async def records(self, kind: str, now: float, after: str = "", limit: int = 1000) -> Sequence[Record]:
        """Return the unexpired records of the kind with names above ``after``, by name (as its UTF-8 bytes sort).

        Cost is that of the page and of what has expired within it.
        """
        ...

    async def drop(self, kind: str, name: str) -> bool:
        """Remove the record and return whether there was one, expired or not."""
        ...


class Store(Records, Protocol):
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

    async def kept(self, checksum: Checksum, limit: int) -> Sequence[Kept]:
        """Return up to ``limit`` finished (``done``) files whose checksum is that, those of the newest tasks first. Cost is
        that of the files found.
        """
        ...

    async def by_keys(self, keys: Collection[str]) -> Mapping[str, Task]:
        """Return for each of the keys the newest terminal task that has it, if there is one; an empty key is nobody's.
        Cost is that of the tasks found.
        """
        ...

    async def find(self, query: Query) -> Sequence[Task]:
        """Return a page of tasks; a full page means there may be more. Cost is that of the page if it goes by
        ``number`` or ``finished_at``, else that of all tasks of those statuses.
        """
        ...

    async def counts(self) -> Mapping[Status, int]:
        """Return how many tasks are in each status, in constant time."""
        ...

    async def depths(self) -> Mapping[Queue, int]:
        """Return how many tasks wait in each queue, due or not. Cost is that of the waiting tasks."""
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
