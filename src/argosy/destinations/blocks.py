"""Block hashes: what lets damage cost a block and not the file.

Each block of a file has one XXH3 hash (8 bytes, memory speed). A block that is only partly here has the hash of
the part that is, so that every durable byte can be checked. Zeros mean "not known".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from xxhash import xxh3_64

from argosy.core.ranges import Extent, Piece, merge

HASH_BYTES: Final = 8
READ_BYTES: Final = 1024 * 1024


class BlockHashes:
    """The hashes of one file's blocks, fed in the order in which each piece's bytes arrive."""

    def __init__(self, block: int, known: bytes = b"") -> None:
        self.block = block
        self._table = bytearray(known)
        self._running: dict[Piece, xxh3_64] = {}

    def begin(self, piece: Piece, before: bytes) -> None:
        """The piece goes on at its position; ``before`` is what its current block holds up to there."""
        if len(before) == piece.position % self.block:
            self._running[piece] = xxh3_64(before)

    def feed(self, piece: Piece, chunks: Sequence[bytes | memoryview]) -> None:
        """The chunks have been written at the piece's position, which does not count them yet."""
        position = piece.position
        running = self._running.get(piece)
        for chunk in chunks:
            room = self.block - position % self.block
            if len(chunk) < room:
                if running is not None:
                    running.update(chunk)
                position += len(chunk)
                continue
            view = memoryview(chunk)
            while len(view) >= room:
                if running is not None:
                    running.update(view[:room])
                    self._put(position // self.block, running.digest())
                position += room
                view, room = view[room:], self.block
                running = xxh3_64()
            running.update(view)  # type: ignore[union-attr]
            position += len(view)
        if running is not None:
            self._running[piece] = running

    def snapshot(self) -> bytes:
        """Return the table, with what is known of the blocks that are being filled."""
        for piece, running in self._running.items():
            if piece.position % self.block:
                self._put(piece.position // self.block, running.digest())
        return bytes(self._table)

    def _put(self, index: int, digest: bytes) -> None:
        at = index * HASH_BYTES
        if at >= len(self._table):
            self._table.extend(bytes(at + HASH_BYTES - len(self._table)))
        self._table[at : at + HASH_BYTES] = digest


def held_blocks(extents: Iterable[Extent], block: int) -> Iterator[tuple[int, int, int]]:
    """Yield ``(index, first, end)`` for each block that the extents touch: the bytes of it that are held."""
    for first, end in extents:
        at = first
        while at < end:
            index = at // block
            upto = min(end, (index + 1) * block)
            yield index, at, upto
            at = upto


def trusted(fd: int, extents: Iterable[Extent], block: int, hashes: bytes) -> tuple[Extent, ...]:
    """Read the extents back from ``fd`` and return those bytes whose block still has its hash. Blocks; slow."""
    return merge(
        (first, end)
        for index, first, end in held_blocks(extents, block)
        if first == index * block and _digest(fd, first, end) == hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]
    )


def rehashed(
    read: Callable[[int, int], bytes], size: int, block: int, hashes: bytes, changed: Iterable[Extent]
) -> bytes:
    """Return the hashes of a whole file once bytes of it have been written anew. Blocks; slow."""
    table = bytearray(hashes.ljust(-(-size // block) * HASH_BYTES, b"\0"))
    for index in {index for index, *_ in held_blocks(changed, block)}:
        data = read(index * block, min(block, size - index * block))
        table[index * HASH_BYTES : (index + 1) * HASH_BYTES] = xxh3_64(data).digest()
    return bytes(table)


def _digest(fd: int, first: int, end: int) -> bytes | None:
    running = xxh3_64()
    while first < end:
        data = os.pread(fd, min(READ_BYTES, end - first), first)
        if not data:
            return None
        running.update(data)
        first += len(data)
    return running.digest()
