"""When a host is left alone, for how long, and what brings it back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.breaker import (
    BACKLOG,
    FOREGROUND,
    FORGOTTEN_S,
    TOLERATED,
    Circuit,
    Pace,
    failed,
    is_alive,
    is_old,
    is_open,
    is_trouble,
    left_alone_until,
)
from argosy.errors import (
    ArgosyError,
    AuthError,
    BadResponse,
    DiskFull,
    IntegrityError,
    NetworkError,
    Offline,
    ServerBusy,
    ServerRefused,
    TlsError,
)

NOW = 1_000_000.0
PACE = Pace(5.0, 60.0)


def after(*tasks: str, now: float = NOW, circuit: Circuit | None = None) -> Circuit:
    """Return the circuit once all of these have failed at one moment."""
    circuit = circuit or Circuit()
    for task in tasks:
        circuit = failed(circuit, task, now, PACE)
    return circuit


FIVE = ("a", "b", "c", "d", "e")


def test_a_host_is_left_alone_once_five_different_tasks_have_failed() -> None:
    assert not is_open(after(*FIVE[:4]), NOW)
    opened = after(*FIVE)
    assert is_open(opened, NOW)
    assert left_alone_until(opened, NOW) == NOW + 5


def test_a_single_task_may_fail_as_often_as_it_likes() -> None:
    assert not is_open(after(*["a"] * 100), NOW)


def test_who_began_before_the_pause_and_fails_within_it_prolongs_nothing() -> None:
    opened = after(*FIVE)
    assert after("f", "g", "h", now=NOW + 4.9, circuit=opened) == opened


def test_each_failed_trial_doubles_the_pause_up_to_the_cap() -> None:
    circuit, now, pauses = after(*FIVE), NOW, []
    for _ in range(6):
        until = left_alone_until(circuit, now)
        assert until is not None
        pauses.append(until - now)
        now = until
        assert left_alone_until(circuit, now) is None
        assert is_open(circuit, now)
        circuit = after("a", now=now, circuit=circuit)
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_after_an_hour_without_a_failure_all_is_forgotten() -> None:
    opened = after(*FIVE)
    later = NOW + FORGOTTEN_S + 1
    assert (is_old(opened, NOW + FORGOTTEN_S), is_old(opened, later)) == (False, True)
    assert not is_open(opened, later)
    assert after("f", now=later, circuit=opened) == Circuit(frozenset({"f"}), 0, later)


def test_a_clock_that_was_set_back_leaves_nobody_waiting() -> None:
    assert left_alone_until(after(*FIVE), NOW - 86_400) is None


@pytest.mark.parametrize(
    ("error", "trouble", "alive"),
    [
        (ServerBusy("503", code="http_503"), True, False),
        (ServerBusy("429", code="http_429", retry_after_s=5.0), True, False),
        (NetworkError("refused", code="connect"), True, False),
        (NetworkError("no resolver", code="dns"), True, False),
        (NetworkError("no such name", code="unknown_host"), False, False),
        (BadResponse("a listing", code="listing", retryable=True), True, False),
        (Offline("no network"), False, False),
        (ServerRefused("404", code="http_404"), False, True),
        (AuthError("403", code="http_403"), False, True),
        (BadResponse("garbage"), False, False),
        (TlsError("expired"), False, False),
        (DiskFull("full"), False, False),
        (IntegrityError("differs"), False, False),
    ],
    ids=lambda value: value.detail_code if isinstance(value, ArgosyError) else "",
)
def test_only_some_failures_say_something_of_the_host(error: ArgosyError, trouble: bool, alive: bool) -> None:
    failure = error.failure()
    assert (is_trouble(failure), is_alive(failure, progressed=False)) == (trouble, alive)


def test_an_attempt_that_brought_bytes_is_a_sign_of_life_however_it_ended() -> None:
    assert is_alive(NetworkError("cut", code="reset").failure(), progressed=True)


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 100)), max_size=60),
    st.sampled_from([BACKLOG, FOREGROUND, PACE]),
)
def test_however_tasks_fail_the_pauses_are_bounded_and_never_begin_before_enough_have_failed(
    failures: list[tuple[str, float]], pace: Pace
) -> None:
    circuit, now, heard = Circuit(), NOW, set[str]()
    for task, passed in failures:
        now += passed
        before = circuit
        waiting = left_alone_until(before, now) is not None
        circuit = failed(circuit, task, now, pace)
        heard.add(task)
        assert len(circuit.failed) <= TOLERATED
        assert is_open(circuit, now) == (len(heard) >= TOLERATED)
        until = left_alone_until(circuit, now)
        assert until is None or now < until <= now + pace.cap_s
        if waiting:
            assert circuit == before
        elif before.pauses:  # a trial: never sooner than last time, and always a pause
            assert circuit.pause_s >= before.pause_s
            assert until is not None
