"""Feeds the metrics: by hearing the events, by looking at what runs, and by timing what is awaited anyway.

Nothing here is on the way of a byte, and nothing is locked: counters are read where they are, once a second or when
somebody asks.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from argosy.core.events import Recorded, StatusChanged, Warned
from argosy.core.types import TERMINAL, Status, TaskId
from argosy.errors import StoreError
from argosy.runtime.clock import Clock
from argosy.runtime.manager import Runtime
from argosy.store.port import Change, Committed, Refused
from argosy.store.sqlite import SqliteStore
from argosy.telemetry.metrics import Metrics

LOOK_S: Final = 1.0
MOST_STARTS: Final = 100_000
"""Tasks that have started and not ended, as far as they are remembered."""
TOO_LATE_S: Final = 60.0
"""An event that old was committed while we were away: it tells nothing about lag."""


class TimedStore(SqliteStore):
    """The store, with a stopwatch on what makes changes durable."""

    def __init__(self, path: Path, observe: Callable[[float], None]) -> None:
        super().__init__(path)
        self._observe = observe

    async def commit(self, changes: Sequence[Change]) -> Sequence[Committed | Refused]:
        began = time.perf_counter()
        answer = await super().commit(changes)
        self._observe(time.perf_counter() - began)
        return answer


@dataclass(frozen=True, slots=True)
class Load:
    """Tasks that run, how many may, and how fast their bytes come."""

    running: int
    slots: int
    speed_bps: float


class Meters:
    """An async context manager; hears events from entering on. ``refresh`` brings what is only looked at up to date."""

    def __init__(self, runtime: Runtime, metrics: Metrics, clock: Clock, live: Mapping[str, int]) -> None:
        self._runtime = runtime
        self._clock = clock
        self._directory = Path(runtime.settings["directory"])
        self._started: dict[TaskId, float] = {}
        self._brought = 0
        self._looking: asyncio.Task[None] | None = None
        self.metrics = metrics
        self.live = live
        """Clients that are connected, by kind: somebody else's counter, looked at."""
        self.loop_lag_s = 0.0

    async def __aenter__(self) -> Self:
        self._runtime.listen(self)
        self._looking = asyncio.create_task(self._look_on(), name="argosy-meters")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])

    # -- what is heard -----------------------------------------------------------------------------

    def __bool__(self) -> bool:
        return True

    def hear(self, event: Recorded) -> None:
        """Count one event; see :class:`argosy.bus.local.Listener`."""
        lag = self._clock.epoch() - event.at
        if 0.0 <= lag < TOO_LATE_S:
            self.metrics.event_lag.observe(lag)
        match event.event:
            case StatusChanged(task_id, to=to, error=error):
                self._moved(task_id, to, event.at, "" if error is None else error.code)
            case Warned(code):
                self.metrics.warnings.labels(code).inc()

    def _moved(self, task_id: TaskId, to: Status | None, at: float, code: str) -> None:
        if to is Status.RUNNING:
            if len(self._started) < MOST_STARTS:
                self._started.setdefault(task_id, at)
        elif to is Status.RETRYING:
            self.metrics.retries.labels(code or "lease_lost").inc()
        elif to in TERMINAL:
            self.metrics.finished.labels(to.value).inc()
            started = self._started.pop(task_id, None)
            if started is not None:
                self.metrics.duration.labels(to.value).observe(max(0.0, at - started))
        elif to is None or to is Status.PAUSED:
            self._started.pop(task_id, None)

    # -- what is looked at -------------------------------------------------------------------------

    async def _look_on(self) -> None:
        """Look once a second. How late that is says how late everything on this loop is."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_S
            await asyncio.sleep(LOOK_S)
            self.loop_lag_s = max(0.0, loop.time() - due)
            self.metrics.loop_lag.observe(self.loop_lag_s)
            self.look()

    def look(self) -> None:
        """Read the counters of what runs here."""
        metrics, load = self.metrics, self.load()
        metrics.running.set(load.running)
        metrics.slots.set(load.slots)
        metrics.speed.set(load.speed_bps)
        metrics.connections.set(sum(gauge.connections for gauge in self._runtime.gauges))
        brought = self._runtime.brought
        metrics.received.inc(brought - self._brought)
        self._brought = brought
        for kind in ("websocket", "sse", "wait"):
            metrics.live.labels(kind).set(self.live.get(kind, 0))

    async def refresh(self) -> None:
        """Have every value that is only looked at be that of now; what the store does not tell stays as it was."""
        self.look()
        try:
            for status, count in (await self._runtime.counts()).items():
                self.metrics.tasks.labels(status.value).set(count)
            for queue, depth in (await self._runtime.store.depths()).items():
                self.metrics.queue_depth.labels(queue.name.lower()).set(depth)
        except StoreError:
            pass
        free = await self.free_bytes()
        if free is not None:
            self.metrics.disk_free.set(free)

    def load(self) -> Load:
        """Return how much runs here."""
        gauges = self._runtime.gauges
        return Load(len(gauges), self._runtime.limits().max_running, sum(gauge.speed_bps for gauge in gauges))

    async def free_bytes(self) -> int | None:
        """Return how much room there is where downloads go, None if that cannot be told."""
        return await asyncio.to_thread(_free, self._directory)


def _free(directory: Path) -> int | None:
    for folder in (directory, *directory.parents):
        try:
            return shutil.disk_usage(folder).free
        except FileNotFoundError:
            continue  # it is made with the first download
        except OSError:
            return None
    return None
