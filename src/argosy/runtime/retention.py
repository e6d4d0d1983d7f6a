"""How long what has ended is remembered."""

from __future__ import annotations

import logging
from typing import Final

from argosy.core.types import TERMINAL
from argosy.errors import DiskFull, StoreError
from argosy.runtime.clock import Alarm, Clock
from argosy.store.port import Store

log = logging.getLogger(__name__)

DAY_S: Final = 86_400.0
EACH_S: Final = 3600.0
PAGE: Final = 500
"""Tasks removed in one transaction."""


class Retention:
    """Removes tasks that ended more than ``days`` ago, with their events; the files stay. Zero days: for good."""

    def __init__(self, store: Store, clock: Clock, days: float) -> None:
        self._store = store
        self._clock = clock
        self._days = days

    @property
    def limited(self) -> bool:
        return self._days > 0

    async def run(self) -> None:
        """Look now and once an hour until cancelled."""
        alarm = Alarm(self._clock)
        while True:
            try:
                await self.sweep()
            except (StoreError, DiskFull) as error:
                log.warning("retention.failed", extra={"code": error.detail_code, "error": error.message})
            await alarm.wait(EACH_S)

    async def sweep(self) -> int:
        """Remove what is too old; returns how many tasks that were."""
        before = self._clock.epoch() - self._days * DAY_S
        total = 0
        while True:
            gone = await self._store.purge(finished_before=before, statuses=TERMINAL, limit=PAGE)
            total += gone
            if gone < PAGE:
                return total
