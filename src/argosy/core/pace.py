"""How many connections a file is worth, and which of them is too slow to keep.

Connections are added step by step, doubling each time all of them are at work, for as long as what is left is worth it;
a server that refuses one is not asked for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from argosy.value import dataclass

WORTHWHILE_S: Final = 0.5
"""More connections are opened only for what would still take this long at the speed so far."""
WORTHWHILE_BYTES: Final = 1024 * 1024
"""And only while each has at least this much left to do."""
SLOW_SHARE: Final = 0.3
"""A connection below this share of its siblings' median speed is started again."""
SLOW_AFTER_S: Final = 2.0
STEAL_S: Final = 0.2
"""A piece that ends sooner than this is left to its owner."""
MATURE_S: Final = 1.0
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

    def consider(self, *, established: int, bps: float, missing: int | None) -> None:
        """Allow twice as many once all are at work and what is left would take long enough at the speed so far."""
        if missing is None or established < self.allowed or self.allowed >= self.ceiling:
            return
        if missing > max(bps * WORTHWHILE_S, 2 * self.allowed * WORTHWHILE_BYTES):
            self.allowed = min(self.ceiling, self.allowed * 2)

    def refused(self, alive: int) -> None:
        """The server would not serve one more: stay with those that are alive."""
        self.ceiling = self.allowed = max(1, alive)


def laggards(paces: Sequence[Pace], now: float, gone: Sequence[float] = ()) -> list[int]:
    """Return the indexes of connections that are far slower than their siblings and have had time to show better.

    ``gone`` are the speeds of siblings that have ended: the last one at work is held against them.
    """
    speeds = sorted([*(pace.bps for pace in paces), *gone])
    if len(speeds) < 3:
        return []
    median = speeds[len(speeds) // 2]
    return [
        index for index, pace in enumerate(paces) if pace.age(now) > SLOW_AFTER_S and pace.bps < median * SLOW_SHARE
    ]


def share_to_keep(victim: Pace, thief_bps: float, now: float) -> float:
    """Return which share of its rest a connection keeps so that both ends finish together.

    A half, until the connection has shown its lasting speed: many servers begin with a burst.
    """
    both = victim.bps + thief_bps
    if both <= 0 or victim.age(now) < MATURE_S:
        return 0.5
    return min(0.9, max(0.02, victim.bps / both))
