"""What is held of the file: its bytes, the version they are of, and how safely they are recorded."""

from __future__ import annotations

import asyncio
from typing import Final

from argosy.core.answer import Known
from argosy.core.header import Validators
from argosy.core.ranges import RangeMap
from argosy.core.types import FileState
from argosy.destinations.ledger import Ledger
from argosy.engines.curl.origin import Origin
from argosy.engines.curl.signal import Changed
from argosy.engines.port import Desk, Facts
from argosy.errors import ArgosyError, NetworkError

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
        self.validators = validators_of(state) if state.extents else Validators()
        self._witnesses: list[tuple[int, bytes, Origin]] = []
        self._announced = None if state.extents else state.size
        self.ranges = RangeMap(state.size if state.extents else None, state.extents)
        self._saved_bytes = self.ranges.received
        self.placed = False
        self.blank = not state.extents
        """Whether no answer has described the file yet, or what was described is gone."""
        self.decoded = False
        """Whether what comes is decoded on the way: only the end of the stream proves any of it, so none is recorded."""
        self.seeking_end = False
        """Whether all that is known is here, and only the server can tell if there is more."""
        if state.extents:
            self.place(_facts(state))

    def known(self, origin: Origin) -> Known:
        return Known(self.version_at(origin), self.state.content_type, self.ranges.received)

    def version_at(self, origin: Origin) -> Validators:
        """Return how the origin names the version that is held: mirrors may each have their own name for it.

        Only a checksum allows that, since only it can tell in the end that they all meant the same bytes.
        """
        if not self.may_mix:
            return self.validators
        return origin.version or Validators(length=self.ranges.size)

    @property
    def may_mix(self) -> bool:
        """Whether bytes of several servers may be combined although nothing but their length says that they fit."""
        return self.state.checksum is not None and len(self.state.urls) > 1

    def place(self, facts: Facts) -> None:
        """Name the file and open its part. Raises what :meth:`argosy.engines.port.Desk.place` raises."""
        part, self.state = self._desk.place(self.state, facts)
        if not self.state.extents and self.ranges.received:
            self.ranges.reset(None)
            self.validators, self.blank = Validators(), True
        block = self.state.block_size if self.state.extents else 0
        self.ledger = Ledger(part, self.ranges, self.state.block_hashes, block)
        self.placed = True
        if self.ranges.size is not None:
            part.reserve(self.ranges.size)

    def learn_size(self, total: int) -> None:
        """A server says how long the file is, which was not known."""
        self.ranges.learn_size(total)
        if self.state.size != total:
            self.state = self.state.having(size=total)
        if self.placed:
            self.ledger.part.reserve(total)

    def end_here(self, *, proven: bool) -> None:
        """A body of unknown length is over. Raises NetworkError if more was announced; ``proven``: the end is."""
        here = self.ranges.pieces[-1].position
        if not proven and self._announced is not None and here < self._announced:
            raise NetworkError(f"{self._announced:,} bytes were announced, {here:,} came", code="incomplete")
        self.ranges.end_here()
        self.state = self.state.having(size=self.ranges.size)

    def start_over(self, total: int | None) -> None:
        """Drop every byte and forget the version."""
        if self.placed:
            self.ledger.restart(total)
        else:
            self.ranges.reset(total)
        self.validators, self.blank = Validators(), True
        self._witnesses, self.seeking_end, self.decoded = [], False, False
        self._saved_bytes = 0
        self.state = self.state.having(
            extents=(), block_hashes=b"", received=0, etag=None, last_modified=None, date_is_strong=False
        )

    # -- same bytes --------------------------------------------------------------------------------

    def compare(self, offset: int, data: bytes, origin: Origin) -> None:
        """``origin`` says that the file has ``data`` at ``offset``. Raises Changed unless that is what is held there;
        what is not here yet is compared when it is.
        """
        if self.ranges.holds(offset, offset + len(data)):
            self._compare(offset, data, origin)
        else:
            self._witnesses.append((offset, data, origin))

    def hear_witnesses(self) -> None:
        """Compare what could not be compared before, as far as it is here now. Raises Changed."""
        if not self._witnesses:
            return
        ready = [witness for witness in self._witnesses if self.ranges.holds(witness[0], witness[0] + len(witness[1]))]
        for witness in ready:
            self._witnesses.remove(witness)
            self._compare(*witness)

    def _compare(self, offset: int, data: bytes, origin: Origin) -> None:
        if self.ledger.part.read(offset, len(data)) != data:
            origin.ranges = False  # the file is another one, or what the server calls a range is not
            raise Changed(f"the bytes around {offset:,} are not those that are held")

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
        if not self.placed or self.decoded or new <= 0:
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
        if not self.placed or self.decoded:
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
