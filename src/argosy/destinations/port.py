"""What a destination is told of a file, and what it gives to write to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from argosy.core.checksum import Checksum
from argosy.core.types import FileState, Kept
from argosy.errors import ArgosyError
from argosy.value import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """What the first answer told of a file: enough to name it, size it and recognise it again."""

    url: str
    """Where it finally came from, after redirects."""
    size: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    date_is_strong: bool = False
    content_type: str | None = None
    disposition: str | None = None
    """The raw ``Content-Disposition`` value."""
    digests: tuple[str, ...] = ()
    """``algorithm:hex`` of the whole representation, as headers gave them."""
    resumable: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """What a file's completeness rests on: a checksum that its bytes have, or only (``length``) that all have come."""

    checksum: Checksum | None
    by: str


class Part(Protocol):
    """The partial file: positioned writes, nothing else. See :mod:`argosy.destinations.part`."""

    generation: int
    """How often every byte has been dropped: what was computed of earlier ones is void."""

    @property
    def path(self) -> str:
        """Below the destination, as :attr:`FileState.part` keeps it."""
        ...

    @property
    def workshop(self) -> str | None:
        """Absolute path of a folder beside the part, to be made by who needs one for what a program makes on its way;
        discarding the part removes it. None where there can be none.
        """
        ...

    def write(self, offset: int, chunks: Sequence[bytes | memoryview]) -> None:
        """Write all chunks one after the other from ``offset``. Raises DiskFull, LocalError, or Fenced once the
        lease is over.
        """

    def read(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes at ``offset``."""
        ...

    def reserve(self, size: int) -> None:
        """Give the file its final length without writing. Raises DiskFull if that cannot fit."""

    def truncate(self) -> None:
        """Drop every byte: the source turned out to be another one."""

    async def flush(self) -> None:
        """Return once all bytes written before the call are durable."""

    @property
    def mtime_ns(self) -> int: ...

    def close(self) -> None:
        """Let go of the file. Idempotent."""


@dataclass(frozen=True, slots=True)
class Loan:
    """What may be borrowed, and how."""

    checksum: Checksum
    kept: tuple[Kept, ...]
    """Files that should have those bytes, the best first."""
    link: bool
    """A further name of the same file will do, where the file system can give it one."""
    stopped: Callable[[], bool]
    """Asked in another thread."""


class AlreadyThere(ArgosyError):
    """The target exists and the policy says to leave it: ``state`` is the file as skipped, nothing was fetched."""

    code = "exists"

    def __init__(self, message: str, state: FileState) -> None:
        super().__init__(message)
        self.state = state
