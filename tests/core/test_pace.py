"""How many connections a file is worth, how fast each is, and which is too slow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.pace import (
    MATURE_S,
    SLOW_AFTER_S,
    WORTHWHILE_BYTES,
    Growth,
    Pace,
    laggards,
    share_to_keep,
)

MIB = 1 << 20


def pace(bps: float, *, began: float = 0.0) -> Pace:
    return Pace(began, began, bps=bps)


@given(st.lists(st.tuples(st.floats(0.01, 1), st.integers(0, 10 * MIB)), min_size=1, max_size=50))
def test_a_smoothed_speed_stays_between_the_slowest_and_the_fastest(steps: list[tuple[float, int]]) -> None:
    speed, now, total = pace(0), 0.0, 0
    for span, count in steps:
        now, total = now + span, total + count
        speed.update(now, total)
    recents = [count / span for span, count in steps]
    assert 0.99 * min(recents) - 1 <= speed.bps <= 1.01 * max(recents) + 1
    assert speed.bytes == total
    assert speed.age(now) == pytest.approx(now)


def test_the_first_look_is_believed_whole_and_later_ones_are_weighed() -> None:
    speed = pace(0)
    speed.update(0.1, 100)
    assert speed.bps == pytest.approx(1000)
    speed.update(2.0, 100)
    assert speed.bps == 0
    speed.update(2.1, 1100)
    assert 0 < speed.bps < 10_000


@pytest.mark.parametrize("later", [0.0, -1.0])
def test_a_clock_that_does_not_move_changes_nothing(later: float) -> None:
    speed = Pace(5.0, 5.0)
    speed.update(5.0 + later, 100)
    assert (speed.bps, speed.bytes) == (0.0, 0)


def test_connections_double_while_all_are_at_work_and_there_is_enough_left() -> None:
    growth = Growth(6)
    seen = []
    for _ in range(4):
        growth.consider(established=growth.allowed, bps=MIB, missing=1000 * MIB)
        seen.append(growth.allowed)
    assert seen == [2, 4, 6, 6]


@pytest.mark.parametrize(
    ("established", "bps", "missing"),
    [
        (1, MIB, 1000 * MIB),  # not all are at work
        (2, MIB, None),  # nobody knows how much is left
        (2, MIB, 4 * WORTHWHILE_BYTES),  # each would have too little
        (2, 100 * MIB, 50 * MIB),  # it is over in half a second anyway
    ],
)
def test_more_are_not_opened_in_vain(established: int, bps: float, missing: int | None) -> None:
    growth = Growth(8, allowed=2)
    growth.consider(established=established, bps=bps, missing=missing)
    assert growth.allowed == 2


@pytest.mark.parametrize(("alive", "left"), [(3, 3), (0, 1)])
def test_a_refusal_is_final(alive: int, left: int) -> None:
    growth = Growth(8, allowed=4)
    growth.refused(alive)
    growth.consider(established=8, bps=1, missing=1000 * MIB)
    assert (growth.ceiling, growth.allowed) == (left, left)


def test_far_slower_than_the_middle_is_a_laggard() -> None:
    paces = [pace(1000), pace(900), pace(100), pace(1100)]
    assert laggards(paces, SLOW_AFTER_S + 0.1) == [2]


def test_nobody_is_a_laggard_too_early_or_among_two() -> None:
    assert laggards([pace(1000), pace(900), pace(100)], SLOW_AFTER_S) == []
    assert laggards([pace(1000), pace(1)], 100) == []
    assert laggards([pace(1000), pace(1000), pace(1, began=99)], 100) == []


@given(st.lists(st.floats(0, 1e9), max_size=16))
def test_the_faster_half_never_lags(speeds: list[float]) -> None:
    found = laggards([pace(bps) for bps in speeds], 100)
    assert len(found) <= len(speeds) // 2


def test_a_rest_is_shared_so_that_both_sides_end_together() -> None:
    assert share_to_keep(pace(300), 100, MATURE_S) == pytest.approx(0.75)
    assert share_to_keep(pace(1e9), 1, MATURE_S) == 0.9
    assert share_to_keep(pace(1), 1e9, MATURE_S) == 0.02


def test_a_half_is_fair_while_nothing_is_known() -> None:
    assert share_to_keep(pace(300), 100, MATURE_S - 0.1) == 0.5
    assert share_to_keep(pace(0), 0, 100) == 0.5
