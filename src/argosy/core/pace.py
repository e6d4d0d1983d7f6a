"""How many connections a file is worth, and which of them is too slow to keep.

Connections are added step by step, doubling each time all of them are at work, for as long as what is left is worth it.
Beyond a usual number they must prove it: a newcomer has to bring in its first moments as much as those before it brought
in theirs. Where a server holds each connection back it does; where the line is full, or the server's limit is for all of
them together, it does not, and goes again. A server that refuses one is not asked for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from argosy.value import dataclass

WORTHWHILE_S: Final = 0.5
"""More connections are opened only for what would still take this long at the speed so far."""
WORTHWHILE_BYTES: Final = 1024 * 1024
"""And only while each has at least this much left to do."""
PLENTY_BPS: Final = 400e6
"""Nobody holds back who brings so much, and our one thread moves little more: further connections would only cost."""
PROVEN_BYTES: Final = 512 * 1024
"""Of what is left, for each connection beyond the usual number."""
OPENING_S: Final = 0.15
"""What a connection brings in so long from its first byte on is held against what others brought in theirs …"""
OPENING_ANSWERS: Final = 5
"""… or in so many times what it took to be answered, if that is longer: by then TCP has found out what the way carries."""
AS_GOOD: Final = 0.75
"""Newcomers that bring this share of what those before them brought are as good as they."""
TOLD: Final = 0.75
"""So large a share of the connections must have shown what they bring."""
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
    flows_since: float | None = None
    """When its first byte came, as far as anybody has looked."""
    opening_bps: float | None = None
    """How fast it was in its first moments, once they have passed; see :data:`OPENING_S`."""

    def update(self, now: float, total: int) -> None:
        span = now - self.seen_at
        if span <= 0:
            return
        self._note_opening(now, total)
        recent = (total - self.bytes) / span
        weight = min(1.0, span / min(SMOOTHING_S, max(now - self.began, span)))
        self.bps += (recent - self.bps) * weight
        self.bytes, self.seen_at = total, now

    def age(self, now: float) -> float:
        return now - self.began

    @property
    def patience_s(self) -> float:
        """Return how long it takes to see what the connection is like."""
        answered_s = 0.0 if self.flows_since is None else self.flows_since - self.began
        return max(OPENING_S, OPENING_ANSWERS * answered_s)

    def _note_opening(self, now: float, total: int) -> None:
        if self.flows_since is None and total:
            self.flows_since = self.seen_at
        if self.flows_since is None or self.opening_bps is not None:
            return
        moments = self.patience_s
        over = self.flows_since + moments
        if now >= over:
            brought = self.bytes + (total - self.bytes) * (over - self.seen_at) / (now - self.seen_at)
            self.opening_bps = brought / moments


@dataclass(slots=True)
class Growth:
    """How many connections are allowed just now, between 1 and ``ceiling``; up to ``proven`` without being asked what
    each of them brings.
    """

    ceiling: int
    proven: int
    allowed: int = 1

    def consider(self, *, established: int, bps: float, missing: int | None) -> None:
        """Allow twice as many once all are at work and what is left would take long enough at the speed so far."""
        most = min(self.proven, self.ceiling)
        if missing is None or established < self.allowed or self.allowed >= most or bps >= PLENTY_BPS:
            return
        if missing > max(bps * WORTHWHILE_S, 2 * self.allowed * WORTHWHILE_BYTES):
            self.allowed = min(most, self.allowed * 2)

    def prove(self, paces: Sequence[Pace], missing: int) -> None:
        """Allow twice as many as are proven, if those that came last are as good as those before them; if they are not,
        only those that were there before.
        """
        if self.allowed < self.proven or self.proven >= self.ceiling:
            return
        opened = [pace for pace in paces if pace.opening_bps is not None]
        if len(opened) < self.allowed * TOLD:
            return
        if not newcomers_are_as_good(opened):
            self.refused(self.proven)
            return
        self.proven = self.allowed
        if sum(pace.bps for pace in paces) < PLENTY_BPS:
            self.allowed = max(self.allowed, min(self.ceiling, self.allowed * 2, missing // PROVEN_BYTES))

    def refused(self, alive: int) -> None:
        """The server would not serve one more, or somebody else needs it: stay with those that are alive."""
        self.ceiling = self.allowed = self.proven = max(1, alive)


def newcomers_are_as_good(paces: Sequence[Pace]) -> bool:
    """Tell whether the younger half of the connections, whose first moments are over, began as the older half did."""
    speeds = [pace.opening_bps or 0.0 for pace in sorted(paces, key=lambda pace: pace.began)]
    half = len(speeds) // 2
    return half > 0 and _middle(speeds[half:]) >= AS_GOOD * _middle(speeds[:half])


def laggards(paces: Sequence[Pace], now: float, gone: Sequence[float] = ()) -> list[int]:
    """Return the indexes of connections that are far slower than their siblings and have had time to show better.

    ``gone`` are the speeds of siblings that have ended: the last one at work is held against them.
    """
    speeds = [*(pace.bps for pace in paces), *gone]
    if len(speeds) < 3:
        return []
    median = _middle(speeds)
    return [
        index for index, pace in enumerate(paces) if pace.age(now) > SLOW_AFTER_S and pace.bps < median * SLOW_SHARE
    ]


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def share_to_keep(victim: Pace, thief_bps: float, now: float) -> float:
    """Return which share of its rest a connection keeps so that both ends finish together.

    A half, until the connection has shown its lasting speed: many servers begin with a burst.
    """
    both = victim.bps + thief_bps
    if both <= 0 or victim.age(now) < MATURE_S:
        return 0.5
    return min(0.9, max(0.02, victim.bps / both))
