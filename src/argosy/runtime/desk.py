"""What the runtime lends to an engine for one file (:class:`argosy.engines.port.Desk`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from argosy.core.checksum import Checksum
from argosy.core.pieces import Pieces
from argosy.core.ranges import Extent
from argosy.core.types import FileState, FileStatus, TransferOptions
from argosy.destinations.blocks import rehashed
from argosy.destinations.digest import READ_BYTES, wrong_pieces
from argosy.destinations.port import Facts, Part
from argosy.engines.port import Begun, CancelToken, HostGate, Segment, Throttle
from argosy.runtime.manifest import Manifest
from argosy.runtime.message import Item, Remark
from argosy.runtime.ports import Destination, Digest
from argosy.runtime.proof import check_size, expected_of
from argosy.runtime.yard import Job, Yard

T = TypeVar("T")


class Desk:
    """One file of one attempt. Lives on the transfer loop."""

    def __init__(
        self, job: Job, yard: Yard, manifest: Manifest, destination: Destination, throttle: Throttle, state: FileState,
        expected: Checksum | None,
    ) -> None:  # fmt: skip
        self.cancel: CancelToken = job.token
        self.throttle = throttle
        self.hosts: HostGate = yard.gate
        self._job = job
        self._yard = yard
        self._manifest = manifest
        self._destination = destination
        self._index = state.index
        self._received = state.received
        self._connections = 0
        self.expected = expected
        """The checksum the file must have, as far as is known yet."""
        self.facts: Facts | None = None
        self.digest: Digest | None = None
        self.listed = False
        """Whether the source's listing says how long the file is, and what its bytes are."""
        self.segment: Callable[[Segment], None] | None = None
        """Told of each segment that has ended; see :func:`argosy.engines.port.segments_of`."""
        self.begun: Begun | None = None
        """A request for the file that is under way already; see :func:`argosy.engines.port.begun_of`."""
        self._parts: list[Part] = []
        self._digesting: asyncio.Task[None] | None = None
        self._reading: asyncio.Future[Any] | None = None

    def place(self, state: FileState, facts: Facts) -> tuple[Part, FileState]:
        job = self._job
        if self.listed:
            check_size(self._manifest.files[self._index], facts.size)
        self.facts = facts
        part, placed = self._destination.place(state, facts, options=self.options, fence=job.fence, alive=self._alive)
        self._parts.append(part)
        if self._digesting is None:
            self._close_parts(keep=1)
        if self.expected is None:
            self.expected = expected_of(facts, listed=self.listed)
        if self.expected is not None:
            self.digest = self._yard.warehouse.digest(part, self.expected, facts.size or 0)
        gauge = job.gauge
        if len(self._manifest.files) == 1:
            gauge.name = placed.path
        self._manifest.note(placed)
        return part, placed

    @property
    def options(self) -> TransferOptions:
        return self._job.task.spec.options

    def _alive(self) -> bool:
        return self._job.alive(self._yard.clock)

    def report(self, state_index: int, received: int, total: int | None, connections: int) -> None:  # noqa: ARG002 - a desk is of one file
        gauge = self._job.gauge
        gauge.received += received - self._received
        self._yard.brought += max(0, received - self._received)
        gauge.connections += connections - self._connections
        self._received, self._connections = received, connections
        if total is not None and gauge.total is None and len(self._manifest.files) == 1:
            gauge.total = total

    async def checkpoint(self, state: FileState) -> None:
        await self._manifest.checkpoint(_running(state))
        self._advance(state)

    async def record(self, state: FileState) -> None:
        await self._manifest.record([_running(state)])
        self._advance(state)

    def warn(self, code: str, message: str) -> None:
        job = self._job
        self._yard.post(Item(job.task.id, Remark(code, message), fence=job.fence))

    async def close(self) -> None:
        """Let go of the part. No connection is open any more, and what counts is what the manifest has of the file."""
        self.report(0, self._manifest.files[self._index].received, None, 0)
        at_work = [each for each in (self._digesting, self._reading) if each is not None]
        if at_work:
            # A thread may be reading the part just now: its descriptor must not be given to somebody else's file.
            await asyncio.wait(at_work)
        self._close_parts(keep=0)

    def _close_parts(self, *, keep: int) -> None:
        while len(self._parts) > keep:
            self._parts.pop(0).close()

    # -- the checksum that runs along --------------------------------------------------------------

    def _advance(self, state: FileState) -> None:
        """Let the digest follow the bytes from the front that are durable; one stretch at a time."""
        if self.digest is None or self._digesting is not None or not state.extents or state.extents[0][0] > 0:
            return
        self._digesting = asyncio.create_task(self._digest_up_to(state.extents[0][1]))

    async def _digest_up_to(self, upto: int) -> None:
        assert self.digest is not None
        try:
            await self.digest.advance(upto)
        finally:
            self._digesting = None

    async def finish_digest(self, size: int) -> str | None:
        """Return the checksum of all ``size`` bytes in hex, None if none is expected."""
        if self.digest is None:
            return None
        if self._digesting is not None:
            await self._digesting
        return await self.digest.finish(size)

    # -- what is known of its pieces ----------------------------------------------------------------

    @property
    def part(self) -> Part:
        """The part that holds the file."""
        return self._parts[-1]

    async def wrong_pieces(self, pieces: Pieces, size: int) -> list[int]:
        """Return the pieces of the complete file that are not what they must be. Raises Cancelled."""
        wrong: list[int] = []
        step = max(1, READ_BYTES // pieces.length)
        for first in range(0, pieces.count, step):
            among = range(first, min(first + step, pieces.count))
            wrong += await self._in_a_thread(partial(wrong_pieces, self.part, pieces, size, among))
            self.cancel.check()
        return wrong

    async def rewritten(self, state: FileState, changed: Sequence[Extent]) -> FileState:
        """Return the state of the complete file, some of whose bytes have been written anew, once they are durable."""
        assert state.size is not None
        part = self.part
        await part.flush()
        if self._digesting is not None:
            await self._digesting
        hashes = await self._in_a_thread(
            partial(rehashed, part.read, state.size, state.block_size, state.block_hashes, changed)
        )
        state = state.having(block_hashes=hashes, part_mtime_ns=part.mtime_ns)
        if self.expected is not None:
            self.digest = self._yard.warehouse.digest(part, self.expected, state.size or 0)
        await self.record(state)
        return state

    async def _in_a_thread(self, work: Callable[[], T]) -> T:
        """Return what ``work`` does with the part, which is not closed before it is done."""
        working = asyncio.ensure_future(asyncio.to_thread(work))
        self._reading = working
        return await asyncio.shield(working)


def _running(state: FileState) -> FileState:
    return state if state.status is FileStatus.RUNNING else replace(state, status=FileStatus.RUNNING)
