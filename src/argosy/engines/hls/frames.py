"""Several tracks in one part: each stretch of bytes has a head that says whose it is and how long."""

from __future__ import annotations

import io
import struct
from bisect import bisect_right
from collections.abc import Iterator
from typing import Protocol

HEAD = struct.Struct(">BQ")


def framed(track: int, data: bytes) -> bytes:
    return HEAD.pack(track, len(data)) + data


class Readable(Protocol):
    """A part file."""

    def read(self, offset: int, size: int) -> bytes: ...


def stretches(part: Readable, size: int, tracks: int) -> list[list[tuple[int, int]]]:
    """Return for each track where its bytes are: offset and length, in order. One track alone has no heads."""
    if tracks == 1:
        return [[(0, size)]]
    found: list[list[tuple[int, int]]] = [[] for _ in range(tracks)]
    for track, offset, length in _heads(part, size):
        found[track].append((offset, length))
    return found


def _heads(part: Readable, size: int) -> Iterator[tuple[int, int, int]]:
    at = 0
    while at < size:
        track, length = HEAD.unpack(part.read(at, HEAD.size))
        yield track, at + HEAD.size, length
        at += HEAD.size + length


class Reel(io.RawIOBase):
    """One track's bytes, one after the other, as a file to be read."""

    def __init__(self, part: Readable, stretches: list[tuple[int, int]]) -> None:
        super().__init__()
        self._part = part
        self._stretches = stretches
        self._starts = [0]
        for _, length in stretches:
            self._starts.append(self._starts[-1] + length)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return up to ``size`` bytes, of one stretch only; all that is left for -1."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(1024 * 1024), b""))
        if self._at >= self._starts[-1]:
            return b""
        place = bisect_right(self._starts, self._at) - 1
        offset, length = self._stretches[place]
        within = self._at - self._starts[place]
        data = self._part.read(offset + within, min(size, length - within))
        self._at += len(data)
        return data
