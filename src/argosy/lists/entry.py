"""One file that a list names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, Final

from argosy.core.checksum import Checksum
from argosy.core.names import safe_path
from argosy.core.pieces import Pieces
from argosy.core.types import TransferOptions
from argosy.errors import UsageError
from argosy.value import dataclass

MOST_ENTRIES: Final = 1_000_000
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d+(/|$))\S")
LARGEST_BYTES: Final = 256 * 1024 * 1024
"""Of a list."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file to fetch: ``urls`` has at least one, the others are mirrors of the same bytes."""

    urls: tuple[str, ...]
    name: str | None = None
    """A safe path below the directory, ``/``-separated."""
    directory: str | None = None
    """As the list has it, relative to where who reads the list says."""
    checksum: Checksum | None = None
    size: int | None = None
    priority: int = 0
    paused: bool = False
    max_retries: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of :class:`~argosy.core.types.TransferOptions` that the list sets for this file."""
    pieces: Pieces | None = None
    """What each piece of the file must be."""

    def over(self, options: TransferOptions) -> TransferOptions:
        """Return ``options`` with what the list sets on top."""
        return replace(options, **self.options) if self.options else options


@dataclass(frozen=True, slots=True)
class Listing:
    """What a document came to: its ``kind`` for people, its entries, and what in it could not be taken along."""

    kind: str
    entries: tuple[Entry, ...]
    remarks: tuple[str, ...] = ()


def location(text: str) -> str:
    """Return ``text`` if it begins with a scheme; whether anybody can fetch it is for the runtime to say."""
    text = text.strip()
    if not _SCHEME.match(text):
        raise UsageError(
            f"not a URL: {text[:200]!r}", hint=f"write its scheme too, such as https://{text[:200].lstrip('/')}"
        )
    return text


def named(text: str) -> str:
    """Return a name from a list as a safe path. Raises UnsafePath."""
    return "/".join(safe_path(text))


def nonsense(where: str, what: str, hint: str = "") -> UsageError:
    """Return the error for a list that cannot be understood."""
    return UsageError(f"{where}: {what}", hint=hint, code="list")
