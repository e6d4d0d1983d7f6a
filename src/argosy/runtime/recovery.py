"""What died is found and given back: a worker's tasks go on where they were, its foreground queue belongs to all."""

from __future__ import annotations

import logging
from typing import Final

from argosy.runtime.clock import Clock
from argosy.runtime.holdings import Holdings
from argosy.runtime.identity import is_dead
from argosy.runtime.message import Reap
from argosy.runtime.round import LEASE_S
from argosy.runtime.router import Router
from argosy.store.port import Store, WorkerInfo

log = logging.getLogger(__name__)

PAGE: Final = 500


class Recovery:
    """Lives on the runtime loop."""

    def __init__(self, store: Store, clock: Clock, me: WorkerInfo, holdings: Holdings, router: Router) -> None:
        self._store = store
        self._clock = clock
        self._me = me
        self._holdings = holdings
        self._router = router

    async def sweep(self) -> int:
        """Give back every task whose holder is dead or silent; returns how many."""
        now = self._clock.epoch()
        others = [worker for worker in await self._store.workers() if worker.id != self._me.id]
        dead = [worker.id for worker in others if is_dead(worker, self._me, silent_before=now - LEASE_S)]
        given_back = await self._reap(now, dead)
        for worker_id in dead:
            log.info("worker.gone", extra={"worker": worker_id})
            await self._store.forget(worker_id)
        return given_back

    async def _reap(self, now: float, dead: list[str]) -> int:
        total = 0
        while True:
            found = await self._store.reapable(now=now, dead=dead, limit=PAGE)
            # A lease of our own that ran out (the machine slept) is renewed by the next heartbeat, not given up here.
            theirs = [task for task in found if not self._holdings.holds(task.id, task.fence)]
            outcomes = await self._router.ask_all([(task.id, Reap(task.fence)) for task in theirs])
            changed = sum(outcome.changed for outcome in outcomes)
            total += changed
            if len(found) < PAGE or not changed:
                return total
