"""What an earlier attempt left of a part: finding it, and keeping the bytes that are provably still there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from argosy.core.ranges import Extent, merge
from argosy.core.types import FileState
from argosy.destinations.blocks import trusted
from argosy.destinations.folder import entry, open_regular
from argosy.destinations.part import lock

STEM_BYTES: Final = 80
"""How much of a name its part file shows; the rest is for whose part it is. Some file systems allow 143 bytes."""
COPY_BYTES: Final = 4 * 1024 * 1024


def part_name(name: str, state: FileState, fence: int, kind: str = "") -> str:
    """Return what the part of the file is called while the lease ``fence`` holds; of another ``kind`` it is another part."""
    stem = name.encode()[:STEM_BYTES].decode(errors="ignore")
    return f".{stem}.{state.task_id[:8]}-{state.index}{kind}.{fence:x}.part"


def another_name(part: str) -> str:
    """Return another name for the part, which nobody has."""
    return f"{part.removesuffix('.part')}-{secrets.token_hex(3)}.part"


def vanished(directory: str, states: Sequence[FileState]) -> list[FileState]:
    """Return those that are finished and of which nothing is there: somebody removed them. One that was changed is there."""
    return [
        state
        for state in states
        if state.finished and state.published and not os.path.lexists(os.path.join(directory, state.published))
    ]


def find(name: str, fd: int) -> str | None:
    """Return what the part recorded as ``name`` is called now.

    Each attempt renames it for its own fence before that is recorded; an attempt that died between the two leaves
    another name than the recorded one.
    """
    if entry(name, fd) is not None:
        return name
    return max(siblings(name, fd), key=_fence, default=None)


def siblings(name: str, fd: int) -> list[str]:
    """Return the names that parts of the same file have in the folder."""
    beginning = name.rsplit(".", 2)[0] + "."
    return [other for other in os.listdir(fd) if other.startswith(beginning) and _fence(other) >= 0]


def _fence(name: str) -> int:
    middle, _, ending = name.rpartition(".")
    try:
        return int(middle.rpartition(".")[2].partition("-")[0], 16) if ending == "part" else -1
    except ValueError:
        return -1


def reclaim(name: str, fd: int, state: FileState) -> tuple[Extent, ...]:
    """Return which of the state's extents are really in the part, which nobody else writes to afterwards.

    A part that nobody touched since we left it is trusted; else every block is read back and held against its hash.
    A part that a living process holds is copied: that may write to its own inode as long as it likes. Raises OSError.
    """
    part = open_regular(name, fd, os.O_RDWR)
    try:
        facts = os.fstat(part)
        within = merge((first, min(end, facts.st_size)) for first, end in state.extents)
        if not state.block_size:
            return ()
        if not lock(part):
            return _copied(part, within, name, fd, state)
        if within == state.extents and facts.st_mtime_ns == state.part_mtime_ns:
            return within
        return trusted(part, within, state.block_size, state.block_hashes)
    finally:
        os.close(part)


def _copied(part: int, extents: Sequence[Extent], name: str, fd: int, state: FileState) -> tuple[Extent, ...]:
    """Put a new inode with those bytes under the part's name; what is right is told by the copy, not by the original."""
    fresh = another_name(name)
    copy = open_regular(fresh, fd, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        for extent in extents:
            _copy(part, copy, extent)
        os.fsync(copy)
        kept = trusted(copy, extents, state.block_size, state.block_hashes)
        os.replace(fresh, name, src_dir_fd=fd, dst_dir_fd=fd)
    except OSError:
        with suppress(OSError):
            os.unlink(fresh, dir_fd=fd)
        raise
    finally:
        os.close(copy)
    return kept


def _copy(source: int, target: int, extent: Extent) -> None:
    first, end = extent
    while first < end:
        data = os.pread(source, min(COPY_BYTES, end - first), first)
        if not data:
            return  # its owner has just made it shorter
        first += os.pwrite(target, data, first)
