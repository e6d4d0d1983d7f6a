"""Bandwidth limits as token buckets, one inside another: global, then host, then task.

A bucket holds the bytes that may flow now. It fills at ``rate`` up to ``burst``, so over any stretch of time it lets
through at most ``rate * time + burst``. Buckets are mutable, because a grant has to be taken from the whole chain at
once, but they own no clock and no lock: ``now`` (monotonic seconds) is an argument and one thread owns the chain.
"""

from __future__ import annotations

from collections.abc import Sequence

from argosy.errors import UsageError
from argosy.value import dataclass

QUANTUM_BYTES = 16 * 1024
BURST_S = 0.25
SHORTEST_WAIT_S = 0.001  # finer than timers are, and a wait lost in the clock's rounding would be a busy loop
ROUNDING_S = 1e-6  # without it half of all waits ended a fraction of a byte too early and were followed by another


@dataclass(frozen=True, slots=True)
class Grant:
    """Either ``bytes`` may flow now, or asking again makes sense only after ``wait_s``; never both."""

    bytes: int
    wait_s: float = 0.0


class Bucket:
    """One limit: ``rate`` in bytes per second or None for none, ``burst`` in bytes (a quarter second by default)."""

    __slots__ = ("_burst", "_level", "_rate", "_seen_s")

    def __init__(self, rate: int | None, burst: int | None = None, *, now: float) -> None:
        self._seen_s = now
        self._level = 0.0
        self._shape(rate, burst)
        self._level = float(self._burst)

    def __repr__(self) -> str:
        return f"Bucket(rate={self._rate}, burst={self._burst}, level={self._level:.0f})"

    @property
    def rate(self) -> int | None:
        """Bytes per second, None for no limit."""
        return self._rate

    @property
    def burst(self) -> int:
        """The bytes it can hold, ``QUANTUM_BYTES`` at least."""
        return self._burst

    def change(self, rate: int | None, burst: int | None = None, *, now: float) -> None:
        """Set a new limit from ``now`` on; what was saved under the old one is worth no more than the new burst.

        Time under no limit saves nothing: a bucket that was unlimited begins empty, so that a limit set because the
        line is full takes hold at once.
        """
        self.refill(now)
        if self._rate is None:
            self._level = 0.0
        self._shape(rate, burst)

    def _shape(self, rate: int | None, burst: int | None) -> None:
        if rate is not None and rate <= 0:
            raise UsageError(f"a rate limit must be positive, not {rate}", hint="use 'off' for no limit, or pause")
        self._rate = rate
        # A burst below the quantum could never satisfy anybody.
        self._burst = max(QUANTUM_BYTES, int((rate or 0) * BURST_S) if burst is None else burst)
        self._level = min(self._level, float(self._burst))

    def refill(self, now: float) -> None:
        """Add what time has brought. A clock that steps back adds nothing, and time goes on from where it is."""
        elapsed_s = max(0.0, now - self._seen_s)
        self._seen_s = now
        if self._rate is not None:
            self._level = min(float(self._burst), self._level + elapsed_s * self._rate)

    def allowed(self) -> int | None:
        """Return the bytes that may flow now, None for any number."""
        return None if self._rate is None else int(self._level)

    def wait_s(self, need: int) -> float:
        """Return the time until ``need`` bytes may flow, if nobody else takes any."""
        return 0.0 if self._rate is None else max(0.0, (need - self._level) / self._rate) + ROUNDING_S

    def spend(self, amount: int) -> None:
        """Take ``amount`` bytes out, which ``allowed`` must have covered."""
        if self._rate is not None:
            self._level -= amount


def take(chain: Sequence[Bucket], want: int, now: float) -> Grant:
    """Take up to ``want`` bytes from every bucket of ``chain``, or none from any.

    The grant is what the tightest bucket allows, but no crumbs: at least ``QUANTUM_BYTES`` or all that is wanted. That
    threshold is the same for everybody however much they want, so a big wish waits no longer than a small one. Between
    those who wait for the same bucket the order of asking decides: who is served goes to the end of the line. Each
    turn then gets its quantum after a quantum's time at most; what somebody does not want is there for the others.
    """
    if want <= 0:
        return Grant(0)
    for bucket in chain:
        bucket.refill(now)
    least = min(want, QUANTUM_BYTES)
    grant = min([want, *(allowed for bucket in chain if (allowed := bucket.allowed()) is not None)])
    if grant < least:
        return Grant(0, max(SHORTEST_WAIT_S, *(bucket.wait_s(least) for bucket in chain)))
    for bucket in chain:
        bucket.spend(grant)
    return Grant(grant)
