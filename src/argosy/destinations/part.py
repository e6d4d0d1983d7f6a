"""The partial file: positioned writes into one inode that nobody else may write."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from argosy.destinations.flusher import Flusher
from argosy.destinations.folder import local_error
from argosy.errors import DiskFull, Fenced, LocalError

SPARE_BYTES: Final = 16 * 1024 * 1024
"""Kept free on the disk: a machine whose disk is quite full misbehaves in worse ways than ours."""
SPARE_SHARE: Final = 64
"""But no more than this part of a small disk."""


class FilePart:
    """An open part file, held by an exclusive lock for as long as it is open."""

    __slots__ = ("_alive", "_failed", "_flusher", "_root", "fd", "generation", "path")

    def __init__(self, root: str, path: str, fd: int, flusher: Flusher, alive: Callable[[], bool]) -> None:
        self._root = root
        self.path = path
        self.fd = fd
        self._flusher = flusher
        self._alive = alive
        self._failed: LocalError | None = None
        self.generation = 0

    def write(self, offset: int, chunks: Sequence[bytes | memoryview]) -> None:
        """Write all chunks one after the other from ``offset``. Raises DiskFull, LocalError or Fenced."""
        if not self._alive():
            raise Fenced("the lease on this download is over", hint="another process has taken it")
        try:
            wrote = os.pwritev(self.fd, chunks, offset)
            size = sum(map(len, chunks))
            if wrote < size:
                self._write_rest(offset, b"".join(chunks), wrote)
        except OSError as error:
            raise local_error(error, self._shown) from error

    def _write_rest(self, offset: int, data: bytes, wrote: int) -> None:
        while wrote < len(data):
            count = os.pwrite(self.fd, data[wrote:], offset + wrote)
            if count == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            wrote += count

    def read(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self.fd, size, offset)
        except OSError as error:
            raise local_error(error, self._shown) from error

    def reserve(self, size: int) -> None:
        """Give the file its final length, sparse. Raises DiskFull if the rest of it cannot fit on the disk."""
        try:
            require_room(self.fd, size, self._shown)
            os.ftruncate(self.fd, size)
        except OSError as error:
            raise local_error(error, self._shown) from error

    def truncate(self) -> None:
        self.generation += 1
        try:
            os.ftruncate(self.fd, 0)
        except OSError as error:
            raise local_error(error, self._shown) from error

    async def flush(self) -> None:
        """See the port. Once it has failed it fails for ever: the kernel has dropped the bytes that it could not
        write, and would report the next flush as done.
        """
        if self._failed is not None:
            raise self._failed
        try:
            await self._flusher.flush(self.fd)
        except OSError as error:
            self._failed = self._flush_error(error)
            raise self._failed from error

    def _flush_error(self, error: OSError) -> LocalError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return local_error(error, self._shown)
        message = f"the disk did not take {self._shown}: {error.strerror or error}"
        return LocalError(message, hint="check the disk; what was safe before is kept", code="flush_failed")

    @property
    def workshop(self) -> str:
        folder, _, name = self.path.rpartition("/")
        return os.path.abspath(os.path.join(self._root, folder, workshop_name(name)))

    @property
    def mtime_ns(self) -> int:
        return os.fstat(self.fd).st_mtime_ns

    @property
    def _shown(self) -> str:
        return os.path.join(self._root, self.path)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            with suppress(OSError):  # whether the bytes are safe was settled by the last flush
                os.close(fd)


def require_room(fd: int, size: int, shown: str) -> None:
    """Raise DiskFull if the file cannot become ``size`` bytes long on its disk, and leave that some room. Raises OSError."""
    held = os.fstat(fd).st_blocks * 512
    disk = os.fstatvfs(fd)
    free = disk.f_bavail * disk.f_frsize
    spare = min(SPARE_BYTES, disk.f_blocks * disk.f_frsize // SPARE_SHARE)
    if size - held > max(0, free - spare) and size > held:
        raise DiskFull(
            f"{shown} needs {size - held:,} bytes more, the disk has {free:,}",
            hint="free some space or choose another folder; nothing is lost",
        )


def workshop_name(part: str) -> str:
    """Return what the folder beside a part is called; it stays the same when the part is renamed for another attempt."""
    return part.rsplit(".", 2)[0] + ".work"


def lock(fd: int) -> bool:
    """Try to be the only one who writes the file; False if a living process is."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # no locks here (some network file systems): the lease and the fence must do
    return True
