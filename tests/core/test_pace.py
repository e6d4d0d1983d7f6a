"""How many connections a file is worth, how fast each is, and which is too slow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.limits import MOST_PER_HOST, USUAL_PER_HOST, Limits
from argosy.core.pace import (
    AS_GOOD,
    MATURE_S,
    OPENING_ANSWERS,
    OPENING_S,
    PLENTY_BPS,
    PROVEN_BYTES,
    SLOW_AFTER_S,
    WORTHWHILE_BYTES,
    Growth,
    Pace,
    laggards,
    share_to_keep,
)
from argosy.core.types import TransferOptions
from argosy.core.types.options import MOST_CONNECTIONS, USUAL_CONNECTIONS

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
    growth = Growth(6, 6)
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
        (2, PLENTY_BPS, 1 << 40),  # nobody holds us back
    ],
)
def test_more_are_not_opened_in_vain(established: int, bps: float, missing: int | None) -> None:
    growth = Growth(8, 8, allowed=2)
    growth.consider(established=established, bps=bps, missing=missing)
    assert growth.allowed == 2


# -- beyond the usual number ---------------------------------------------------------------------------


def test_a_number_that_somebody_names_holds_for_all_connections() -> None:
    ours, named = TransferOptions(), TransferOptions(connections=5)
    assert (ours.first_connections, ours.most_connections) == (USUAL_CONNECTIONS, MOST_CONNECTIONS)
    assert (named.first_connections, named.most_connections) == (5, 5)
    free, limited = Limits(), Limits(connections_per_host=5)
    assert (free.first_per_host, free.most_per_host) == (USUAL_PER_HOST, MOST_PER_HOST)
    assert (limited.first_per_host, limited.most_per_host) == (5, 5)


def opened(bps: float, *, began: float = 0.0) -> Pace:
    return Pace(began, began, bps=bps, flows_since=began, opening_bps=bps)


def test_the_first_moments_are_counted_to_their_very_end_whenever_somebody_looks() -> None:
    often, seldom, late = Pace(0.0, 0.0), Pace(0.0, 0.0), Pace(0.0, 0.0)
    for now in (0.05, 0.1, 0.15, 0.2):
        often.update(now, round(now * 1_000_000))
    for now in (0.1, 0.3):
        seldom.update(now, round(now * 1_000_000))
    late.update(0.4, 400_000)
    assert [pace.opening_bps for pace in (often, seldom, late)] == pytest.approx([1_000_000] * 3)
    often.update(9, 9)
    assert often.opening_bps == pytest.approx(1_000_000)


def test_a_silent_connection_has_no_first_moments() -> None:
    speed = pace(0)
    speed.update(10, 0)
    assert speed.opening_bps is None
    assert speed.patience_s == OPENING_S


def test_who_is_far_away_is_watched_for_longer() -> None:
    speed = pace(0)
    speed.update(0.2, 0)
    speed.update(0.25, 1_000)
    speed.update(1.1, 60_000)
    assert speed.patience_s == pytest.approx(OPENING_ANSWERS * 0.2)
    assert speed.opening_bps is None
    speed.update(1.3, 80_000)
    assert speed.opening_bps == pytest.approx(70_000)


def test_connections_double_for_as_long_as_newcomers_are_as_good() -> None:
    growth, paces, seen = Growth(32, 8, allowed=8), [opened(MIB)] * 8, []
    for now in range(1, 5):
        growth.prove(paces, 1000 * MIB)
        seen.append((growth.allowed, growth.proven))
        paces += [opened(MIB, began=float(now))] * (growth.allowed - len(paces))
    assert seen == [(16, 8), (32, 16), (32, 32), (32, 32)]


def test_newcomers_that_bring_less_go_again_and_nobody_comes_after_them() -> None:
    growth, elders = Growth(32, 8, allowed=8), [opened(MIB)] * 8
    growth.prove(elders, 1000 * MIB)
    assert growth.allowed == 16
    growth.prove([*elders, *[opened(MIB * AS_GOOD * 0.9, began=1.0)] * 8], 1000 * MIB)
    assert (growth.allowed, growth.ceiling) == (8, 8)


def test_where_the_last_of_the_usual_ones_bring_less_there_are_no_more() -> None:
    growth = Growth(32, 8, allowed=8)
    growth.prove([opened(MIB / (1 + number), began=number) for number in range(8)], 1000 * MIB)
    assert (growth.allowed, growth.ceiling) == (8, 8)


def test_one_slow_connection_proves_nothing_against_the_others() -> None:
    growth = Growth(32, 8, allowed=8)
    growth.prove([opened(MIB / 50 if number == 2 else MIB, began=number) for number in range(8)], 1000 * MIB)
    assert growth.allowed == 16


@pytest.mark.parametrize(
    ("growth", "known", "bps", "missing", "allowed"),
    [
        (Growth(32, 8, allowed=4), 4, MIB, 1000 * MIB, 4),  # the usual ones are not all there yet
        (Growth(8, 8, allowed=8), 8, MIB, 1000 * MIB, 8),  # somebody has said how many
        (Growth(32, 8, allowed=8), 5, MIB, 1000 * MIB, 8),  # too few have shown what they bring
        (Growth(32, 8, allowed=8), 8, PLENTY_BPS / 8, 1 << 40, 8),  # all together bring plenty
        (Growth(32, 8, allowed=8), 8, MIB, 8 * PROVEN_BYTES, 8),  # there is not enough left
        (Growth(32, 8, allowed=8), 8, MIB, 11 * PROVEN_BYTES, 11),  # there is enough for some
        (Growth(12, 8, allowed=8), 6, MIB, 1000 * MIB, 12),
    ],
)
def test_more_are_tried_only_where_they_can_help(
    growth: Growth, known: int, bps: float, missing: int, allowed: int
) -> None:
    growth.prove([*[opened(bps)] * known, *[pace(0)] * (growth.allowed - known)], missing)
    assert growth.allowed == allowed


@given(line=st.floats(1, 1000), each=st.floats(0.1, 1000), gathering_s=st.sampled_from([0.0, 0.05, 0.3]))
def test_a_line_that_is_full_never_has_more_than_one_trial(line: float, each: float, gathering_s: float) -> None:
    """MB/s of the line, and of one connection at most: it reaches that after ``gathering_s``."""
    growth, paces, totals, now, most = Growth(32, 8), [Pace(0.0, 0.0)], [0.0], 0.0, 1
    for _ in range(200):
        now += 0.025
        wishes = [each * min(1.0, (now - pace.began) / gathering_s) if gathering_s else each for pace in paces]
        share = min(1.0, line / sum(wishes))
        totals = [total + 25_000 * wish * share for total, wish in zip(totals, wishes, strict=True)]
        growth.consider(established=len(paces), bps=0, missing=1 << 40)
        growth.prove(paces, 1 << 40)
        paces, totals = paces[: growth.allowed], totals[: growth.allowed]
        for pace_, total in zip(paces, totals, strict=True):
            pace_.update(now, int(total))
        more = growth.allowed - len(paces)
        paces, totals = paces + [Pace(now, now) for _ in range(more)], totals + [0.0] * more
        most = max(most, growth.allowed)
    if line < 8 * each * AS_GOOD:
        assert most <= 16
        assert growth.allowed == 8
    if line >= 32 * each and 32 * each * 1e6 < PLENTY_BPS:
        assert growth.allowed == 32


@pytest.mark.parametrize(("alive", "left"), [(3, 3), (0, 1)])
def test_a_refusal_is_final(alive: int, left: int) -> None:
    growth = Growth(8, 8, allowed=4)
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
