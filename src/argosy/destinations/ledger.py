"""A part file together with what is known of it: which bytes are here, and their block hashes."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.core.ranges import Extent, Piece, RangeMap
from argosy.core.types import FileState
from argosy.destinations.blocks import BlockHashes
from argosy.destinations.port import Part
from argosy.value import dataclass


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The ledger at one moment; durable once the part has been flushed after it was taken."""

    extents: tuple[Extent, ...]
    hashes: bytes
    block: int
    received: int
    size: int | None

    def onto(self, state: FileState, mtime_ns: int) -> FileState:
        """Return the state with this snapshot as what is durably here."""
        return state.having(
            extents=self.extents,
            block_hashes=self.hashes,
            block_size=self.block,
            received=self.received,
            size=self.size if self.size is not None else state.size,
            part_mtime_ns=mtime_ns,
        )


class Ledger:
    """The only way bytes get into a part file: written, hashed and counted in one step.

    ``hashes`` of ``block`` bytes each are those of the bytes that are here already. The map's blocks may become larger
    once it learns a size, which moves no boundary of ours; the hashes stay as they were begun.
    """

    def __init__(self, part: Part, ranges: RangeMap, hashes: bytes = b"", block: int = 0) -> None:
        self.part = part
        self.ranges = ranges
        self.blocks = BlockHashes(block or ranges.block, hashes)

    def begin(self, piece: Piece) -> None:
        """A connection goes on with the piece from its position."""
        held = piece.position % self.blocks.block
        whole = 0 < held <= piece.position - piece.start
        before = self.part.read(piece.position - held, held) if whole else b""
        self.blocks.begin(piece, before)

    def write(self, piece: Piece, chunks: Sequence[bytes | memoryview], size: int) -> None:
        """Write ``size`` bytes of chunks at the piece's position. Raises DiskFull, LocalError or Fenced."""
        self.part.write(piece.position, chunks)
        self.blocks.feed(piece, chunks)
        self.ranges.advance(piece, size)

    def snapshot(self) -> Snapshot:
        ranges = self.ranges
        return Snapshot(ranges.extents(), self.blocks.snapshot(), self.blocks.block, ranges.received, ranges.size)

    def restart(self, size: int | None) -> None:
        """Drop every byte: the source is another one now. Raises DiskFull or LocalError."""
        self.part.truncate()
        self.ranges.reset(size)
        self.blocks = BlockHashes(self.ranges.block)
        if size is not None:
            self.part.reserve(size)
