"""Which connections are cut for being silent or slow, told by a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from argosy.core.pace import OPENING_S, Pace
from argosy.core.ranges import Piece
from argosy.engines.curl.origin import Origin
from argosy.engines.curl.watch import ASLEEP_S, DRIP_BYTES, RELIEFS, RESTARTS, Watch
from argosy.errors import ArgosyError

TIMEOUT_S = 30.0
TICK_S = 0.25


@dataclass(eq=False)
class Connection:
    """As much of a stream as the watch looks at."""

    taking: bool = True
    heard_at: float = 0.0
    received: int = 0
    resume_at: float = 0.0
    alive: bool = True
    pending_bytes: int = 0
    pace: Pace = field(default_factory=lambda: Pace(0.0, 0.0))
    piece: Piece = field(default_factory=lambda: Piece(0, 0, 10**12))
    origin: Origin = field(default_factory=lambda: Origin("http://host/file"))
    cut: list[ArgosyError | None] = field(default_factory=list)
    bps: float = 0.0

    def abort(self, error: ArgosyError | None = None) -> None:
        self.cut.append(error)
        self.alive = False

    def hear(self, now: float, size: int) -> None:
        self.heard_at = now
        self.received += size


def watched(
    *connections: Connection, upto: float, limited: bool = False, watch: Watch | None = None, since: float = 0.0
) -> Watch:
    """Look at the connections tick by tick; each hears its ``bps`` meanwhile."""
    watch = watch or Watch(TIMEOUT_S)
    ticks = int((upto - since) / TICK_S)
    for tick in range(1, ticks + 1):
        now = since + tick * TICK_S
        for connection in connections:
            if connection.bps and connection.alive:
                connection.hear(now, int(connection.bps * TICK_S))
            connection.pace.update(now, connection.received)
        alive: Any = [connection for connection in connections if connection.alive]
        watch.look(alive, now, limited=limited)
    return watch


def codes(connection: Connection) -> list[str | None]:
    return [None if error is None else error.detail_code for error in connection.cut]


@pytest.mark.parametrize("taking", [False, True])
def test_silence_beyond_the_timeout_is_a_stall_before_and_in_a_body(taking: bool) -> None:
    connection = Connection(taking=taking)

    watched(connection, upto=TIMEOUT_S)
    assert connection.cut == []

    watched(connection, upto=TIMEOUT_S + 2 * TICK_S)
    assert codes(connection) == ["stalled"]


def test_a_byte_now_and_then_does_not_make_a_connection_useful() -> None:
    connection = Connection()
    watch = Watch(TIMEOUT_S)
    for second in range(0, 70, 10):
        watched(connection, upto=second + 10, since=second, watch=watch)
        connection.hear(second + 10, 1)

    assert codes(connection) == ["stalled"]


def test_a_body_that_begins_just_before_the_timeout_gets_a_timeout_of_its_own() -> None:
    connection = Connection(taking=False)
    watch = watched(connection, upto=TIMEOUT_S - 1)
    connection.taking = True
    connection.hear(TIMEOUT_S - 1, DRIP_BYTES // 2)

    watched(connection, upto=TIMEOUT_S * 2 - 2, since=TIMEOUT_S - 1, watch=watch)

    assert connection.cut == []


def test_a_slow_but_steady_connection_is_left_alone() -> None:
    connection = Connection(bps=DRIP_BYTES)

    watched(connection, upto=10 * TIMEOUT_S)

    assert connection.cut == []


def test_what_our_own_limit_holds_back_is_not_stalled() -> None:
    connection = Connection(resume_at=100 * TIMEOUT_S)

    watched(connection, upto=3 * TIMEOUT_S, limited=True)

    assert connection.cut == []


def test_after_a_sleep_of_the_machine_nobody_is_blamed_for_the_time() -> None:
    connection = Connection(bps=1000)
    watch = watched(connection, upto=TIMEOUT_S / 2)
    connection.bps = 0
    wake = TIMEOUT_S / 2 + 600

    watched(connection, upto=wake + TIMEOUT_S, since=wake, watch=watch)
    assert connection.cut == []

    watched(connection, upto=wake + TIMEOUT_S + 1, since=wake + TIMEOUT_S, watch=watch)
    assert codes(connection) == ["stalled"]
    assert ASLEEP_S < 600


def test_one_far_slower_than_its_siblings_is_started_again_once() -> None:
    fast = [Connection(bps=1_000_000) for _ in range(3)]
    slow = Connection(bps=10_000)

    watched(*fast, slow, upto=10)

    assert slow.cut == [None]
    assert [connection.cut for connection in fast] == [[], [], []]


def test_the_last_one_at_work_is_held_against_those_that_have_ended() -> None:
    fast = [Connection(bps=1_000_000) for _ in range(3)]
    slow = Connection(bps=10_000)
    watch = watched(*fast, slow, upto=1)

    watched(slow, since=1, upto=10, watch=watch)

    assert slow.cut == [None]


def test_one_that_stays_slow_is_left_in_peace_in_the_end() -> None:
    fast = [Connection(bps=1_000_000) for _ in range(3)]
    watch = Watch(TIMEOUT_S)

    cuts = 0
    for _ in range(2 * RESTARTS):
        slow = Connection(bps=10_000)
        watched(*fast, slow, upto=4, watch=watch)
        cuts += len(slow.cut)

    assert cuts == RESTARTS


def test_a_slow_one_that_is_about_to_end_is_left_alone() -> None:
    fast = [Connection(bps=1_000_000) for _ in range(3)]
    slow = Connection(bps=10_000, piece=Piece(0, 0, 5_000))

    watched(*fast, slow, upto=4)

    assert slow.cut == []


def test_at_the_end_of_a_file_the_silent_are_let_go_and_who_is_far_away_has_longer() -> None:
    heard, silent, far = Connection(heard_at=9.9), Connection(heard_at=9.8), Connection(heard_at=9.8)
    far.pace = Pace(0.0, 0.2, flows_since=0.2)
    waiting: Any = Connection(taking=False)
    everybody: Any = [heard, silent, far, waiting]

    Watch(TIMEOUT_S).relieve(everybody, 9.9 + OPENING_S / 2)

    assert [connection.cut for connection in everybody] == [[], [None], [], []]


def test_a_server_that_stays_silent_is_not_asked_for_ever() -> None:
    watch, cuts = Watch(TIMEOUT_S), 0
    for _ in range(2 * RELIEFS):
        silent: Any = Connection()
        watch.relieve([silent], 1.0)
        cuts += len(silent.cut)
    assert cuts == RELIEFS
