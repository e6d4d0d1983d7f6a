from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from argosy.core.limits import Limits
from argosy.runtime.gate import Gate
from argosy.runtime.gauge import Gauge
from argosy.runtime.throttle import TaskThrottle, Throttles
from argosy.testing.clock import FakeClock


def rate_over(throttle: TaskThrottle, clock: FakeClock, seconds: float, piece: int = 16 * 1024) -> float:
    """Return the bytes per second that a greedy taker gets."""
    start, taken = clock.steady(), 0
    while clock.steady() - start < seconds:
        taken += piece
        clock.advance(throttle.admit(piece) or 0.0001)
    return taken / (clock.steady() - start)


@pytest.mark.parametrize(
    ("limits", "own", "by"),
    [
        (Limits(rate="1M"), None, "global"),
        (Limits(host_rates={"h:80": "1M"}), None, "host"),
        (Limits(host_rates={"h": "1M"}, rate="9M"), None, "host"),
        (Limits(rate="5M"), 1024 * 1024, "task"),
    ],
)
def test_the_tightest_limit_in_the_chain_counts_and_is_named(limits: Limits, own: int | None, by: str) -> None:
    clock = FakeClock()
    gauge = Gauge("t", 1, received=0, total=None, deadline_s=0.0)
    throttle = Throttles(limits, clock).share("h:80", own, gauge)
    assert throttle.limited
    assert rate_over(throttle, clock, 20) == pytest.approx(1024 * 1024, rel=0.05)
    assert gauge.throttled_by == by


def test_without_a_limit_nobody_waits() -> None:
    clock = FakeClock()
    gauge = Gauge("t", 1, received=0, total=None, deadline_s=0.0)
    throttle = Throttles(Limits(), clock).share("h:80", None, gauge)
    assert not throttle.limited
    assert throttle.admit(10**9) == 0.0


def test_two_tasks_share_the_global_rate() -> None:
    clock = FakeClock()
    throttles = Throttles(Limits(rate="1M"), clock)
    shares = [throttles.share("h:80", None, Gauge("t", 1, received=0, total=None, deadline_s=0.0)) for _ in range(2)]
    taken = 0
    while clock.steady() < 1020:
        waits = [share.admit(16 * 1024) for share in shares]
        taken += 2 * 16 * 1024
        clock.advance(max(*waits, 0.0001))
    assert taken / 20 == pytest.approx(1024 * 1024, rel=0.05)


def test_a_changed_limit_holds_at_once() -> None:
    clock = FakeClock()
    throttles = Throttles(Limits(), clock)
    throttle = throttles.share("h:80", None, Gauge("t", 1, received=0, total=None, deadline_s=0.0))
    throttles.apply(Limits(rate="1M", host_rates={"h": "512k"}))
    assert rate_over(throttle, clock, 20) == pytest.approx(512 * 1024, rel=0.05)
    throttles.apply(Limits())
    assert not throttle.limited


def test_a_timetable_is_followed() -> None:
    clock = FakeClock(datetime(2026, 6, 1, 21, 59, 30))
    throttles = Throttles(Limits(rate="22:00-07:00 off, else 1M"), clock)
    throttle = throttles.share("h:80", None, Gauge("t", 1, received=0, total=None, deadline_s=0.0))
    assert throttle.limited
    clock.advance(31)
    assert not throttle.limited


async def test_a_gate_lets_in_as_many_as_it_may_and_the_rest_in_order() -> None:
    gate = Gate(2)
    entered: list[int] = []

    async def enter(number: int) -> None:
        await gate.acquire("h")
        entered.append(number)

    waiting = [asyncio.create_task(enter(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert entered == [0, 1]
    assert not gate.try_acquire("h")
    assert gate.try_acquire("other")
    gate.release("h")
    await asyncio.wait(waiting[:3])
    assert entered == [0, 1, 2]
    waiting[3].cancel()
    await asyncio.wait([waiting[3]])
    gate.release("h")
    await asyncio.wait(waiting)
    assert entered == [0, 1, 2, 4]
    gate.release("h")
    gate.release("h")
    assert gate.used("h") == 0


async def test_spare_connections_are_in_nobodys_way() -> None:
    gate = Gate(2, 4)
    assert [gate.try_acquire("h", spare=spare) for spare in (False, True, True, False)] == [True] * 4
    assert not gate.try_acquire("h", spare=True)
    assert not gate.crowded("h")
    waiting = asyncio.create_task(gate.acquire("h"))
    await asyncio.sleep(0)
    assert gate.crowded("h")
    gate.release("h", spare=True)
    assert not waiting.done()  # two of the first kind are in use, and no spare one is for it
    gate.release("h")
    await asyncio.wait_for(waiting, 5)
    assert not gate.crowded("h")
    assert gate.used("h") == 3
    for spare in (False, False, True):
        gate.release("h", spare=spare)
    assert gate.used("h") == 0


async def test_a_wider_gate_lets_the_waiting_in() -> None:
    gate = Gate(1)
    await gate.acquire("h")
    waiting = asyncio.create_task(gate.acquire("h"))
    await asyncio.sleep(0)
    gate.change(2)
    await asyncio.wait_for(waiting, 5)
    assert gate.used("h") == 2
