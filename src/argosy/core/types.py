"""The values everything else speaks of: a task, its files, what was asked for, what is known.

All are frozen: a change is a new value. Times are epoch seconds (float, UTC) given by the caller's clock,
sizes and offsets are bytes, rates are bytes per second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field, fields
from enum import IntEnum, StrEnum
from operator import attrgetter
from typing import Any, Literal

from argosy.core.checksum import Checksum
from argosy.core.pieces import Pieces
from argosy.errors import Failure
from argosy.value import dataclass

TaskId = str
"""32 hexadecimal digits, random: ids cannot be guessed and a short prefix names a task."""


class Status(StrEnum):
    """Where a task stands; exactly one at a time (see :mod:`argosy.core.lifecycle` for the ways between)."""

    PENDING = "pending"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    COMPLETING = "completing"
    COMPLETED = "completed"
    RETRYING = "retrying"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = frozenset({Status.SCHEDULED, Status.RUNNING, Status.PAUSING, Status.COMPLETING})
"""A worker holds the task: it has an owner, a fence and a lease."""
WAITING = frozenset({Status.PENDING, Status.RETRYING})
"""The scheduler may pick the task."""
TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
"""Nothing happens any more unless a person asks."""


class Queue(IntEnum):
    """Which of the three queues a waiting task stands in; lower goes first."""

    INTERACTIVE = 0
    AUTOMATIC = 1
    RETRY = 2


class Want(StrEnum):
    """What a person asked of a task that a worker still holds; carried out when the worker lets go."""

    CANCEL = "cancel"
    PAUSE = "pause"
    """Asked while it is being published: it pauses only if that fails."""
    RESUME = "resume"
    REMOVE = "remove"


class FileStatus(StrEnum):
    """Where one file of a task stands."""

    PENDING = "pending"
    RUNNING = "running"
    PUBLISHING = "publishing"
    """All bytes are durable and verified; the rename into place may or may not have happened."""
    DONE = "done"
    SKIPPED = "skipped"
    """Already there and the policy said to leave it."""
    FAILED = "failed"


IfExists = Literal["rename", "overwrite", "skip", "newer", "fail"]
"""What to do when the target exists: a numbered name, replace it, leave it, replace it only if the server's
is newer, or fail."""


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """How to transfer; every field has the default of a careful person.

    ``limit_bps`` caps this task; ``connections`` is the most one file may use. Secrets (``headers``, ``user``,
    ``cookie``, ``proxy`` userinfo) are kept in the store only and never shown.
    """

    connections: int = 8
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    user_agent: str | None = None
    referer: str | None = None
    user: str | None = field(default=None, repr=False)
    """``name:password`` for HTTP, FTP or SFTP."""
    cookie: str | None = field(default=None, repr=False)
    """A ``Cookie`` header's value."""
    cookie_file: str | None = None
    """A Netscape cookie file to read."""
    netrc: bool = True
    netrc_file: str | None = None
    proxy: str | None = field(default=None, repr=False)
    """``http://``, ``socks5h://`` …; ``""`` means none even if the environment names one."""
    ca_file: str | None = None
    insecure: bool = False
    client_cert: str | None = None
    client_key: str | None = None
    http_version: Literal["auto", "1.1", "2", "3"] = "auto"
    limit_bps: int | None = None
    connect_timeout_s: float = 20.0
    stall_timeout_s: float = 30.0
    if_exists: IfExists = "rename"
    keep_time: bool = True
    """Give the file the server's Last-Modified time."""
    allow_html: bool = False
    """Take a web page even where the name promises something else."""
    sidecar: str | None = None
    """URL of a ``SHA256SUMS``-style list to take the expected checksum from, or ``auto``."""
    file_retries: int = 3
    """How often one file of a task with several is tried again on its own."""
    quality: str = "best"
    """Of streams and videos: ``best``, ``worst``, ``720p`` (at most), or bits a second such as ``2M`` (at most)."""
    record_s: float | None = None
    """Seconds after which the recording of a live stream is complete; None: when it ends."""
    subtitles: tuple[str, ...] = ()
    """Of a stream or video page: the languages whose subtitles are wanted beside each video, such as ``en``; ``all``: every
    one."""
    languages: tuple[str, ...] = ()
    """Of a stream with several sound tracks: the languages that are wanted, such as ``en``, or ``all``; none: its default."""
    join: bool = True
    """Put a stream's picture and sound into one file, if that can be done here; else each becomes a file."""
    remux: bool = True
    """Put a stream that comes as an MPEG transport stream into an MP4, if that can be done here; else it stays as it came."""
    thumbnail: bool = False
    """Whether the picture that a page shows for a video is wanted beside it."""
    public_only: bool = False
    """Refuse addresses that are not on the public Internet, but for the networks the settings allow: for tasks that
    came from somebody else than the machine's owner."""


