"""The progress hub: looks at the gauges of running tasks and tells the world, at most 15 times a second each.

It also notices who stands still, and tells that once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Final

from argosy.bus.local import Bus
from argosy.core.events import DownloadMetrics, DownloadProgress
from argosy.core.meter import Meter
from argosy.core.types import WAITING, Progress, Status, TaskId
from argosy.errors import DiskFull, StoreError
from argosy.runtime.clock import Alarm, Clock
from argosy.runtime.gauge import Gauge
from argosy.runtime.holdings import Holdings
from argosy.runtime.message import Item, Remark
from argosy.store.port import Store
from argosy.value import dataclass

LOOK_S: Final = 1 / 15
METRICS_S: Final = 1.0
STALLED_S: Final = 30.0


@dataclass(slots=True)
class Pace:
    """What is remembered of one gauge between two looks."""

    gauge: Gauge
    changed_s: float
    shown: tuple[int, int | None] = (-1, None)
    stalled: bool = False
    meter: Meter = field(default_factory=Meter)


class Hub:
    """Lives on the runtime loop."""

    def __init__(
        self, clock: Clock, holdings: Holdings, bus: Bus, store: Store, post: Callable[[list[Item]], None]
    ) -> None:
        self._clock = clock
        self._holdings = holdings
        self._bus = bus
        self._store = store
        self._post = post
        self._paces: dict[TaskId, Pace] = {}
        self._alarm = Alarm(clock)
        self._metrics_s = 0.0
        self._idle = True

    async def run(self) -> None:
        """Look until cancelled; hardly ever while nothing runs."""
        while True:
            self._idle = not self._holdings.gauges
            await self._alarm.wait(METRICS_S if self._idle else LOOK_S)
            now = self._clock.steady()
            self.look(now)
            if now - self._metrics_s >= METRICS_S and self._bus.heard:
                self._metrics_s = now
                await self._show_metrics(now)

    def wake(self) -> None:
        """Something may run now that did not. While something does, looks come at their own pace."""
        if self._idle and self._holdings.gauges:
            self._alarm.ring()

    # -- progress ----------------------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Read every gauge once, and show those that moved."""
        gauges = self._holdings.gauges
        for task_id in self._paces.keys() - gauges.keys():
            del self._paces[task_id]
        for task_id, gauge in gauges.items():
            pace = self._paces.get(task_id)
            if pace is None or pace.gauge is not gauge:
                pace = self._paces[task_id] = Pace(gauge, now)
                pace.meter.sample(now, gauge.received)
            self._look_at(pace, now)

    def _look_at(self, pace: Pace, now: float) -> None:
        gauge = pace.gauge
        seen = (gauge.received, gauge.total)
        if seen == pace.shown:
            gauge.speed_bps = pace.meter.smooth(now)
            if not pace.stalled and now - pace.changed_s >= STALLED_S:
                self._stalled(pace, now)
            return
        pace.shown, pace.changed_s = seen, now
        if pace.stalled:
            pace.stalled = False
            self._post([Item(gauge.task_id, Remark("", holds=True))])
        pace.meter.sample(now, gauge.received)
        gauge.speed_bps = pace.meter.smooth(now)
        if self._bus.heard:
            shown = self.progress(gauge.task_id)
            assert shown is not None
            self._bus.show(
                DownloadProgress(
                    gauge.task_id, shown.received, shown.total, shown.instantaneous_bps, shown.smoothed_bps, shown.eta_s
                )
            )

    def _stalled(self, pace: Pace, now: float) -> None:
        task = self._holdings.tasks.get(pace.gauge.task_id)
        if task is None or task.status is not Status.RUNNING:
            return
        pace.stalled = True
        message = f"nothing has come from {task.host or 'the source'} for {now - pace.changed_s:.0f} s"
        self._post([Item(task.id, Remark("stalled", message, holds=True))])

    def progress(self, task_id: TaskId) -> Progress | None:
        """Return a task's counters as of now, None if it does not run here."""
        gauge, pace = self._holdings.gauges.get(task_id), self._paces.get(task_id)
        if gauge is None:
            return None
        now = self._clock.steady()
        meter = pace.meter if pace is not None else Meter()
        remaining = None if gauge.total is None else gauge.total - gauge.received
        return Progress(
            task_id, gauge.received, gauge.total, meter.instant(now), meter.smooth(now),
            None if remaining is None else meter.eta_s(now, remaining),
            gauge.connections, gauge.files_done, gauge.files_total,
        )  # fmt: skip

    def still_for_s(self, task_id: TaskId) -> float:
        """Return how long a running task has brought nothing."""
        pace = self._paces.get(task_id)
        return 0.0 if pace is None else self._clock.steady() - pace.changed_s

    # -- metrics -----------------------------------------------------------------------------------

    async def _show_metrics(self, now: float) -> None:
        try:
            counts = await self._store.counts()
        except (StoreError, DiskFull):
            return
        speeds: dict[str, float] = {}
        for pace in self._paces.values():
            protocol = pace.gauge.protocol or "unknown"
            speeds[protocol] = speeds.get(protocol, 0.0) + pace.meter.smooth(now)
        queued = sum(counts.get(status, 0) for status in WAITING)
        self._bus.show(DownloadMetrics(len(self._holdings.gauges), queued, sum(speeds.values()), speeds))
