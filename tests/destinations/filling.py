"""Files on their way to a destination, without any network: what tests place, fill and look at."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace

from argosy.core.ranges import MIN_BLOCK, Extent, Piece, RangeMap, merge
from argosy.core.types import FileState, FileStatus, TransferOptions
from argosy.destinations.flusher import Flusher
from argosy.destinations.ledger import Ledger
from argosy.destinations.local import LocalDestination
from argosy.destinations.part import FilePart
from argosy.destinations.port import Facts

URL = "http://127.0.0.1/file.bin"
TASK = "0123456789abcdef" * 2
BLOCK = MIN_BLOCK


def bytes_of(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def file_state(path: str | None = "file.bin", size: int | None = None, task: str = TASK) -> FileState:
    return FileState(task, 0, (URL,), path=path, size=size)


def destination_at(directory: str | os.PathLike[str], executor: Executor) -> LocalDestination:
    return LocalDestination(os.fspath(directory), flusher=Flusher(executor), executor=executor)


def place(
    destination: LocalDestination,
    state: FileState,
    options: TransferOptions | None = None,
    *,
    facts: Facts | None = None,
    fence: int = 1,
    alive: Callable[[], bool] = lambda: True,
) -> tuple[FilePart, FileState]:
    known = facts or Facts(URL, state.size)
    part, state = destination.place(state, known, options=options or TransferOptions(), fence=fence, alive=alive)
    assert isinstance(part, FilePart)
    return part, state


def piece_at(ranges: RangeMap, first: int) -> Piece:
    """The piece that begins at ``first``, cut out of the one in which it lies."""
    index, around = next((i, p) for i, p in enumerate(ranges.pieces) if p.end is None or p.start <= first < p.end)
    if around.start == first:
        return around
    piece = Piece(first, first, around.end)
    around.end = first
    ranges.pieces.insert(index + 1, piece)
    return piece


def fill(part: FilePart, state: FileState, data: bytes, *extents: Extent) -> FileState:
    """Write the extents of ``data`` (all of it if none are named) and return the state that records them durably."""
    ranges = RangeMap(len(data), state.extents)
    ledger = Ledger(part, ranges, state.block_hashes, state.block_size)
    part.reserve(len(data))
    for first, end in extents or merge([(0, len(data))]):
        piece = piece_at(ranges, first)
        ledger.begin(piece)
        while piece.position < end:
            chunk = data[piece.position : min(end, piece.position + 100_000)]
            ledger.write(piece, [chunk], len(chunk))
    snapshot = ledger.snapshot()
    os.fsync(part.fd)
    return snapshot.onto(replace(state, status=FileStatus.RUNNING), part.mtime_ns)


def arrived(
    destination: LocalDestination, data: bytes, options: TransferOptions | None = None, *, path: str = "file.bin",
    task: str = TASK,
) -> FileState:  # fmt: skip
    """Return the state of a file whose every byte is durably in its closed part."""
    part, state = place(destination, file_state(path, len(data), task), options)
    state = fill(part, state, data)
    part.close()
    return state


def half_arrived(destination: LocalDestination, data: bytes, *extents: Extent) -> FileState:
    """Return the recorded state of a file of which the extents are here, as a dead process left it."""
    part, state = place(destination, file_state(size=len(data)))
    state = fill(part, state, data, *extents)
    part.close()
    return state


def part_files(directory: str | os.PathLike[str]) -> list[str]:
    return sorted(name for name in os.listdir(directory) if name.endswith(".part"))


def visible_files(directory: str | os.PathLike[str]) -> list[str]:
    return sorted(name for name in os.listdir(directory) if not name.startswith("."))
