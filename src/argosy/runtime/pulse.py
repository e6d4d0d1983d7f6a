"""The heartbeat: once a second leases are renewed, other processes' doings noticed, and now and then the dead found."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from argosy.bus.local import Bus
from argosy.errors import DiskFull, StoreError
from argosy.runtime.clock import Alarm, Clock
from argosy.runtime.holdings import Holdings
from argosy.runtime.recovery import Recovery
from argosy.runtime.round import LEASE_S
from argosy.runtime.router import Router
from argosy.store.port import Store, WorkerInfo

log = logging.getLogger(__name__)

BEAT_S: Final = 1.0
SWEEP_S: Final = 5.0
LEASE_MARGIN_S: Final = 2.0
"""A worker stops writing this long before others may think its lease is over."""


class Pulse:
    """Lives on the runtime loop."""

    def __init__(
        self, store: Store, clock: Clock, me: WorkerInfo, holdings: Holdings, router: Router, bus: Bus,
        recovery: Recovery | None, changed_elsewhere: Callable[[], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._me = me
        self._holdings = holdings
        self._router = router
        self._bus = bus
        self._recovery = recovery
        self._changed_elsewhere = changed_elsewhere
        self._seen: int | None = None
        self._swept_s = clock.steady()
        self._alarm = Alarm(clock)

    async def run(self) -> None:
        """Beat until cancelled. A store that cannot be reached is tried again; leases run out by themselves."""
        while True:
            await self._alarm.wait(BEAT_S)
            try:
                await self.beat()
            except (StoreError, DiskFull) as error:
                log.warning("lease.not_renewed", extra={"code": error.detail_code, "error": error.message})

    async def beat(self) -> None:
        if self._recovery is not None:
            await self._renew()
        count = await self._store.change_count()
        if count != self._seen:
            self._seen = count
            await self._bus.catch_up()
            await self._changed_elsewhere()
        if self._recovery is not None and self._clock.steady() - self._swept_s >= SWEEP_S:
            self._swept_s = self._clock.steady()
            await self._recovery.sweep()

    async def _renew(self) -> None:
        held = {task.id: (task.fence, task.version) for task in self._holdings.tasks.values()}
        now, steady = self._clock.epoch(), self._clock.steady()
        renewal = await self._store.renew(self._me.id, held, now + LEASE_S, now)
        self._holdings.renewed_until = now + LEASE_S
        for task_id, (fence, _) in held.items():
            gauge = self._holdings.gauges.get(task_id)
            # A gauge at zero has been fenced off for good.
            if gauge is not None and gauge.fence == fence and gauge.lease_deadline_s and task_id not in renewal.lost:
                gauge.lease_deadline_s = steady + LEASE_S - LEASE_MARGIN_S
        lost = [task_id for task_id in renewal.lost if self._holdings.holds(task_id, held[task_id][0])]
        self._router.lose(lost)
        self._router.refresh(renewal.changed.values())
