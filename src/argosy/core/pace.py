"""How many connections a file is worth, and which of them is too slow to keep.

Connections are added step by step, doubling, and only while it pays: a server that gives no more to eight than it
gave to four is not asked for sixteen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WORTHWHILE_S: Final = 1.5
"""More connections are opened only for what would still take this long."""
GAIN: Final = 1.1
"""Twice the connections must bring at least this much more speed, else the growth ends."""
JUDGE_AFTER_S: Final = 1.0
"""So long a step is given to show what it brings, once the connections are few enough to measure."""
SLOW_SHARE: Final = 0.3
"""A connection below this share of its siblings' median speed is started again."""
SLOW_AFTER_S: Final = 2.0
STEAL_S: Final = 0.4
"""A piece that ends sooner than this is left to its owner."""
SMOOTHING_S: Final = 1.0


@dataclass(slots=True)
class Pace:
    """Speed of one connection, smoothed. ``bytes`` is all that it brought since ``began``."""

    began: float
    seen_at: float
    bytes: int = 0
    bps: float = 0.0

    def update(self, now: float, total: int) -> None:
        span = now - self.seen_at
        if span <= 0:
            return
        recent = (total - self.bytes) / span
        weight = min(1.0, span / min(SMOOTHING_S, max(now - self.began, span)))
        self.bps += (recent - self.bps) * weight
        self.bytes, self.seen_at = total, now

    def age(self, now: float) -> float:
        return now - self.began


@dataclass(slots=True)
class Growth:
    """How many connections are allowed just now, between 1 and ``ceiling``."""

    ceiling: int
    allowed: int = 1
    settled: bool = False
    stepped_at: float = 0.0
    before_bps: float = 0.0

    def consider(self, now: float, *, established: int, bps: float, missing: int | None) -> int:
        """Return how many connections to have: twice as many once all are at work and there is enough left to do."""
        if missing is None or established < self.allowed or self.allowed >= self.ceiling:
            return self.allowed
        if bps > 0 and missing / bps < WORTHWHILE_S:
            return self.allowed
        if self.settled or not self._paid(now, bps):
            return self.allowed
        self.allowed = min(self.ceiling, self.allowed * 2)
        self.stepped_at, self.before_bps = now, bps
        return self.allowed

    def _paid(self, now: float, bps: float) -> bool:
        """Tell whether to grow on; up to four connections nobody has to prove anything."""
        if self.allowed < 4 or now - self.stepped_at < JUDGE_AFTER_S / 10:
            return True
        if bps >= self.before_bps * GAIN:
            return True
        self.settled = now - self.stepped_at >= JUDGE_AFTER_S
        return False

    def refused(self, alive: int) -> None:
        """The server would not serve one more: stay with those that are alive."""
        self.ceiling = self.allowed = max(1, alive)
        self.settled = True


def laggards(paces: Sequence[Pace], now: float) -> list[int]:
    """Return the indexes of connections that are far slower than their siblings and have had time to show better."""
    if len(paces) < 3:
        return []
    median = sorted(pace.bps for pace in paces)[len(paces) // 2]
    return [
        index
        for index, pace in enumerate(paces)
        if pace.age(now) > SLOW_AFTER_S and pace.bps < median * SLOW_SHARE
    ]


def share_to_keep(victim_bps: float, thief_bps: float) -> float:
    """Return which share of its rest a connection keeps so that both ends finish together (a half if nothing is known)."""
    both = victim_bps + thief_bps
    return 0.5 if both <= 0 else min(0.9, max(0.02, victim_bps / both))
