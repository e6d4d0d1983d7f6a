"""The speed meter: steady when the line is, honest when it is not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.meter import STEP_S, TAU_S, WINDOW_S, Meter

M = 1024 * 1024


def steady(meter: Meter, rate: float, seconds: float, *, step: float = 0.2, now: float = 0.0, total: int = 0) -> float:
    """Feed a steady flow; return the time of the last sample."""
    for n in range(round(seconds / step) + 1):
        meter.sample(now + n * step, total + round(n * step * rate))
    return now + round(seconds / step) * step


def test_a_new_meter_knows_nothing() -> None:
    meter = Meter()
    assert (meter.instant(5.0), meter.smooth(5.0), meter.eta_s(5.0, 1)) == (0.0, 0.0, None)


def test_one_sample_is_not_yet_a_speed() -> None:
    meter = Meter()
    meter.sample(5.0, 10 * M)
    assert (meter.instant(5.0), meter.smooth(5.0)) == (0.0, 0.0)


@pytest.mark.parametrize("step", [0.01, 0.05, 0.2, 0.7])
def test_a_steady_flow_shows_its_rate_from_the_first_second_on(step: float) -> None:
    meter = Meter()
    now = steady(meter, 3 * M, 1.4, step=step)
    assert meter.instant(now) == pytest.approx(3 * M, rel=0.02)
    assert meter.smooth(now) == pytest.approx(3 * M, rel=0.02)
    assert meter.eta_s(now, 30 * M) == pytest.approx(10, rel=0.02)


def test_the_instant_speed_follows_a_change_within_about_a_second_and_the_smooth_one_slowly() -> None:
    meter = Meter()
    now = steady(meter, M, 20)
    now = steady(meter, 9 * M, 1.2, now=now, total=20 * M)
    assert meter.instant(now) == pytest.approx(9 * M, rel=0.01)
    assert 2 * M < meter.smooth(now) < 4 * M


def test_uneven_sampling_smooths_to_the_same_speed() -> None:
    even, uneven = Meter(), Meter()
    for n in range(101):
        even.sample(n * 0.2, n * M)
    for n in (0, 1, 2, 10, 11, 30, 31, 32, 60, 99, 100):
        uneven.sample(n * 0.2, n * M)
    assert uneven.smooth(20.0) == pytest.approx(even.smooth(20.0))


def test_silence_decays_towards_zero() -> None:
    meter = Meter()
    now = steady(meter, 3 * M, 10)
    speed = meter.smooth(now)
    assert meter.smooth(now + WINDOW_S) == speed
    assert meter.instant(now + WINDOW_S) == 0.0
    assert meter.smooth(now + WINDOW_S + TAU_S) == pytest.approx(speed / math.e)
    assert meter.smooth(now + 3_600) < 1
    assert meter.eta_s(now + 3_600, M) is None


def test_samples_without_progress_decay_the_same_way() -> None:
    meter = Meter()
    now = steady(meter, 3 * M, 10)
    steady(meter, 0, 30, now=now, total=30 * M)
    assert meter.instant(now + 30) == 0.0
    assert 0 < meter.smooth(now + 30) < 0.01 * M


def test_a_long_gap_counts_as_its_average() -> None:
    meter = Meter()
    now = steady(meter, 3 * M, 10)
    meter.sample(now + 100, 40 * M)
    assert meter.instant(now + 100) == pytest.approx(0.1 * M, rel=0.2)
    assert meter.smooth(now + 100) == pytest.approx(0.1 * M, rel=0.01)


def test_bytes_that_fall_back_are_a_restart_and_not_a_negative_speed() -> None:
    meter = Meter()
    now = steady(meter, 3 * M, 10)
    speed = meter.smooth(now)
    meter.sample(now + 0.2, 0)
    assert meter.instant(now + 0.2) == 0.0
    assert meter.smooth(now + 0.2) == speed
    later = steady(meter, 3 * M, 2, now=now + 0.2)
    assert meter.instant(later) == pytest.approx(3 * M, rel=0.02)
    assert meter.smooth(later) == pytest.approx(3 * M, rel=0.02)


def test_a_clock_that_steps_back_starts_a_new_window() -> None:
    meter = Meter()
    steady(meter, 3 * M, 10)
    meter.sample(1.0, 31 * M)
    assert meter.instant(1.0) == 0.0
    assert meter.instant(steady(meter, 3 * M, 2, now=1.0, total=31 * M)) == pytest.approx(3 * M, rel=0.02)


def test_nothing_left_takes_no_time() -> None:
    assert Meter().eta_s(0.0, 0) == 0.0


def test_a_meter_says_what_it_shows() -> None:
    meter = Meter()
    steady(meter, 1_000, 2)
    assert repr(meter) == "Meter(total=2000, at=2.000, smooth=1000)"


def test_a_flood_of_samples_takes_no_memory() -> None:
    meter = Meter()
    for n in range(100_000):
        meter.sample(n / 10_000, n)
    assert len(meter._marks) <= WINDOW_S / STEP_S + 2
    assert meter.instant(10.0) == pytest.approx(10_000, rel=0.01)


@given(st.lists(st.tuples(st.floats(-1, 60), st.integers(-(10**9), 10**9)), max_size=80))
def test_whatever_is_fed_no_speed_is_negative_or_above_the_fastest_moment(steps: list[tuple[float, int]]) -> None:
    meter, now, total = Meter(), 1_000.0, 0
    for elapsed, gained in steps:
        now, total = now + elapsed, max(0, total + gained)
        meter.sample(now, total)
        for speed in (meter.instant(now), meter.smooth(now)):
            assert 0 <= speed <= len(steps) * 10**9 / STEP_S * 1.001
        assert (meter.eta_s(now, 10**9) or 0.0) >= 0
