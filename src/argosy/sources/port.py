"""What a source must do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from argosy.core.types import FileSpec, TaskSpec


class Source(Protocol):
    """Understands one kind of what a person may write."""

    name: str

    def accepts(self, text: str) -> bool:
        """Tell whether ``text`` is of this kind, by its look alone."""
        ...

    def describe(self, text: str) -> FileSpec | None:
        """Return the one file that ``text`` is, if that is clear without asking anybody. Raises UsageError."""
        ...

    async def resolve(self, spec: TaskSpec) -> Sequence[FileSpec]:
        """Return the files behind ``spec.source``, asking whoever knows. Called on the transfer loop."""
        ...
