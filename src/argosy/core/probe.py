"""What can be known of a download before there is one."""

from __future__ import annotations

from argosy.value import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """What a server tells of one file when it is asked for a byte of it."""

    url: str
    """Where the file is after all redirects."""
    size: int | None = None
    resumable: bool | None = None
    """Whether ranges can be had; None: nobody knows before it is tried."""
    content_type: str | None = None
    last_modified: str | None = None
    """As the server wrote it."""
    etag: str | None = None
    disposition: str | None = None
    """The raw ``Content-Disposition`` value."""
    checksum: str | None = None
    """``algorithm:hex``, if the server tells one."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a request would bring, where it would go, and what would be in its way."""

    source: str
    kind: str
    """Which source understands what was written."""
    engine: str | None
    directory: str
    name: str | None
    files: int
    size: int | None
    """Of all files; None: not all tell it."""
    found: Found | None
    """What was asked of the first file; None where the source has told enough."""
    free: int | None
    """Bytes free where it would go."""
    occupied: str | None
    """Path of the file that has the name already."""
    task_id: str | None
    """The unfinished task that this request would join."""

    @property
    def fits(self) -> bool | None:
        """Whether there is room for it, as far as anybody knows."""
        return None if self.size is None or self.free is None else self.size <= self.free
