"""The partial file: positioned writes into one inode that nobody else may write."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Sequence
from typing import Final

from argosy.destinations.flusher import Flusher
from argosy.destinations.folder import local_error
from argosy.errors import DiskFull, Fenced, LocalError

SPARE_BYTES: Final = 16 * 1024 * 1024
"""Kept free on the disk: a machine whose disk is quite full misbehaves in worse ways than ours."""


class FilePart:
    """An open part file, held by an exclusive lock for as long as it is open."""

    __slots__ = ("_alive", "_flusher", "_root", "fd", "path")

    def __init__(self, root: str, path: str, fd: int, flusher: Flusher, alive: Callable[[], bool]) -> None:
        self._root = root
        self.path = path
        self.fd = fd
        self._flusher = flusher
        self._alive = alive

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
            held = os.fstat(self.fd).st_blocks * 512
            disk = os.fstatvfs(self.fd)
            free = disk.f_bavail * disk.f_frsize
            if size - held > max(0, free - SPARE_BYTES) and size > held:
                raise DiskFull(
                    f"{self._shown} needs {size - held:,} bytes more, the disk has {free:,}",
                    hint="free some space or choose another folder; nothing is lost",
                )
            os.ftruncate(self.fd, size)
        except OSError as error:
            raise local_error(error, self._shown) from error

    def truncate(self) -> None:
        try:
            os.ftruncate(self.fd, 0)
        except OSError as error:
            raise local_error(error, self._shown) from error

    async def flush(self) -> None:
        try:
            await self._flusher.flush(self.fd)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise local_error(error, self._shown) from error
            raise LocalError(
                f"the disk did not take {self._shown}: {error.strerror or error}",
                hint="check the disk; what was safe before is kept",
                code="flush_failed",
            ) from error

    @property
    def mtime_ns(self) -> int:
        return os.fstat(self.fd).st_mtime_ns

    @property
    def _shown(self) -> str:
        return os.path.join(self._root, self.path)

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def lock(fd: int) -> bool:
    """Try to be the only one who writes the file; False if a living process is."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # no locks here (some network file systems): the lease and the fence must do
    return True
