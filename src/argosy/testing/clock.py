"""A clock that moves only when told."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count


class FakeTimer:
    """A call that has not come yet."""

    __slots__ = ("callback", "cancelled")

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeClock:
    """Implements :class:`argosy.runtime.clock.Clock`. Starts on a Monday at noon, local time as well as UTC."""

    def __init__(self, start: datetime = datetime(2026, 6, 1, 12)) -> None:  # noqa: DTZ001 - local wall time is naive
        self._start = start
        self._epoch0 = (start - datetime(1970, 1, 1)).total_seconds()  # noqa: DTZ001 - likewise
        self._elapsed_s = 0.0
        self._timers: list[tuple[float, int, FakeTimer]] = []
        self._order = count()

    def __repr__(self) -> str:
        return f"<FakeClock {self.local()}>"

    def epoch(self) -> float:
        return self._epoch0 + self._elapsed_s

    def steady(self) -> float:
        return 1000.0 + self._elapsed_s

    def local(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_s)

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> FakeTimer:
        timer = FakeTimer(callback)
        heapq.heappush(self._timers, (self._elapsed_s + max(0.0, delay_s), next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass and call what was due, in order. Call it on the loop that set the timers."""
        goal = self._elapsed_s + seconds
        while self._timers and self._timers[0][0] <= goal:
            due, _, timer = heapq.heappop(self._timers)
            self._elapsed_s = max(self._elapsed_s, due)
            if not timer.cancelled:
                timer.callback()
        self._elapsed_s = goal
