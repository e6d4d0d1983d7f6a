"""How many messages a client may still send: so many a second, and some at once. Pure but for what it counts."""

from __future__ import annotations


class Allowance:
    """Fills at ``per_s`` up to ``most``; ``now`` is steady time."""

    __slots__ = ("_left", "_most", "_per_s", "_seen_s")

    def __init__(self, per_s: float, most: float, now: float) -> None:
        self._per_s = per_s
        self._most = self._left = most
        self._seen_s = now

    def spend(self, now: float) -> bool:
        """Count one message; return whether it was allowed."""
        self._left = min(self._most, self._left + max(0.0, now - self._seen_s) * self._per_s)
        self._seen_s = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
