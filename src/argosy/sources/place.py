"""Where objects are, and who tells what is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Protocol

from argosy.core.checksum import Checksum
from argosy.errors import UsageError
from argosy.sources.listing import Object
from argosy.value import dataclass

MOST_OBJECTS: Final = 1_000_000
LINK_LIFE: Final = timedelta(hours=12)
"""Of signed links; one that has expired is renewed by itself."""


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and what the keys begin with."""

    scheme: str
    bucket: str
    prefix: str
    endpoint: str | None = None
    region: str = "us-east-1"


class Shelf(Protocol):
    """The objects of one place."""

    async def objects(self) -> Sequence[Object]:
        """Return the objects below the prefix, or the one that it is. Keys that only stand for folders are left out."""
        ...

    async def urls(self, keys: Sequence[str]) -> Sequence[str]:
        """Return where each is fetched from: signed for a while if need be."""
        ...

    def checksum(self, each: Object) -> Checksum | None:
        """Return what the object's ETag says of its bytes."""
        ...


def only_stands_for_a_folder(key: str, size: int) -> bool:
    return key.endswith("/") and size == 0


def too_many() -> UsageError:
    return UsageError(f"more than {MOST_OBJECTS:,} objects", hint="name a longer prefix")
