"""What a source must do, and what it is given to do it with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from argosy.core.types import FileSpec, FileState, TaskSpec, TransferOptions

Headers = tuple[tuple[str, str], ...]


class Web(Protocol):
    """How a source asks the network: with the task's own options, its address guard included."""

    async def read(self, url: str, *, limit: int, headers: Headers = (), body: bytes | None = None) -> bytes:
        """Return a document of at most ``limit`` bytes; with a ``body`` it is asked for by POST. Raises what the server
        refused, or BadResponse.
        """
        ...


class Source(Protocol):
    """Understands one kind of what a person may write. What it does not need it takes from :class:`Plain`."""

    name: str

    def accepts(self, text: str) -> bool:
        """Tell whether ``text`` is of this kind, by its look alone."""
        ...

    def describe(self, text: str) -> FileSpec | None:
        """Return the one file that ``text`` is, if that is clear without asking anybody. Raises UsageError."""
        ...

    def prepare(self, text: str, directory: str | None, options: TransferOptions) -> tuple[str | None, TransferOptions]:
        """Return where the files go and how they are fetched: what was asked for, and this source's own customs where
        nothing was. Called once, when the task is made.
        """
        ...

    async def resolve(self, spec: TaskSpec, web: Web) -> Sequence[FileSpec]:
        """Return the files behind ``spec.source``, asking whoever knows. Called on the transfer loop."""
        ...

    async def finish(self, spec: TaskSpec, files: Sequence[FileState]) -> None:
        """Do what is left once every file is in its place, before the task is complete. May come again after a crash."""

    async def fall_short(self, spec: TaskSpec, files: Sequence[FileState], place: str) -> None:
        """Write down what is of use where some of the files could not be brought; ``place`` is the folder of those that
        could. May come again.
        """

    async def settled(
        self, spec: TaskSpec, found: Sequence[FileSpec], states: Sequence[FileState]
    ) -> Sequence[FileState]:
        """Return the states of the files that were found; those that are here already, provably as the source has them,
        as skipped.
        """
        ...

    def place(self, spec: TaskSpec, published: Sequence[str]) -> str:
        """Return what a program opens to use it all; ``published`` are the files' paths below the task's folder."""
        ...


class Plain:
    """The customs of a source that has none."""

    def prepare(
        self,
        text: str,  # noqa: ARG002 - the port's
        directory: str | None,
        options: TransferOptions,
    ) -> tuple[str | None, TransferOptions]:
        return directory, options

    async def finish(self, spec: TaskSpec, files: Sequence[FileState]) -> None:
        """Nothing is left to be done."""

    async def fall_short(self, spec: TaskSpec, files: Sequence[FileState], place: str) -> None:
        """Nothing is written down."""

    async def settled(
        self,
        spec: TaskSpec,  # noqa: ARG002 - the port's
        found: Sequence[FileSpec],  # noqa: ARG002 - the port's
        states: Sequence[FileState],
    ) -> Sequence[FileState]:
        """Nothing is known of what is here."""
        return states

    def place(self, spec: TaskSpec, published: Sequence[str]) -> str:
        """The file itself, or the folder of many."""
        return f"{spec.directory}/{published[0]}" if len(published) == 1 else spec.directory
