"""What was asked for: a task's source and folder, and its files as far as they are known."""

from __future__ import annotations

from dataclasses import field

from argosy.core.checksum import Checksum
from argosy.core.pieces import Pieces
from argosy.core.types.options import TransferOptions
from argosy.value import dataclass


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