@dataclass(frozen=True, slots=True)
class FileSpec:
    """One thing a task should bring, as its source described it."""

    urls: tuple[str, ...]
    """At least one; all further ones are mirrors of the same bytes."""
    path: str | None = None
    """Where below the destination, ``/``-separated and already safe; None: the answer names it."""
    size: int | None = None
    checksum: Checksum | None = None
    label: str | None = None
    """What who asked calls it, as JSON (``70000`` or ``"a1"``): told back in results, and of no meaning here."""
    pieces: Pieces | None = None
    """What each piece of it must be, as whoever described it says."""
    etag: str | None = None
    """What the source's listing calls this very version."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What a user asked for. A person may ask for the same bytes by other means; only then it changes."""

    source: str
    """What the user wrote, secrets and all."""
    directory: str
    """Absolute path of the destination folder."""
    files: tuple[FileSpec, ...] = ()
    """What is to be brought, when that is known without asking anybody; else the source finds out."""
    options: TransferOptions = field(default_factory=TransferOptions)
    engine: str | None = None
    """Name of the engine to use; None: the one that accepts the URL."""
    callback: str | None = field(default=None, repr=False)
    """URL to be told once the task has ended."""
    include: tuple[str, ...] = ()
    """Patterns of the files that are wanted of what the source has; none: all."""
    exclude: tuple[str, ...] = ()
    """Patterns of those that are not."""
    trace: str | None = None
    """The span (a ``traceparent``) of the request that asked for it, if anybody recorded that."""
    name: str | None = None
    """What the one file is to be called, for a source that finds out what there is."""


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

    def having(self, **changes: Any) -> Task:  # noqa: ANN401 - as dataclasses.replace
        """Return the same task with some fields changed, as :meth:`FileState.having` does: every step makes a few of them."""
        values: Iterable[Any] = map(changes.get, _TASK_FIELDS, _task_values(self))
        return Task(*values)

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


@dataclass(frozen=True, slots=True)
class FileState:
    """One file of a task as the store knows it, with all that a later process needs to go on.

    ``extents`` are the half-open byte ranges known to be durably on disk, sorted and not touching;
    ``block_hashes`` holds one 8-byte XXH3 of each complete durable block of ``block_size`` bytes (zeros where
    unknown), so that damage after a crash costs a block and not the file.
    """

    task_id: TaskId
    index: int
    urls: tuple[str, ...]
    path: str | None = None
    """Wanted path below the destination; None until an answer names it."""
    size: int | None = None
    checksum: Checksum | None = None
    status: FileStatus = FileStatus.PENDING
    part: str | None = None
    """Path of the part file below the destination."""
    published: str | None = None
    """Path below the destination under which it is, or is just being, published."""
    received: int = 0
    extents: tuple[tuple[int, int], ...] = ()
    block_size: int = 0
    block_hashes: bytes = b""
    part_mtime_ns: int | None = None
    """The time of the part, or once done of the published file, as we left it: if it still has it, nobody touched it
    and it need not be read back."""
    etag: str | None = None
    last_modified: str | None = None
    date_is_strong: bool = False
    content_type: str | None = None
    resumable: bool | None = None
    attempts: int = 0
    error: Failure | None = None
    verified_by: str | None = None
    """``sha256`` (or another algorithm), ``length`` or ``none``: what ``done`` rests on; ``local:`` before an algorithm
    says that the bytes were on this machine already and were not fetched."""
    memo: str | None = None
    """What the engine notes for itself, to go on with in another process: text that means nothing to anybody else."""

    @property
    def finished(self) -> bool:
        return self.status in (FileStatus.DONE, FileStatus.SKIPPED)

    def having(self, **changes: Any) -> FileState:  # noqa: ANN401 - as dataclasses.replace
        """Return the same state with some fields changed: ``dataclasses.replace`` at a third of its cost.

        A file of a few kilobytes changes its state a dozen times within a fraction of a millisecond.
        """
        values: Iterable[Any] = map(changes.get, _FILE_FIELDS, _file_values(self))
        return FileState(*values)

    def __repr__(self) -> str:
        return f"<File {self.task_id[:8]}#{self.index} {self.status} {self.received}/{self.size}>"


_TASK_FIELDS = tuple(field.name for field in fields(Task))
_task_values: Callable[[Task], tuple[Any, ...]] = attrgetter(*_TASK_FIELDS)
_FILE_FIELDS = tuple(field.name for field in fields(FileState))
_file_values: Callable[[FileState], tuple[Any, ...]] = attrgetter(*_FILE_FIELDS)


@dataclass(frozen=True, slots=True)
class Kept:
    """A finished file, as a task has left it."""

    path: str
    size: int | None
    mtime_ns: int | None


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


def file_states(task: Task) -> tuple[FileState, ...]:
    """Return the files of a task as they are before anything has been done about them."""
    return tuple(
        FileState(task.id, index, spec.urls, path=spec.path, size=spec.size, checksum=spec.checksum)
        for index, spec in enumerate(task.spec.files)
    )
