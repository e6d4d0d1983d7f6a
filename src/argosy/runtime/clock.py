"""The one home of clocks and timers. Everything that needs the time is given a :class:`Clock`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class Timer(Protocol):
    """A call that will come unless cancelled."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Wall time, steady time, and calls at a later moment on the running loop."""

    def epoch(self) -> float:
        """Return seconds since 1970, UTC: what is stored and shown."""
        ...

    def steady(self) -> float:
        """Return seconds that only ever go forward, also while the machine sleeps: what leases are measured with."""
        ...

    def local(self) -> datetime:
        """Return naive local wall time: what windows and timetables are read with."""
        ...

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        """Call ``callback`` on the running loop after ``delay_s``."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def epoch(self) -> float:
        return time.time()

    def steady(self) -> float:
        return _steady()

    def local(self) -> datetime:
        return datetime.now()  # noqa: DTZ005 - windows are read with naive wall time

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> Timer:
        return asyncio.get_running_loop().call_later(max(0.0, delay_s), callback)


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


# Linux's monotonic clock stands still in suspend: a lease that ended meanwhile would look alive on waking.
_steady: Callable[[], float] = _boottime if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic


class Alarm:
    """Something to wait for that is either rung or comes at a time, whichever is first. One waiter."""

    __slots__ = ("_clock", "_rung")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, delay_s: float) -> bool:
        """Return once rung (True) or after ``delay_s`` (False); a ring while nobody waited counts."""
        if self._rung.is_set():
            self._rung.clear()
            return True
        late = False

        def expire() -> None:
            nonlocal late
            late = not self._rung.is_set()
            self._rung.set()

        timer = self._clock.call_later(delay_s, expire)
        try:
            await self._rung.wait()
        finally:
            timer.cancel()
        self._rung.clear()
        return not late
