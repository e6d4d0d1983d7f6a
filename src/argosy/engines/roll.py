"""A file that is written from its first byte to its last: what engines share that do not fetch ranges side by side."""

from __future__ import annotations

import asyncio
from typing import Final

from argosy.core.ranges import Piece, RangeMap
from argosy.core.types import FileState
from argosy.destinations.ledger import Ledger
from argosy.engines.port import Desk, Facts, Part

CHECKPOINT_BYTES: Final = 1024 * 1024
CHECKPOINT_S: Final = 3.0
SHORTEST_REST_S: Final = 0.001


class Roll:
    """Appends to the part of one file, with its block hashes, and records what is durable, each MiB or 3 s.

    ``state`` is what is recorded; ``received`` counts what is written.
    """

    def __init__(self, state: FileState, desk: Desk) -> None:
        self.state = state
        self._desk = desk
        self._ledger: Ledger | None = None
        self._piece: Piece | None = None
        self._saved_bytes = 0
        self._saved_at = asyncio.get_running_loop().time()
        self.connections = 1

    @property
    def received(self) -> int:
        return self._ledger.ranges.received if self._ledger is not None else held(self.state)

    @property
    def part(self) -> Part:
        """The part, once it is placed."""
        assert self._ledger is not None
        return self._ledger.part

    @property
    def placed(self) -> bool:
        return self._ledger is not None

    @property
    def unsaved(self) -> bool:
        """Whether anything was appended that is not recorded yet."""
        return self.received != self._saved_bytes

    def place(self, facts: Facts) -> None:
        """Name the file and open its part, going on behind what the state says is here. Raises what ``place`` raises."""
        part, self.state = self._desk.place(self.state, facts)
        here = held(self.state)
        extents = ((0, here),) if here else ()
        ranges = RangeMap(facts.size if facts.size is not None else None, extents)
        hashes, block = (self.state.block_hashes, self.state.block_size) if here else (b"", 0)
        self._ledger = Ledger(part, ranges, hashes, block)
        if facts.size is not None:
            part.reserve(facts.size)
        self._saved_bytes = here
        self._begin()

    def _begin(self) -> None:
        assert self._ledger is not None
        self._piece = self._ledger.ranges.take()
        if self._piece is not None:
            self._ledger.begin(self._piece)

    def restart(self, size: int | None) -> None:
        """Drop every byte."""
        if self._ledger is not None:
            self._ledger.restart(size)
            self._saved_bytes = 0
            self._begin()

    async def append(self, data: bytes) -> None:
        """Write what came next, and return once the limits allow more. Raises DiskFull, LocalError, Fenced, Cancelled."""
        assert self._ledger is not None
        assert self._piece is not None
        self._ledger.write(self._piece, [data], len(data))
        self._desk.report(self.state.index, self.received, self._ledger.ranges.size, self.connections)
        owed = self._desk.throttle.admit(len(data))
        if owed > SHORTEST_REST_S:
            await rest(self._desk, owed)
        now = asyncio.get_running_loop().time()
        if self.received - self._saved_bytes >= CHECKPOINT_BYTES or now - self._saved_at >= CHECKPOINT_S:
            await self.save()

    async def save(self) -> None:
        """Return once all that was appended is durable and noted. Bytes first, then the record that claims them."""
        if self._ledger is None:
            return
        snapshot, mtime_ns = self._ledger.snapshot(), self._ledger.part.mtime_ns
        await self._ledger.part.flush()
        self.state = snapshot.onto(self.state, mtime_ns)
        self._saved_bytes = snapshot.received
        self._saved_at = asyncio.get_running_loop().time()
        await self._desk.checkpoint(self.state)

    async def finish(self) -> FileState:
        """Return the state with every byte durable: the file ends here."""
        assert self._ledger is not None
        if self._ledger.ranges.size is None:
            self._ledger.ranges.end_here()
        self._ledger.part.reserve(self.received)  # cuts off what an attempt that died had written beyond
        await self.save()
        return self.state.having(size=self.received)


def held(state: FileState) -> int:
    """Return how many bytes of the file are here without a gap from its beginning."""
    return state.extents[0][1] if state.extents and state.extents[0][0] == 0 else 0


async def rest(desk: Desk, seconds: float) -> None:
    """Return after ``seconds``. Raises Cancelled as soon as the token is set."""
    woken = asyncio.Event()
    release = desk.cancel.subscribe(woken.set)
    try:
        await asyncio.wait_for(woken.wait(), seconds)
    except TimeoutError:
        return
    finally:
        release()
    desk.cancel.check()
