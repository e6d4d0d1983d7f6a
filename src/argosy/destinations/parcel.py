"""Small files, held in memory until they are whole: written, flushed and named in one go, many at a time.

A part file costs a dozen system calls before its first byte; a file of a few kilobytes is here sooner than that. Nothing
is promised of it before its publishing is recorded, and by then it is on the disk like any other.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from threading import Lock
from typing import Final

from argosy.core.types import FileState, TaskId
from argosy.destinations.folder import flush, local_error
from argosy.destinations.salvage import another_name
from argosy.errors import NetworkError
from argosy.value import dataclass

LARGEST_BYTES: Final = 256 * 1024
"""Of a file that is held so; it is what a crash may cost."""
ROOM_BYTES: Final = 32 * 1024 * 1024
"""Of all files held at once; beyond that the next ones get part files."""
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)


class Parcels:
    """The small files that one destination holds. Belongs to the transfer loop, but for :meth:`pop`."""

    def __init__(self, room: int = ROOM_BYTES) -> None:
        self._held: dict[tuple[TaskId, int], MemoryPart] = {}
        self._room = room
        self._lock = Lock()

    def begin(self, state: FileState, size: int | None, path: str) -> MemoryPart | None:
        """Return a part in memory for a new file, None if it is too large, or of unknown size, or there is no room."""
        if size is None or size > LARGEST_BYTES or size >= self._room or state.part is not None:
            return None
        self.pop(state)
        part = MemoryPart(size, path)
        with self._lock:
            self._held[state.task_id, state.index] = part
            self._room -= size
        return part

    def holds(self, state: FileState) -> bool:
        return (state.task_id, state.index) in self._held

    def pop(self, state: FileState) -> MemoryPart | None:
        """Let go of what is held of the file and return it. Safe in any thread."""
        with self._lock:
            part = self._held.pop((state.task_id, state.index), None)
            if part is not None:
                self._room += part.size
        return part


class MemoryPart:
    """A part that is not on the disk yet (:class:`argosy.destinations.port.Part`)."""

    __slots__ = ("data", "generation", "path", "size")

    mtime_ns: Final = 0
    workshop: Final = None

    def __init__(self, size: int, path: str) -> None:
        self.size = size
        """What was told when it began; the room it takes up."""
        self.path = path
        self.data = bytearray()
        self.generation = 0

    def write(self, offset: int, chunks: Sequence[bytes | memoryview]) -> None:
        """Hold the chunks. Raises NetworkError for a file that has become too large to be held."""
        self.reserve(offset + sum(map(len, chunks)))
        data = self.data
        if len(data) < offset:
            data.extend(bytes(offset - len(data)))
        for chunk in chunks:
            data[offset : offset + len(chunk)] = chunk
            offset += len(chunk)

    def read(self, offset: int, size: int) -> bytes:
        return bytes(self.data[offset : offset + size])

    def reserve(self, size: int) -> None:
        """There is room for what was told; a file that is another one now may be too large to be held in memory."""
        if size > LARGEST_BYTES:
            raise NetworkError(
                "the file has grown at the source", hint="it is tried again by itself", code="incomplete"
            )

    def truncate(self) -> None:
        self.data.clear()
        self.generation += 1

    async def flush(self) -> None:
        """Durable is what is published; until then there is nothing to flush to."""

    def close(self) -> None:
        """What is held stays until it is published, or until the destination is told to forget it."""


@dataclass(slots=True)
class Stowed:
    """A part that is on the disk, open, and not flushed yet."""

    name: str
    fd: int


def stow(part: MemoryPart, folder: int) -> Stowed:
    """Put the part into a new file of the folder; whatever has its name stays as it is. Raises OSError."""
    name = part.path.rpartition("/")[2]
    try:
        fd = os.open(name, _NEW, dir_fd=folder)
    except FileExistsError:
        name = another_name(name)
        fd = os.open(name, _NEW, dir_fd=folder)
    try:
        _write(fd, part.data)
    except BaseException:
        os.close(fd)
        raise
    return Stowed(name, fd)


def _write(fd: int, data: bytearray) -> None:
    view = memoryview(data)
    while view:
        wrote = os.write(fd, view)
        if wrote == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        view = view[wrote:]


def flushed(parts: Sequence[Stowed]) -> None:
    """Make the parts durable, and close them. Raises LocalError or DiskFull. Blocks."""
    failure: tuple[OSError, str] | None = None
    for part in parts:
        try:
            flush(part.fd)
        except OSError as error:
            failure = error, part.name
        finally:
            os.close(part.fd)
    if failure is not None:
        raise local_error(*failure) from failure[0]
