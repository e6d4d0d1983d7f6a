"""Which bytes of a file are here, which are on their way, and who fetches what next.

A :class:`RangeMap` tiles a file with *pieces*. A piece stands for the bytes from ``start`` to ``end``, of which those
before ``position`` have been written. A connection owns one piece at a time; when it is free it takes an unowned
piece, or *steals*: the piece that would take longest is cut in two, in proportion to the speeds of both sides, so
that both end together. Cuts fall on block boundaries, so each block is written by one connection and can be hashed
as it arrives.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from argosy.value import dataclass

MIN_BLOCK: Final = 256 * 1024
"""Bytes; the smallest unit of stealing, hashing and repair."""
MAX_BLOCKS: Final = 8192
"""Above this many blocks they grow instead: the ledger of a file stays below 64 KiB."""

LARGEST: Final = 2**63 - 1
"""No file is longer."""

Extent = tuple[int, int]
"""Half-open byte range."""


def block_size_for(size: int | None) -> int:
    """Return the block size of a file: a power of two, at least :data:`MIN_BLOCK`."""
    block = MIN_BLOCK
    while size is not None and size > block * MAX_BLOCKS:
        block *= 2
    return block


def merge(extents: Iterable[Extent]) -> tuple[Extent, ...]:
    """Return the same bytes as sorted ranges that neither touch nor overlap nor are empty."""
    merged: list[Extent] = []
    for first, end in sorted(extents):
        if first >= end:
            continue
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((first, end))
    return tuple(merged)


def without(extents: Iterable[Extent], hole: Extent) -> tuple[Extent, ...]:
    """Return the extents less the bytes of ``hole``."""
    kept: list[Extent] = []
    for first, end in extents:
        kept.append((first, min(end, hole[0])))
        kept.append((max(first, hole[1]), end))
    return merge((first, end) for first, end in kept if first < end)


@dataclass(slots=True, eq=False)
class Piece:
    """The bytes ``[start, end)``, of which ``[start, position)`` are written; ``end`` None: until the body ends."""

    start: int
    position: int
    end: int | None
    owned: bool = False

    @property
    def complete(self) -> bool:
        return self.end is not None and self.position >= self.end

    @property
    def missing(self) -> int | None:
        return None if self.end is None else self.end - self.position


class RangeMap:
    """The pieces of one file. ``size`` is None until a server says it."""

    def __init__(self, size: int | None = None, extents: Iterable[Extent] = ()) -> None:
        self.size = size
        self.block = block_size_for(size)
        self.pieces = _tile(size, merge(extents) if size is None else without(extents, (size, LARGEST)))
        self.received = sum(piece.position - piece.start for piece in self.pieces)

    @property
    def complete(self) -> bool:
        return self.size is not None and self.received >= self.size

    @property
    def missing(self) -> int | None:
        return None if self.size is None else self.size - self.received

    def extents(self) -> tuple[Extent, ...]:
        """Return the written bytes, merged."""
        if len(self.pieces) == 1:
            (only,) = self.pieces
            return ((only.start, only.position),) if only.position > only.start else ()
        return merge((piece.start, piece.position) for piece in self.pieces)

    def holds(self, first: int, end: int) -> bool:
        """Tell whether all bytes of ``[first, end)`` are written."""
        return any(start <= first and end <= upto for start, upto in self.extents())

    def learn_size(self, size: int) -> None:
        """The server says how long the file is: at least what is here; only for a map that did not know."""
        self.size = size
        self.block = block_size_for(size)
        self.pieces[-1].end = size

    def end_here(self) -> None:
        """The body of unknown length ended where the last piece stands."""
        self.size = self.pieces[-1].position
        self.pieces[-1].end = self.size

    def advance(self, piece: Piece, count: int) -> None:
        """``count`` more bytes of the piece are written."""
        piece.position += count
        self.received += count

    def take(self) -> Piece | None:
        """Give the caller the first unowned piece that still misses bytes."""
        for piece in self.pieces:
            if not piece.owned and not piece.complete:
                piece.owned = True
                return piece
        return None

    def release(self, piece: Piece) -> None:
        """The owner is done with the piece, complete or not."""
        piece.owned = False

    def steal(self, victim: Piece, keep: float = 0.5, ahead: int = 0) -> Piece | None:
        """Cut what the victim still misses: it keeps the share ``keep``, the caller owns the rest.

        ``ahead`` bytes beyond the victim's position are already on their way and stay with it. None if the rest
        would be less than a block.
        """
        if victim.end is None:
            return None
        first = victim.position + ahead
        cut = first + int((victim.end - first) * keep)
        cut = (cut + self.block // 2) // self.block * self.block  # the nearest: rounding up adds up over many cuts
        if victim.end - cut < self.block or cut <= first:
            return None
        stolen = Piece(cut, cut, victim.end, owned=True)
        victim.end = cut
        self.pieces.insert(self.pieces.index(victim) + 1, stolen)
        return stolen

    def reset(self, size: int | None) -> None:
        """Forget every byte: the source is another one now, ``size`` bytes long."""
        fresh = RangeMap(size)
        self.size, self.block, self.pieces, self.received = size, fresh.block, fresh.pieces, 0

    def __repr__(self) -> str:
        held = ", ".join(f"{first}-{end}" for first, end in self.extents())
        return f"<RangeMap {self.received}/{self.size} [{held}]>"


def _tile(size: int | None, extents: tuple[Extent, ...]) -> list[Piece]:
    """Return pieces that cover ``[0, size)``: each extent together with the gap behind it."""
    pieces: list[Piece] = []
    if not extents or extents[0][0] > 0:
        extents = ((0, 0), *extents)
    for index, (first, end) in enumerate(extents):
        behind = extents[index + 1][0] if index + 1 < len(extents) else size
        pieces.append(Piece(first, end, behind))
    return pieces
