"""Token buckets: never more than the limit, never nobody, whatever the clock and the settings do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from argosy.core.bucket import BURST_S, QUANTUM_BYTES, ROUNDING_S, SHORTEST_WAIT_S, Bucket, Grant, take
from argosy.errors import UsageError

M = 1024 * 1024
rates = st.integers(1, 10**9)


def waits(seconds: float) -> Grant:
    return Grant(0, seconds + ROUNDING_S)


def test_without_a_limit_everything_flows_at_once() -> None:
    assert take([], 7 * M, 0.0) == Grant(7 * M)
    assert take([Bucket(None, now=0.0), Bucket(None, now=0.0)], 7 * M, 0.0) == Grant(7 * M)


def test_nothing_wanted_is_nothing_granted() -> None:
    assert take([Bucket(1, now=0.0)], 0, 0.0) == Grant(0)


def test_the_tightest_bucket_decides_and_all_pay() -> None:
    everybody, host, task = Bucket(8 * M, now=0.0), Bucket(2 * M, now=0.0), Bucket(None, now=0.0)
    assert take([everybody, host, task], 9 * M, 0.0) == Grant(M // 2)
    assert take([everybody], 9 * M, 0.0) == Grant(2 * M - M // 2)


def test_an_empty_bucket_says_how_long_to_wait_and_nobody_pays_for_asking() -> None:
    everybody, task = Bucket(8 * M, now=0.0), Bucket(M, burst=64 * 1024, now=0.0)
    assert take([task], M, 0.0) == Grant(64 * 1024)
    assert take([everybody, task], M, 0.0) == waits(QUANTUM_BYTES / M)
    assert take([everybody], 9 * M, 0.0) == Grant(2 * M)


def test_less_than_a_quantum_waits_only_for_itself() -> None:
    bucket = Bucket(1_000, now=0.0)
    assert take([bucket], QUANTUM_BYTES, 0.0) == Grant(QUANTUM_BYTES)
    assert take([bucket], 500, 0.0) == waits(0.5)
    assert take([bucket], 500, 0.5 + ROUNDING_S) == Grant(500)


def test_the_default_burst_is_a_quarter_second_but_at_least_a_quantum() -> None:
    assert Bucket(M, now=0.0).burst == M * BURST_S
    assert Bucket(10, now=0.0).burst == QUANTUM_BYTES
    assert Bucket(10, burst=1, now=0.0).burst == QUANTUM_BYTES


def test_a_bucket_says_what_it_holds() -> None:
    bucket = Bucket(M, now=0.0)
    assert repr(bucket) == "Bucket(rate=1048576, burst=262144, level=262144)"
    assert bucket.rate == M


@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_of_nothing_is_refused(rate: int) -> None:
    with pytest.raises(UsageError, match="must be positive"):
        Bucket(rate, now=0.0)
    with pytest.raises(UsageError, match="must be positive"):
        Bucket(1, now=0.0).change(rate, now=0.0)


def test_lowering_the_rate_leaves_no_more_than_the_new_burst() -> None:
    bucket = Bucket(100 * M, now=0.0)
    bucket.change(M, now=0.0)
    assert take([bucket], 100 * M, 0.0) == Grant(M // 4)


def test_raising_the_rate_gives_no_windfall() -> None:
    bucket = Bucket(M, now=0.0)
    take([bucket], M, 0.0)
    bucket.change(100 * M, now=0.0)
    assert take([bucket], M, 0.0).bytes == 0
    assert take([bucket], M, 0.001).bytes == pytest.approx(0.1 * M, rel=0.01)


def test_time_before_a_change_counts_at_the_old_rate() -> None:
    bucket = Bucket(M, now=0.0)
    take([bucket], M, 0.0)
    bucket.change(100 * M, now=0.1)
    assert take([bucket], M, 0.1).bytes == pytest.approx(0.1 * M, rel=0.01)


def test_a_limit_set_on_an_unlimited_bucket_takes_hold_at_once() -> None:
    bucket = Bucket(None, now=0.0)
    take([bucket], 100 * M, 5.0)
    bucket.change(M, now=9.0)
    assert take([bucket], M, 9.0) == waits(QUANTUM_BYTES / M)


def test_taking_a_limit_away_lets_everything_flow() -> None:
    bucket = Bucket(1, now=0.0)
    take([bucket], M, 0.0)
    bucket.change(None, now=0.0)
    assert take([bucket], M, 0.0) == Grant(M)


def test_a_clock_that_steps_back_neither_gives_nor_takes() -> None:
    bucket = Bucket(M, now=1_000.0)
    take([bucket], M, 1_000.0)
    assert take([bucket], M, 10.0) == waits(QUANTUM_BYTES / M)
    assert take([bucket], M, 10.1).bytes == pytest.approx(0.1 * M, rel=0.01)


@given(rates, st.integers(1, 10**9), st.floats(0, 1e8))
def test_who_waits_as_told_is_served_the_first_time(rate: int, want: int, now: float) -> None:
    bucket = Bucket(rate, now=now)
    take([bucket], bucket.burst, now)
    refused = take([bucket], want, now)
    assert refused.wait_s >= SHORTEST_WAIT_S
    assert min(want, QUANTUM_BYTES) <= take([bucket], want, now + refused.wait_s).bytes <= want


def test_the_rounding_of_a_long_running_clock_costs_no_second_wait() -> None:
    now = 1e7 + 0.1  # four months of uptime
    bucket = Bucket(3_333_333, now=now)
    take([bucket], bucket.burst, now)
    for _ in range(3_000):
        now += take([bucket], 10 * M, now).wait_s
        assert take([bucket], 10 * M, now).bytes >= QUANTUM_BYTES


def take_turns(bucket: Bucket, wants: list[int], changes: list[int]) -> tuple[list[int], float]:
    """Serve everybody 20 times under each limit, in turn; return what each got and the longest wait in quanta."""
    now, served, longest = 0.0, [0] * len(wants), 0.0
    for rate in changes:
        bucket.change(rate, now=now)
        for turn, want in list(enumerate(wants)) * 20:
            waited = 0.0
            while (grant := take([bucket], want, now)).wait_s:
                waited += grant.wait_s
                now += grant.wait_s
            assert grant.bytes >= min(want, QUANTUM_BYTES)
            served[turn] += grant.bytes
            longest = max(longest, (waited - SHORTEST_WAIT_S) * rate / QUANTUM_BYTES)
    return served, longest


slow_rates = st.lists(st.integers(1, 10 * M), min_size=1, max_size=4)  # a quantum takes longer than the shortest wait


@settings(max_examples=50)
@given(slow_rates, st.lists(st.integers(1, 4 * M), min_size=2, max_size=5))
def test_nobody_waits_longer_than_a_quantum_takes_whatever_others_want_and_the_limit_does(
    changes: list[int], wants: list[int]
) -> None:
    _served, longest = take_turns(Bucket(changes[0], now=0.0), wants, changes)
    assert longest <= 1.001


@settings(max_examples=50)
@given(slow_rates, st.lists(st.integers(4 * M, 8 * M), min_size=2, max_size=5))
def test_those_who_want_more_than_there_is_get_alike_through_all_changes_of_the_limit(
    changes: list[int], wants: list[int]
) -> None:
    bucket = Bucket(changes[0], now=0.0)
    first_burst = bucket.burst
    served, _longest = take_turns(bucket, wants, changes)
    rounding = sum(20 * (rate * ROUNDING_S + 1) for rate in changes)
    assert max(served) - min(served) <= first_burst + rounding


class Chain(RuleBasedStateMachine):
    """Two tasks under one limit, with a wandering clock and a user who keeps changing settings."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.everybody = Bucket(M, now=self.now)
        self.tasks = [Bucket(M // 2, now=self.now), Bucket(None, now=self.now)]
        self.spent = 0
        self.allowance = float(self.everybody.burst)

    @rule(task=st.integers(0, 1), want=st.integers(0, 4 * M))
    def take_some(self, task: int, want: int) -> None:
        grant = take([self.everybody, self.tasks[task]], want, self.now)
        assert 0 <= grant.bytes <= want
        assert grant.bytes == 0 or grant.wait_s == 0
        assert grant.bytes == 0 or grant.bytes >= min(want, QUANTUM_BYTES)
        self.spent += grant.bytes

    @rule(seconds=st.floats(0, 10))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.allowance += seconds * (self.everybody.rate or 0)
        self.everybody.refill(self.now)

    @rule(seconds=st.floats(0, 1_000))
    def the_clock_steps_back(self, seconds: float) -> None:
        self.now -= seconds
        self.everybody.refill(self.now)

    @rule(rate=st.integers(1, 10 * M))
    def the_limit_changes(self, rate: int) -> None:
        self.everybody.change(rate, now=self.now)

    @rule(rate=st.none() | st.integers(1, 10 * M), task=st.integers(0, 1))
    def a_tasks_limit_changes(self, rate: int | None, task: int) -> None:
        self.tasks[task].change(rate, now=self.now)

    @invariant()
    def no_more_flowed_than_rate_times_time_and_one_burst(self) -> None:
        assert self.spent <= self.allowance + 1

    @invariant()
    def no_bucket_holds_more_than_its_burst_or_less_than_nothing(self) -> None:
        for bucket in (self.everybody, *self.tasks):
            allowed = bucket.allowed()
            assert allowed is None or 0 <= allowed <= bucket.burst


TestChain = Chain.TestCase
TestChain.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


@given(rates, st.lists(st.tuples(st.floats(0, 2), st.integers(1, 4 * M)), max_size=60))
def test_over_any_window_no_more_flows_than_the_rate_and_one_burst(rate: int, asks: list[tuple[float, int]]) -> None:
    bucket, now = Bucket(rate, now=0.0), 0.0
    flow: list[tuple[float, int]] = []
    for pause, want in asks:
        now += pause
        flow.append((now, take([bucket], want, now).bytes))
    for begin in range(len(flow)):
        total = 0
        for moment, amount in flow[begin:]:
            total += amount
            assert total <= rate * (moment - flow[begin][0]) * (1 + 1e-9) + bucket.burst + 1
