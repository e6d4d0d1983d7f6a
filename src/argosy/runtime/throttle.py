"""Bandwidth: the buckets of the whole runtime, of each host and of each task, one inside another.

Lives on the transfer loop. Bytes have arrived by the time anybody asks, so they are taken out whether a bucket has them
or not, and whoever took more than there was waits until the debt is paid.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from argosy.core.bucket import Bucket
from argosy.core.explain import Throttle
from argosy.core.limits import Limits
from argosy.core.timetable import Timetable, parse
from argosy.runtime.clock import Clock
from argosy.runtime.gauge import Gauge

LONGEST_UNSEEN_S: Final = 60.0
"""A timetable is read at least this often, so that a clock that was set is noticed."""


class Rate:
    """A bucket whose rate follows a timetable."""

    __slots__ = ("_clock", "_retune_s", "_table", "bucket")

    def __init__(self, text: str, clock: Clock) -> None:
        self._clock = clock
        self._table: Timetable = parse(text)
        self._retune_s = 0.0
        self.bucket = Bucket(self._table.at(clock.local()), now=clock.steady())

    def change(self, text: str) -> None:
        self._table = parse(text)
        self._retune_s = 0.0

    def tuned(self, now: float) -> Bucket:
        """Return the bucket with the rate that holds at this hour."""
        if now >= self._retune_s:
            local = self._clock.local()
            rate = self._table.at(local)
            if rate != self.bucket.rate:
                self.bucket.change(rate, now=now)
            self._retune_s = now + _until_change_s(self._table, local)
        return self.bucket


def _until_change_s(table: Timetable, local: datetime) -> float:
    change = table.next_change(local)
    return LONGEST_UNSEEN_S if change is None else min(LONGEST_UNSEEN_S, (change - local).total_seconds())


class TaskThrottle:
    """One attempt's share: what :class:`argosy.engines.port.Throttle` asks for."""

    __slots__ = ("_gauge", "_host", "_own", "_throttles")

    def __init__(self, throttles: Throttles, host: str, limit_bps: int | None, gauge: Gauge) -> None:
        self._throttles = throttles
        self._host = host
        self._gauge = gauge
        self._own = Bucket(limit_bps, now=throttles.clock.steady()) if limit_bps else None

    def _chain(self, now: float) -> list[tuple[Throttle, Bucket]]:
        """Return the buckets that have a rate now, by name."""
        chain: list[tuple[Throttle, Bucket]] = [] if self._own is None else [("task", self._own)]
        hosts = self._throttles.hosts
        host = hosts.get(self._host) or hosts.get(self._host.rpartition(":")[0])
        if host is not None and host.tuned(now).rate is not None:
            chain.append(("host", host.bucket))
        if self._throttles.everything.tuned(now).rate is not None:
            chain.append(("global", self._throttles.everything.bucket))
        return chain

    @property
    def limited(self) -> bool:
        return bool(self._chain(self._throttles.clock.steady()))

    def admit(self, size: int) -> float:
        now = self._throttles.clock.steady()
        wait_s = 0.0
        for name, bucket in self._chain(now):
            bucket.refill(now)
            bucket.spend(size)
            debt_s = bucket.wait_s(0)
            if debt_s > wait_s:
                wait_s = debt_s
                self._gauge.throttled_by, self._gauge.throttled_s = name, now + debt_s
        return wait_s


class Throttles:
    """All rates of a runtime; :meth:`apply` changes them while bytes flow."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.clock = clock
        self.everything = Rate(limits.rate, clock)
        self.hosts = {host: Rate(text, clock) for host, text in limits.host_rates.items()}

    def apply(self, limits: Limits) -> None:
        self.everything.change(limits.rate)
        for host in self.hosts.keys() - limits.host_rates.keys():
            del self.hosts[host]
        for host, text in limits.host_rates.items():
            if host in self.hosts:
                self.hosts[host].change(text)
            else:
                self.hosts[host] = Rate(text, self.clock)

    def share(self, host: str, limit_bps: int | None, gauge: Gauge) -> TaskThrottle:
        """Return the throttle of one attempt at a task that talks to ``host``."""
        return TaskThrottle(self, host, limit_bps, gauge)
