"""What an attempt knows of its files, and how that gets into the store: seldom, together, and never too late.

Two ways in. :meth:`Manifest.checkpoint` is for a file that is under way: it is noted now and written with the others
within half a second. :meth:`Manifest.record` is for what must be durable before the next step: it returns once it is.
However many files ask, one write is in flight at a time and the next one takes all that has gathered meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from argosy.core.lifecycle import Stop
from argosy.core.types import FileState, FileStatus, Lease
from argosy.errors import ArgosyError, DiskFull, Fenced, StoreError
from argosy.runtime.yard import Job
from argosy.store.port import Store, Tally

CHECKPOINT_INTERVAL_S: Final = 0.5
"""The store gets at most one unhurried write a task in this time."""


class Manifest:
    """The files of one attempt by index. Lives on the transfer loop."""

    def __init__(self, job: Job, files: Sequence[FileState], store: Store) -> None:
        assert job.task.lease is not None
        self._job = job
        self._lease: Lease = job.task.lease
        self._store = store
        self.files: dict[int, FileState] = {state.index: state for state in files}
        self.durable = sum(state.received for state in files)
        self._known_size = sum(state.size or 0 for state in files)
        self._unsized = sum(1 for state in files if state.size is None)
        self.done = sum(1 for state in files if state.finished)
        self._pending: dict[int, FileState] = {}
        self._noted = 0
        self._written = 0
        self._flight: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._written_at = 0.0
        self._broken: ArgosyError | None = None

    @property
    def total(self) -> int | None:
        """Bytes of all files, None while the size of any is unknown."""
        return self._known_size if self._unsized == 0 and self.files else None

    def note(self, state: FileState) -> None:
        """Take over the file's new state; it goes out with the next write."""
        before = self.files.get(state.index)
        self.files[state.index] = state
        self._pending[state.index] = state
        self._noted += 1
        if before is not None:
            self._count(before, -1)
        self._count(state, 1)
        gauge = self._job.gauge
        gauge.total = self.total
        gauge.files_done = self.done
        gauge.files_total = len(self.files)

    def _count(self, state: FileState, sign: int) -> None:
        self.durable += sign * state.received
        self.done += sign * state.finished
        if state.size is None:
            self._unsized += sign
        else:
            self._known_size += sign * state.size

    async def checkpoint(self, state: FileState) -> None:
        """Note ``state`` and see that it is written soon. Raises Fenced once a write was refused."""
        self._raise_if_broken()
        self.note(state)
        if self._flight is not None or self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        wait_s = self._written_at + CHECKPOINT_INTERVAL_S - loop.time()
        self._timer = loop.call_later(max(0.0, wait_s), self._due)

    async def record(self, states: Iterable[FileState]) -> None:
        """Return once ``states`` and all noted before are durable. Raises Fenced if the lease is gone."""
        for state in states:
            self.note(state)
        goal = self._noted
        while self._written < goal:
            self._raise_if_broken()
            await asyncio.shield(self._fly())

    async def hand_over(self) -> tuple[FileState, ...]:
        """Return what is not written yet, for a report to carry into its commit; nothing is in flight any more."""
        self._cancel_timer()
        while self._flight is not None:
            await asyncio.wait([self._flight])
        self._cancel_timer()
        pending, self._pending = tuple(self._pending.values()), {}
        self._written = self._noted
        return pending

    def tally(self) -> Tally:
        gauge = self._job.gauge
        return Tally(
            received=self.durable, total=self.total, files_done=self.done, files_total=max(1, len(self.files)),
            speed_bps=gauge.speed_bps, connections=gauge.connections, name=gauge.name,
        )  # fmt: skip

    def _raise_if_broken(self) -> None:
        if self._broken is not None:
            raise self._broken

    def _due(self) -> None:
        self._timer = None
        self._fly().add_done_callback(_look)

    def _fly(self) -> asyncio.Task[None]:
        if self._flight is None:
            self._cancel_timer()
            self._flight = asyncio.create_task(self._write())
        return self._flight

    async def _write(self) -> None:
        batch, self._pending = self._pending, {}
        goal, tally = self._noted, self.tally()
        loop = asyncio.get_running_loop()
        try:
            await self._store.checkpoint(self._lease, tally, tuple(batch.values()))
            self._written = goal
            self._job.gauge.tally = tally
        except Fenced as error:
            self._broken = error
            self._job.gauge.lease_deadline_s = 0.0
            self._job.token.set(Stop.CANCEL)
            raise
        except (StoreError, DiskFull):
            self._pending = batch | self._pending  # what came meanwhile is newer
            raise
        finally:
            self._flight = None
            self._written_at = loop.time()
            if self._pending and self._timer is None and self._broken is None:
                self._timer = loop.call_later(CHECKPOINT_INTERVAL_S, self._due)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _look(flight: asyncio.Task[None]) -> None:
    """Have looked at the error of a write nobody awaits: a lost lease has set the token, a busy store is tried again."""
    if not flight.cancelled():
        flight.exception()


def unfinished(files: Iterable[FileState]) -> list[FileState]:
    """Return the files that still need work."""
    return [state for state in files if state.status not in (FileStatus.DONE, FileStatus.SKIPPED)]
