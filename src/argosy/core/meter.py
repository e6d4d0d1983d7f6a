"""How fast, and how long still: a speed meter fed with ``(now, total bytes)``.

A small mutable object rather than a value: it is fed five times a second for each of hundreds of tasks, and
nobody needs its past. Reading it changes nothing, so it can be read at any time by anyone in its thread.
"""

from __future__ import annotations

import math
from collections import deque

WINDOW_S = 1.0
TAU_S = 5.0
STEP_S = 0.05  # samples closer together than this are one sample: bounds memory, and no rate over a microsecond
SLOWEST_BYTES_PER_S = 1.0  # below this there is no honest time of arrival


class Meter:
    """The speed of something whose ``total`` grows; after a restart ``total`` may fall, which is not a speed."""

    __slots__ = ("_marks", "_now_s", "_smooth", "_total", "_weight")

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()
        self._now_s = 0.0
        self._total = 0
        self._smooth = 0.0
        self._weight = 0.0

    def __repr__(self) -> str:
        return f"Meter(total={self._total}, at={self._now_s:.3f}, smooth={self.smooth(self._now_s):.0f})"

    def sample(self, now: float, total: int) -> None:
        """Take note that ``total`` bytes are here at ``now`` (monotonic seconds)."""
        fell_back = total < self._total or now < self._now_s
        self._now_s, self._total = now, total
        if fell_back or not self._marks:
            self._marks = deque([(now, total)])
            return
        mark_s, mark_total = self._marks[-1]
        if now - mark_s < STEP_S:
            return
        self._blend((total - mark_total) / (now - mark_s), now - mark_s)
        self._marks.append((now, total))
        while self._marks[1][0] <= now - WINDOW_S:
            self._marks.popleft()

    def _blend(self, rate: float, lasted_s: float) -> None:
        """Weigh ``rate`` by the time it lasted, so that uneven sampling gives the same answer as even sampling."""
        kept = math.exp(-lasted_s / TAU_S)
        self._smooth = self._smooth * kept + rate * (1 - kept)
        self._weight = self._weight * kept + (1 - kept)

    def instant(self, now: float) -> float:
        """Return bytes per second over the last second of samples; 0.0 when there was none in that second."""
        if not self._marks or now - self._now_s >= WINDOW_S:
            return 0.0
        since_s, since_total = self._marks[0]
        lasted_s = self._now_s - since_s
        return (self._total - since_total) / lasted_s if lasted_s >= STEP_S else 0.0

    def smooth(self, now: float) -> float:
        """Return bytes per second averaged over about ``TAU_S``; silence longer than the window decays it."""
        if self._weight == 0:
            return 0.0
        silent_s = max(0.0, now - self._now_s - WINDOW_S)
        return self._smooth / self._weight * math.exp(-silent_s / TAU_S)

    def eta_s(self, now: float, remaining: int) -> float | None:
        """Return the seconds ``remaining`` bytes will take at the smoothed speed; None while nobody can tell."""
        if remaining <= 0:
            return 0.0
        speed = self.smooth(now)
        return remaining / speed if speed >= SLOWEST_BYTES_PER_S else None
