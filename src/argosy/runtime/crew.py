"""The router's hands: starts, stops and cleans up after workers. Without a pool it only cleans up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from argosy.core.lifecycle import Stop
from argosy.core.types import FileState, Task, TaskId, file_states
from argosy.engines.port import CancelToken
from argosy.runtime.clock import Clock
from argosy.runtime.gauge import Gauge
from argosy.runtime.holdings import Holdings
from argosy.runtime.pool import Pool
from argosy.runtime.ports import Warehouse
from argosy.runtime.pulse import LEASE_MARGIN_S
from argosy.runtime.yard import Job

log = logging.getLogger(__name__)


class Crew:
    """Implements :class:`argosy.runtime.ports.Hands`. Lives on the runtime loop."""

    def __init__(self, clock: Clock, holdings: Holdings, warehouse: Warehouse) -> None:
        self._clock = clock
        self._holdings = holdings
        self._warehouse = warehouse
        self._discarding: dict[TaskId, asyncio.Task[None]] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self.pool: Pool | None = None

    def launch(self, task: Task, *, fresh: bool) -> None:
        if self.pool is None or task.lease_until is None:
            raise AssertionError("a task was claimed by a runtime that does not work")
        left_s = task.lease_until - self._clock.epoch() - LEASE_MARGIN_S
        gauge = Gauge(
            task.id, task.fence, received=task.received, total=task.total, deadline_s=self._clock.steady() + left_s
        )
        self._holdings.gauges[task.id] = gauge
        # A task that was added with a name may carry what an earlier one knew of its file; then the store has more.
        as_asked = fresh and task.name is None and task.spec.files
        job = Job(task, gauge, file_states(task) if as_asked else None, CancelToken())
        clearing = self._discarding.get(task.id)
        if clearing is None:
            self.pool.start(job)
        else:
            # The part of the attempt before is just being removed: starting now could lose the new one's bytes.
            starting = asyncio.create_task(self._start_after(clearing, job))
            self._starting.add(starting)
            starting.add_done_callback(self._starting.discard)

    async def _start_after(self, clearing: asyncio.Task[None], job: Job) -> None:
        await asyncio.wait([clearing])
        if self.pool is not None:
            self.pool.start(job)

    def signal(self, task_id: TaskId, stop: Stop) -> None:
        if self.pool is not None:
            self.pool.signal(task_id, stop)

    def fence_off(self, task_id: TaskId) -> None:
        gauge = self._holdings.gauges.pop(task_id, None)
        if gauge is not None:
            gauge.lease_deadline_s = 0.0
        if self.pool is not None:
            self.pool.abandon(task_id)

    def release(self, task_id: TaskId) -> None:
        self._holdings.gauges.pop(task_id, None)
        if self.pool is not None:
            self.pool.release(task_id)

    def discard(self, task: Task, parts: Sequence[FileState]) -> None:
        clearing = asyncio.create_task(self._remove(task, parts))
        self._discarding[task.id] = clearing

        def over(_: asyncio.Task[None]) -> None:
            if self._discarding.get(task.id) is clearing:
                del self._discarding[task.id]

        clearing.add_done_callback(over)

    async def _remove(self, task: Task, parts: Sequence[FileState]) -> None:
        try:
            await self._warehouse.destination(task.spec.directory).discard(parts)
            if not task.spec.files:
                from argosy.destinations.gathering import dismantle  # noqa: PLC0415 - few trees come as a whole

                await asyncio.to_thread(dismantle, task.spec.directory, task.id)
        except Exception:
            log.exception("task.parts_left", extra={"task_id": task.id})

    async def finish(self) -> None:
        """Return once every removal is over."""
        while pending := [*self._discarding.values(), *self._starting]:
            await asyncio.wait(pending)
