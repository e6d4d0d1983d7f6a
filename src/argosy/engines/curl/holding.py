"""What is held of the file: its bytes, the version they are of, and how safely they are recorded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from argosy.core.answer import Known
from argosy.core.header import Validators
from argosy.core.ranges import RangeMap
from argosy.core.types import FileState
from argosy.destinations.ledger import Ledger
from argosy.engines.curl.signal import Changed
from argosy.engines.port import Desk, Facts
from argosy.errors import ArgosyError

CHECKPOINT_BYTES: Final = 1024 * 1024
CHECKPOINT_S: Final = 3.0
CHECKPOINT_GAP_S: Final = 0.5


def validators_of(state: FileState) -> Validators:
    """Return what is recorded of the version that the state's bytes are of."""
    return Validators(state.etag, state.last_modified, state.date_is_strong, state.size)


class Holding:
    """The file as far as it is here. ``ledger`` exists once an answer (or an earlier attempt) has named the file."""

    ledger: Ledger

    def __init__(self, state: FileState, desk: Desk) -> None:
        self._desk = desk
        self._flushing: asyncio.Task[None] | None = None
        self._saved_at: float | None = None
        self.state = state
        self.validators = validators_of(state)
        self.ranges = RangeMap(state.size if state.extents else None, state.extents)
        self._saved_bytes = self.ranges.received
        self.placed = False
        if state.extents:
            self.place(_facts(state))

    def known(self) -> Known:
        return Known(self.validators, self.state.content_type, self.ranges.received)

    def place(self, facts: Facts) -> None:
        """Name the file and open its part. Raises what :meth:`argosy.engines.port.Desk.place` raises."""
        part, self.state = self._desk.place(self.state, facts)
        if not self.state.extents and self.ranges.received:
            self.ranges.reset(None)
            self.validators = Validators()
        self.ledger = Ledger(part, self.ranges, self.state.block_hashes)
        self.placed = True
        if self.ranges.size is not None:
            part.reserve(self.ranges.size)

    def learn_size(self, total: int) -> None:
        """A server says how long the file is, which was not known."""
        self.ranges.learn_size(total)
        self.state = replace(self.state, size=total)
        if self.placed:
            self.ledger.part.reserve(total)

    def end_here(self) -> None:
        """A body of unknown length is over."""
        self.ranges.end_here()
        self.state = replace(self.state, size=self.ranges.size)

    def start_over(self, total: int | None) -> None:
        """Drop every byte and forget the version."""
        if self.placed:
            self.ledger.restart(total)
        else:
            self.ranges.reset(total)
        self.validators = Validators()
        self._saved_bytes = 0
        self.state = replace(
            self.state, extents=(), block_hashes=b"", received=0, etag=None, last_modified=None, date_is_strong=False
        )

    def compare(self, offset: int, data: bytes) -> None:
        """Raise Changed unless the part holds exactly ``data`` at ``offset``."""
        if self.ledger.part.read(offset, len(data)) != data:
            raise Changed("the bytes around the point of resumption differ")

    # -- durability --------------------------------------------------------------------------------

    def save_if_due(self, now: float) -> None:
        """Begin a checkpoint if enough has come since the last; raises what the last one failed with."""
        if self._flushing is not None:
            if not self._flushing.done():
                return
            flushing, self._flushing = self._flushing, None
            flushing.result()
        if self._due(now):
            self._saved_at, self._saved_bytes = now, self.ranges.received
            self._flushing = asyncio.get_running_loop().create_task(self._save())

    def _due(self, now: float) -> bool:
        new = self.ranges.received - self._saved_bytes
        if not self.placed or new <= 0:
            return False
        if self._saved_at is None:
            return True  # at once, so that a process that dies early leaves a part that is known
        since = now - self._saved_at
        return since >= CHECKPOINT_S or (since >= CHECKPOINT_GAP_S and new >= CHECKPOINT_BYTES)

    async def _save(self) -> None:
        """Data first, then the map that claims it."""
        snapshot, state, mtime_ns = self.ledger.snapshot(), self.state, self.ledger.part.mtime_ns
        await self.ledger.part.flush()
        await self._desk.checkpoint(snapshot.onto(state, mtime_ns))

    async def _join(self) -> None:
        if self._flushing is not None:
            flushing, self._flushing = self._flushing, None
            await flushing

    async def complete(self) -> FileState:
        """Return the state of the complete file, every byte durable."""
        await self._join()
        snapshot, mtime_ns = self.ledger.snapshot(), self.ledger.part.mtime_ns
        await self.ledger.part.flush()
        return snapshot.onto(self.state, mtime_ns)

    async def keep(self) -> None:
        """Record what has come before an attempt ends; failing to is not worse than why it ends."""
        if not self.placed:
            return
        try:
            await self._join()
            await self._save()
        except (ArgosyError, OSError):
            return


def _facts(state: FileState) -> Facts:
    return Facts(
        state.urls[0], state.size, state.etag, state.last_modified, state.date_is_strong, state.content_type,
        resumable=True,
    )  # fmt: skip
