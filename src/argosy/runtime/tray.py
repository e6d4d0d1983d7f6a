"""Small files by the hundred: what an engine takes them from, and onto which it puts them once they are whole.

A file that comes whole with one answer needs nothing of what the others need (a part file, a ledger, checkpoints, a digest
that runs along): its name, its proof and its state are made in one step, and it goes to the publisher.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from argosy.core.checksum import Checksum
from argosy.core.hashing import running
from argosy.core.types import FileState, FileStatus
from argosy.destinations.port import Facts, Proof
from argosy.engines.port import Begun, Bulk, CancelToken, Engine, HostGate, Throttle
from argosy.errors import ArgosyError
from argosy.runtime.ports import Destination
from argosy.runtime.proof import check_size, expected_of
from argosy.runtime.publisher import Publisher
from argosy.runtime.reuse import Reuse
from argosy.runtime.yard import Job, Yard

UNPROVEN: Final = Proof(None, "length")
Alone = Callable[[FileState, Begun | None], Awaitable[None]]
"""Brings one file as any other; raises what concerns them all, and Cancelled."""


class Tray:
    """The files of one attempt (:class:`argosy.engines.port.Tray`). Lives on the transfer loop."""

    def __init__(
        self, job: Job, yard: Yard, destination: Destination, throttle: Throttle, publisher: Publisher,
        todo: deque[FileState], alone: Alone, reuse: Reuse, *, listed: bool,
    ) -> None:  # fmt: skip
        self.cancel: CancelToken = job.token
        self.throttle = throttle
        self.hosts: HostGate = yard.gate
        self._job = job
        self._yard = yard
        self._destination = destination
        self._publisher = publisher
        self._todo = todo
        self._alone = alone
        self._spec = job.task.spec
        self._listed = listed
        self._reuse = reuse
        self._connections = 0
        self.engine: Final = self._bulk()
        """Who brings the files; None if they must be brought one by one."""

    def _bulk(self) -> Bulk | None:
        options, yard = self._spec.options, self._yard
        special = options.if_exists != "rename" or options.sidecar is not None or yard.witness is not None
        if special or not self._todo:
            return None
        engine = self._engine_for(self._todo[0].urls[0])
        return engine if isinstance(engine, Bulk) else None

    def _engine_for(self, url: str) -> Engine | None:
        """Return who fetches the URL; None if nobody may: brought as any other, its file is told why."""
        try:
            return self._yard.engines.engine_for(url, self._spec.engine, public_only=self._spec.options.public_only)
        except ArgosyError:
            return None

    # -- what the engine calls ---------------------------------------------------------------------

    def take(self) -> FileState | None:
        return self._todo.popleft() if self._todo and self.cancel.stop is None else None

    def is_plain(self, state: FileState) -> bool:
        spec = self._spec
        untouched = state.status is FileStatus.PENDING and state.published is None and state.error is None
        if not untouched or (state.index < len(spec.files) and spec.files[state.index].pieces is not None):
            return False
        return not self._reuse.may_have(state, state.checksum) and self._engine_for(state.urls[0]) is self.engine

    def bring(self, state: FileState, facts: Facts, body: bytes) -> bool:
        expected = state.checksum or expected_of(facts, listed=self._listed)
        if expected is not None and not _has(body, expected):
            return False  # fetched as any other, it is told what that means
        proof = UNPROVEN if expected is None else Proof(expected, expected.algorithm)
        try:
            if self._listed:
                check_size(state, facts.size)
            held = self._destination.hold(state, facts, body, proof, fence=self._job.fence)
        except ArgosyError:
            return False  # likewise
        if held is None:
            return False
        self._job.gauge.received += len(body)
        self._yard.brought += len(body)
        self._publisher.give(held)
        return True

    async def otherwise(self, state: FileState, begun: Begun | None = None) -> None:
        await self._alone(state, begun)

    def report(self, connections: int) -> None:
        self._job.gauge.connections += connections - self._connections
        self._connections = connections


def _has(body: bytes, expected: Checksum) -> bool:
    hashed = running(expected, len(body))
    hashed.update(body)
    return hashed.hexdigest() == expected.hex
