"""Bytes that are on this machine already, for a file that is to come: shared where the file system can, else copied.

Whatever they come from, they are read back from the part that is to be published and held against the checksum first, so a
file that was damaged, or changed behind an unchanged date, is found out and never passed on.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from xxhash import xxh3_64

from argosy.core.ranges import block_size_for
from argosy.core.types import FileState, Kept
from argosy.destinations.folder import open_regular
from argosy.destinations.part import lock, require_room
from argosy.destinations.port import Loan

FICLONE: Final = 0x40049409
"""ioctl_ficlone(2): the whole file shares the other's blocks, and each goes its own way when it is written to."""
STEP_BYTES: Final = 1024 * 1024
"""Copied and read back before the next: it is still in the processor's cache then. A multiple of small files' blocks."""


LOCAL: Final = "local:"
"""Before the algorithm in ``verified_by``: the bytes were on this machine already."""


class Stopped(Exception):
    """The work was told to stop."""


def borrowed(state: FileState, part: str, folder: int, loan: Loan) -> FileState | None:
    """Return the state with every byte in the part, verified and durable; None if no kept file has them. The part is then
    gone. Raises Stopped and DiskFull.
    """
    for kept in loan.kept:
        with suppress(OSError):  # gone, changed, or not for us to read: perhaps the next one is
            original = _opened(kept)
            try:
                found = _from(original, kept, state, part, folder, loan)
            finally:
                os.close(original)
            if found is not None:
                return found
    return None


def _opened(kept: Kept) -> int:
    """Open the file if it is still as it was left. Raises OSError."""
    folder = os.open(os.path.dirname(kept.path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        original = open_regular(os.path.basename(kept.path), folder, os.O_RDONLY)
    finally:
        os.close(folder)
    there = os.fstat(original)
    if there.st_size == kept.size and kept.mtime_ns in (None, there.st_mtime_ns):
        return original
    os.close(original)
    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))


def _from(original: int, kept: Kept, state: FileState, part: str, folder: int, loan: Loan) -> FileState | None:
    size = os.fstat(original).st_size
    done = False
    try:
        linked = _linked(original, kept, part, folder) if loan.link else None
        fd = linked if linked is not None else _new(part, folder)
        try:
            copies = linked is None and not _shares(fd, original)
            if copies:
                require_room(fd, size, part)
                os.ftruncate(fd, size)
            digest, hashes = _read_back(fd, size, loan, partial(_copy, fd, original) if copies else None)
            os.fsync(fd)
            mtime_ns = os.fstat(fd).st_mtime_ns
        finally:
            os.close(fd)
        done = digest == loan.checksum.hex
    finally:
        if not done:
            with suppress(OSError):
                os.unlink(part, dir_fd=folder)
    if not done:
        return None
    return state.having(
        size=size, received=size, extents=((0, size),) if size else (), block_size=block_size_for(size),
        block_hashes=hashes, part_mtime_ns=mtime_ns, checksum=loan.checksum,
        verified_by=f"{LOCAL}{loan.checksum.algorithm}",
    )  # fmt: skip


def _new(part: str, folder: int) -> int:
    """Make the part and hold it. Raises OSError."""
    fd = open_regular(part, folder, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    lock(fd)
    return fd


def _linked(original: int, kept: Kept, part: str, folder: int) -> int | None:
    """Give the file the part's name as a further one and open that; None where that cannot be."""
    try:
        os.link(kept.path, part, dst_dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    fd = open_regular(part, folder, os.O_RDONLY)
    if os.path.sameopenfile(fd, original):
        return fd
    os.close(fd)
    os.unlink(part, dir_fd=folder)
    return None


def _shares(fd: int, original: int) -> bool:
    """Let the new file share the blocks of the other one; False where the file system cannot."""
    try:
        fcntl.ioctl(fd, FICLONE, original)
    except OSError:
        return False
    return True


def _copy(fd: int, original: int, first: int, end: int) -> None:
    """Copy the bytes of that range. Raises OSError, also for a file that has become shorter."""
    while first < end:
        try:
            done = os.copy_file_range(original, fd, end - first, first, first)
        except (OSError, AttributeError):
            done = os.pwrite(fd, os.pread(original, end - first, first), first)
        if not done:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        first += done


def _read_back(fd: int, size: int, loan: Loan, copy: Callable[[int, int], None] | None) -> tuple[str, bytes]:
    """Return the checksum of all the file's bytes, and the hash of each of its blocks; ``copy`` brings each range first."""
    running = hashlib.new(loan.checksum.algorithm, usedforsecurity=False)
    block, hashes = block_size_for(size), bytearray()
    buffer = memoryview(bytearray(max(1, min(size, max(block, STEP_BYTES)))))
    for at in range(0, size, len(buffer)):
        if loan.stopped():
            raise Stopped
        data = buffer[: min(len(buffer), size - at)]
        if copy is not None:
            copy(at, at + len(data))
        if os.preadv(fd, [data], at) != len(data):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        running.update(data)
        for first in range(0, len(data), block):
            hashes += xxh3_64(data[first : first + block]).digest()
    return running.hexdigest(), bytes(hashes)
