"""Retries: bounded, spread out, and as polite as the server asks within reason."""

from __future__ import annotations

import math
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.retry import (
    LONGEST_RETRY_AFTER_S,
    RETRY_AFTER_CAP_S,
    RETRY_AFTER_JITTER,
    GiveUp,
    RetryAt,
    RetryPolicy,
    delay,
    most_retries,
    next_step,
    parse_retry_after,
)
from argosy.core.types import Task, TaskSpec
from argosy.errors import Failure, UsageError

POLICY = RetryPolicy()
CUT = Failure("incomplete", "the connection was cut", retryable=True)
GONE = Failure("refused", "404 Not Found")
NOW = 1_790_000_000.0  # September 2026

REFUSED = Failure("connection_refused", "nobody listens there", retryable=True)
NAMELESS = Failure("unknown_host", "there is no host called exmaple.org", retryable=True)

uniforms = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(("attempt", "ceiling"), [(0, 2), (1, 4), (2, 8), (3, 16), (4, 32), (5, 60), (6, 60)])
def test_the_ceiling_doubles_from_two_seconds_to_a_minute(attempt: int, ceiling: float) -> None:
    assert delay(POLICY, attempt, None, 0.0) == 0.0
    assert delay(POLICY, attempt, None, 0.5) == ceiling / 2
    assert ceiling * 0.99 < delay(POLICY, attempt, None, math.nextafter(1, 0)) <= ceiling


@given(st.integers(0, 10**400), uniforms)
def test_no_number_of_attempts_overflows_or_exceeds_the_cap(attempt: int, uniform: float) -> None:
    assert 0 <= delay(POLICY, attempt, None, uniform) <= POLICY.cap_s


@pytest.mark.parametrize("unusable", [0.0, -1.0, -math.inf, math.nan])
def test_a_useless_retry_after_means_normal_backoff(unusable: float) -> None:
    assert delay(POLICY, 1, unusable, 0.5) == delay(POLICY, 1, None, 0.5)


@given(st.floats(min_value=0, exclude_min=True), st.integers(0, 100), uniforms)
def test_retry_after_wins_with_a_little_jitter_above_it_and_never_for_days(
    asked: float, attempt: int, uniform: float
) -> None:
    wait = delay(POLICY, attempt, asked, uniform)
    granted = min(asked, RETRY_AFTER_CAP_S)
    assert granted <= wait <= granted * (1 + RETRY_AFTER_JITTER)


def test_tasks_told_the_same_time_come_back_at_different_ones() -> None:
    assert len({delay(POLICY, 0, 60, n / 100) for n in range(100)}) == 100
    assert len({delay(POLICY, 0, 1e9, n / 100) for n in range(100)}) == 100


def test_what_cannot_be_retried_is_given_up_at_once() -> None:
    assert next_step(POLICY, GONE, 0, True, 0.5) == GiveUp("trying again cannot help: 404 Not Found")


def test_without_progress_the_budget_ends() -> None:
    attempt, delays = 0, []
    while isinstance(step := next_step(POLICY, CUT, attempt, False, 0.5), RetryAt):
        delays.append(step.delay_s)
        attempt = step.attempt
    assert delays == [1, 2, 4, 8, 16]
    assert step == GiveUp("gave up after 5 retries: the connection was cut")
    assert next_step(RetryPolicy(max_retries=1), CUT, 1, False, 0).reason.startswith("gave up after 1 retry:")  # type: ignore[union-attr]


@given(st.integers(0, 10_000), uniforms)
def test_progress_gives_the_whole_budget_back(attempt: int, uniform: float) -> None:
    assert next_step(POLICY, CUT, attempt, True, uniform) == RetryAt(delay(POLICY, 0, None, uniform), 1)


def test_no_retries_means_none_even_after_progress() -> None:
    assert isinstance(next_step(RetryPolicy(max_retries=0), CUT, 0, True, 0.5), GiveUp)


def test_the_servers_wish_reaches_the_decision() -> None:
    busy = Failure("busy", "503", retryable=True, retry_after_s=120)
    assert next_step(POLICY, busy, 2, False, 0.0) == RetryAt(120, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_retries": -1},
        {"factor": 0.5},
        {"initial_s": 0},
        {"initial_s": 61},
        {"cap_s": math.inf},
        {"factor": math.nan},
        {"initial_s": math.nan},
    ],
)
def test_a_policy_that_makes_no_sense_cannot_be_made(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="no such retry policy"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("9999999999", LONGEST_RETRY_AFTER_S),
        ("9" * 5_000, LONGEST_RETRY_AFTER_S),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW - 30, usegmt=True), 0.0),
        ("Thu, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER_S),
        ("Tuesday, 22-Sep-26 04:00:00 GMT", 1790049600 - NOW),
        ("Tue Sep 22 04:00:00 2026", 1790049600 - NOW),
    ],
)
def test_retry_after_is_read_in_seconds_and_in_all_date_formats(text: str, seconds: float) -> None:
    assert parse_retry_after(text, NOW) == seconds


@pytest.mark.parametrize("text", ["", "-5", "+5", "soon", "1e9", "inf", "nan", "٣", "5 s", "Fri, 32 Dec 2027"])
def test_retry_after_that_says_nothing_is_none(text: str) -> None:
    assert parse_retry_after(text, NOW) is None


@given(st.text(max_size=60))
def test_no_retry_after_raises_and_every_answer_can_be_slept(text: str) -> None:
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER_S


@given(st.integers(0, 9), uniforms)
def test_a_name_that_does_not_exist_is_tried_twice_more_within_seconds(most: int, uniform: float) -> None:
    policy, steps, attempt = RetryPolicy(max_retries=most), [], 0
    while isinstance(step := next_step(policy, NAMELESS, attempt, False, uniform), RetryAt):
        steps.append(step.delay_s)
        attempt = step.attempt
    assert len(steps) == min(2, most)
    assert sum(steps) <= 3.0


@given(st.integers(0, 60), uniforms)
def test_a_port_where_nobody_listens_is_tried_within_a_second_each_time_by_who_waits(most: int, uniform: float) -> None:
    """As often as was asked, for who types ``--retries 60`` waits for a server that is about to start."""
    policy, steps, attempt = RetryPolicy(max_retries=most), [], 0
    while isinstance(step := next_step(policy, REFUSED, attempt, False, uniform, first_contact=True), RetryAt):
        steps.append(step.delay_s)
        attempt = step.attempt
    assert len(steps) == most
    assert all(step < 1.0 for step in steps)


def test_who_has_had_something_from_there_already_is_patient_with_it() -> None:
    assert next_step(POLICY, REFUSED, 3, False, 0.5) == next_step(POLICY, CUT, 3, False, 0.5) == RetryAt(8.0, 4)


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, False),
        ({"session": "s"}, True),
        ({"session": "s", "received": 1}, False),
        ({"session": "s", "files_done": 1}, False),
    ],
)
def test_it_is_the_first_contact_as_long_as_somebody_waits_and_nothing_has_come(
    changes: dict[str, Any], first: bool
) -> None:
    task = Task("a" * 32, TaskSpec("http://h/a", "/"), 0.0, 0.0, **changes)
    assert task.first_contact is first


@pytest.mark.parametrize(("error", "most"), [(None, 5), (CUT, 5), (REFUSED, 5), (NAMELESS, 2)])
def test_the_retries_that_are_told_are_those_that_are_granted(error: Failure | None, most: int) -> None:
    assert most_retries(Task("a" * 32, TaskSpec("http://h/a", "/"), 0.0, 0.0, error=error)) == most
