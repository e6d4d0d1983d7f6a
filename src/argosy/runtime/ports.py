"""What the parts of the runtime need of each other, so that each can be read and tested alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, runtime_checkable

from argosy.core.checksum import Checksum
from argosy.core.events import Recorded
from argosy.core.lifecycle import Stop
from argosy.core.probe import Found
from argosy.core.types import FileSpec, FileState, Task, TaskId, TaskSpec, TransferOptions
from argosy.destinations.port import Facts, Loan, Part, Proof
from argosy.engines.port import Engine
from argosy.sources.port import Headers, Web


class Teller(Protocol):
    """Where committed events go."""

    async def tell(self, events: Sequence[Recorded]) -> None: ...


class Hands(Protocol):
    """Who carries out effects. Nothing here waits."""

    def launch(self, task: Task, *, fresh: bool) -> None:
        """Give the task to a worker. ``fresh``: nobody ever held it, so its files are as its spec says."""

    def signal(self, task_id: TaskId, stop: Stop) -> None:
        """Tell the task's worker to let go."""

    def fence_off(self, task_id: TaskId) -> None:
        """Make sure that the task's worker writes nothing any more, and end it."""

    def release(self, task_id: TaskId) -> None:
        """Forget the task's worker, which has ended."""

    def discard(self, task: Task, parts: Sequence[FileState]) -> None:
        """Remove the part files."""


class Destination(Protocol):
    """A folder to which files are brought (:class:`argosy.destinations.local.LocalDestination`)."""

    def place(
        self, state: FileState, facts: Facts, *, options: TransferOptions, fence: int, alive: Callable[[], bool]
    ) -> tuple[Part, FileState]:
        """Name the file and open its part. Raises AlreadyThere, UnsafePath, LocalError or DiskFull."""
        ...

    def hold(self, state: FileState, facts: Facts, body: bytes, proof: Proof, *, fence: int) -> FileState | None:
        """Return the state of a new small file, all of whose bytes are held until it is published; None if they cannot be
        held. Raises UnsafePath.
        """
        ...

    async def adopt(self, state: FileState) -> FileState:
        """Return the state with only those extents that are really in its part."""
        ...

    async def borrow(self, state: FileState, options: TransferOptions, loan: Loan, *, fence: int) -> FileState | None:
        """Return the state with every byte in its part, verified, from a file that is here already; None without one."""
        ...

    async def choose_many(self, states: Sequence[FileState], options: TransferOptions) -> list[FileState]:
        """Return the states with the paths they are to be published under."""
        ...

    async def publish_many(self, states: Sequence[FileState], options: TransferOptions) -> list[FileState | None]:
        """Put the parts under those paths, durably; None for each whose path somebody took meanwhile."""
        ...

    async def recover(self, state: FileState) -> FileState:
        """Return what became of a file whose publishing was cut."""
        ...

    def forget(self, states: Iterable[FileState]) -> None:
        """Let go of what is held in memory of the files: this attempt is over."""

    async def discard(self, states: Sequence[FileState]) -> None:
        """Remove the part files."""

    async def sweep(self, states: Sequence[FileState]) -> None:
        """Remove part files of the states' task that no state names."""


class Digest(Protocol):
    """A checksum that is computed while the bytes arrive."""

    async def advance(self, upto: int) -> None: ...

    async def finish(self, size: int) -> str: ...


class Warehouse(Protocol):
    """Where destinations and digests come from."""

    def destination(self, directory: str) -> Destination: ...

    def digest(self, part: Part, expected: Checksum, size: int) -> Digest: ...

    async def close(self) -> None: ...


class Engines(Protocol):
    """Which engine moves which URL."""

    def engine_for(self, url: str, name: str | None = None, *, public_only: bool = False) -> Engine: ...

    async def close(self) -> None: ...


@runtime_checkable
class Revalidator(Protocol):
    """An engine that can ask whether a file is still the one we have."""

    async def unchanged(self, state: FileState, options: TransferOptions) -> bool: ...


@runtime_checkable
class Reader(Protocol):
    """An engine that can read something small into memory."""

    async def read(
        self, url: str, options: TransferOptions, limit: int, *, headers: Headers = (), body: bytes | None = None
    ) -> bytes: ...


@runtime_checkable
class SpanReader(Protocol):
    """An engine that can read some of a file's bytes into memory."""

    def accepts(self, url: str) -> bool: ...

    async def document(
        self,
        url: str,
        options: TransferOptions,
        limit: int,
        *,
        span: tuple[int, int] | None = None,
        patient: bool = False,
    ) -> tuple[bytes, str]: ...


@runtime_checkable
class Prober(Protocol):
    """An engine that can ask what a server tells of a file, without fetching it."""

    async def probe(self, url: str, options: TransferOptions) -> Found: ...


class Sources(Protocol):
    """What a person wrote becomes files."""

    def kind_of(self, text: str) -> str:
        """Return the name of the source that understands ``text``. Raises UsageError."""
        ...

    def describe(self, text: str) -> FileSpec | None:
        """Return the one file ``text`` is, None if :meth:`resolve` must find out. Raises UsageError for what nobody
        understands.
        """
        ...

    def takes_name(self, text: str) -> bool:
        """Tell whether what :meth:`resolve` finds out can be given a name."""
        ...

    def arrives_whole(self, text: str) -> bool:
        """Tell whether its files are to appear all at once."""
        ...

    def lists_sizes(self, text: str) -> bool:
        """Tell whether its listing says how long each file is, so that another length is an error."""
        ...

    def prepare(self, text: str, directory: str | None, options: TransferOptions) -> tuple[str | None, TransferOptions]:
        """Return where the files go and how they are fetched, by the customs of their source."""
        ...

    async def resolve(self, spec: TaskSpec, web: Web) -> Sequence[FileSpec]:
        """Return the files of the source, asking whoever knows."""
        ...

    async def finish(self, spec: TaskSpec, files: Sequence[FileState]) -> None:
        """Do what is left once every file is in its place; may come again after a crash."""

    async def fall_short(self, spec: TaskSpec, files: Sequence[FileState], place: str) -> None:
        """Do what is of use where some of the files could not be brought."""

    async def settled(
        self, spec: TaskSpec, found: Sequence[FileSpec], states: Sequence[FileState]
    ) -> Sequence[FileState]:
        """Return the states of the files that were found; those that are here already as skipped."""
        ...

    def place(self, spec: TaskSpec, published: Sequence[str]) -> str:
        """Return what a program opens to use it all; ``published`` are the files' paths below the task's folder."""
        ...
