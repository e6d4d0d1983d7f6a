"""How bytes flow: over which connections, how fast, and how promptly they stop."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from typing import cast

import pytest

from argosy.core.lifecycle import Stop
from argosy.core.types import FileState
from argosy.destinations.port import Facts, Part
from argosy.engines.port import Cancelled
from argosy.errors import DiskFull, Fenced, UsageError
from argosy.runtime.gate import Gate
from argosy.testing.faults import (
    BEFORE_HEAD,
    ConnectionLimit,
    Cut,
    Delay,
    Drip,
    Stall,
    Status,
    Throttle,
    after,
    first,
    nth,
    on_connection,
)
from argosy.testing.server import Body, Fault, FaultyServer

from .harness import PATH, TASK, Bench, CountingGate, RecordingDesk, Unlimited, is_paused

KIB, MIB = 1 << 10, 1 << 20
BODY = Body.generated(600_000, seed=1)
LARGE = Body.of(Body.generated(4 * MIB, seed=2).read())
PROMPT_S = 0.8
hesitation = Stall(300_000, seconds=0.12, when=first(1))


# -- connections -----------------------------------------------------------------------------------------------------


async def test_a_hundred_small_files_share_one_connection(server: FaultyServer, bench: Bench) -> None:
    for n in range(100):
        attempt = await bench.fetch(server.add(f"/{n}.bin", Body.generated(n * 300, seed=n)))
        assert attempt.state is not None
    assert server.connections == 1


async def test_an_error_page_costs_no_connection(server: FaultyServer, bench: Bench) -> None:
    for n in range(5):
        url = server.add(f"/{n}.bin", BODY, faults=[Status(404, body=b"x" * 20_000)] if n % 2 else [])
        await bench.fetch(url)
    assert server.connections == 1


async def test_a_small_file_is_not_worth_a_second_connection(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(server.add(PATH, BODY), connections=8)
    assert await bench.publish(attempt) == BODY.read()
    assert server.connections == 1


async def test_a_slow_server_is_asked_over_as_many_connections_as_allowed(server: FaultyServer, bench: Bench) -> None:
    body = Body.generated(8 * MIB, seed=3)
    url = server.add(PATH, body, faults=[Throttle(4 * MIB)])
    attempt = await bench.fetch(url, connections=4)
    assert await bench.publish(attempt) == body.read()
    assert server.max_open(PATH) == 4
    assert attempt.seconds < 1.4  # one connection alone takes two seconds
    assert server.bytes_sent() < body.size + MIB


@pytest.mark.parametrize("named", [0, 8])
async def test_where_each_connection_is_held_back_more_are_opened_unless_somebody_says_how_many(
    named: int, server: FaultyServer, bench: Bench
) -> None:
    body = Body.generated(16 * MIB, seed=6)
    url = server.add(PATH, body, faults=[Throttle(MIB)])
    attempt = await bench.fetch(url, connections=named)
    assert await bench.publish(attempt) == body.read()
    opened = server.max_open(PATH)
    assert opened == 8 if named else 8 < opened <= 32


async def test_connections_beyond_the_usual_ones_are_given_up_when_somebody_waits_for_the_host(
    server: FaultyServer, bench: Bench
) -> None:
    body = Body.generated(16 * MIB, seed=6)
    url = server.add(PATH, body, faults=[Throttle(MIB)])
    gate, desk = Gate(9, 12), bench.desk(connections=0)
    desk.hosts = gate
    task = asyncio.ensure_future(bench.engine.fetch(FileState(TASK, 0, (url,)), desk.options, desk))
    host = url.split("/")[2]
    async with asyncio.timeout(20):
        while gate.used(host) < 12:
            assert not task.done()
            await asyncio.sleep(0.01)
        await gate.acquire(host)
        assert not task.done()
        gate.release(host)
        assert (await task).received == body.size
    desk.close()
    assert gate.used(host) == 0
    assert not gate.crowded(host)


async def test_one_slow_connection_loses_its_work_to_the_others(server: FaultyServer, bench: Bench) -> None:
    body = Body.generated(6 * MIB, seed=4)
    faults = [Throttle(4 * MIB, when=~on_connection(1)), Throttle(200_000, when=on_connection(1))]
    attempt = await bench.fetch(server.add(PATH, body, faults=faults), connections=4)
    assert await bench.publish(attempt) == body.read()
    assert attempt.seconds < 3  # alone the slow one takes thirty
    assert attempt.warnings == []


@pytest.mark.parametrize("reset", [False, True])
async def test_a_server_that_serves_one_at_a_time_is_left_with_one(
    reset: bool, server: FaultyServer, bench: Bench
) -> None:
    faults: list[Fault] = [ConnectionLimit(1, reset=reset), hesitation]
    attempt = await bench.fetch(server.add(PATH, LARGE, faults=faults), connections=8)
    assert await bench.publish(attempt) == LARGE.read()
    assert attempt.warnings == []
    assert server.bytes_sent() <= LARGE.size + 16 * KIB


async def test_the_first_connection_goes_on_over_pieces_nobody_else_has_begun(
    server: FaultyServer, bench: Bench
) -> None:
    faults: list[Fault] = [hesitation, Status(503, when=after(1))]
    attempt = await bench.fetch(server.add(PATH, LARGE, faults=faults), connections=4)
    assert await bench.publish(attempt) == LARGE.read()
    assert server.requests[0].bytes_sent == LARGE.size


class OneAtATime(CountingGate):
    """A gate with one permit."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()

    def try_acquire(self, host: str, *, spare: bool = False) -> bool:
        return self.free.is_set() and not self.inside[host] and super().try_acquire(host)

    async def acquire(self, host: str) -> None:
        await self.free.wait()
        await super().acquire(host)


async def with_gate(bench: Bench, url: str, gate: CountingGate) -> tuple[asyncio.Task[FileState], RecordingDesk]:
    desk = bench.desk(connections=4)
    desk.hosts = gate
    task = asyncio.ensure_future(bench.engine.fetch(FileState(TASK, 0, (url,)), desk.options, desk))
    await asyncio.sleep(0.05)
    return task, desk


async def test_no_more_connections_are_opened_than_the_host_permits(server: FaultyServer, bench: Bench) -> None:
    gate = OneAtATime()
    task, desk = await with_gate(bench, server.add(PATH, LARGE, faults=[hesitation]), gate)
    assert server.requests == []
    gate.free.set()
    state = await task
    desk.close()
    assert state.received == LARGE.size
    assert server.max_open(PATH) == 1
    assert not desk.permits


# -- stopping --------------------------------------------------------------------------------------------------------

PHASES: dict[str, tuple[list[Fault], Callable[[RecordingDesk, FaultyServer], bool]]] = {
    "before the head": ([Stall(BEFORE_HEAD)], lambda _desk, server: bool(server.requests)),
    "after the head": ([Stall(0)], lambda _desk, server: bool(server.requests)),
    "in the body": ([Stall(300_000)], lambda desk, _server: bool(desk.reports) and desk.reports[-1][0] >= 300_000),
    "while it drips": ([Drip(0.05, 1)], lambda desk, _server: bool(desk.reports) and desk.reports[-1][0] > 0),
    "in an error page": ([Status(500, body=b"x" * 1000), Stall(10)], lambda _desk, server: bool(server.requests)),
    "over several connections": (
        [hesitation, Stall(400_000)], lambda desk, server: len(server.requests) > 1 and any(report[2] > 1 for report in desk.reports),
    ),
}  # fmt: skip


@pytest.mark.parametrize("stop", list(Stop))
@pytest.mark.parametrize("phase", PHASES)
async def test_it_stops_promptly_in_every_phase(phase: str, stop: Stop, server: FaultyServer, bench: Bench) -> None:
    faults, reached = PHASES[phase]
    url = server.add(PATH, LARGE, faults=faults)
    desk = bench.desk(connections=4, stall_timeout_s=30.0)
    task = asyncio.ensure_future(bench.engine.fetch(FileState(TASK, 0, (url,)), desk.options, desk))
    deadline = time.monotonic() + 5
    while not reached(desk, server):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    began = time.monotonic()
    desk.cancel.set(stop)
    with pytest.raises(Cancelled if phase != "in an error page" else Exception):
        await task
    assert time.monotonic() - began < PROMPT_S
    desk.close()
    assert not desk.permits
    server.wait_until(lambda: server.connections_open(PATH) == 0)
    if phase in ("in the body", "over several connections"):
        assert desk.checkpoints[-1].received >= desk.reports[-1][0] > 0


async def test_it_stops_promptly_while_it_connects(bench: Bench) -> None:
    """A listener that accepts nothing and whose backlog is full answers no further SYN."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, ExitStack() as waiting:
        for _ in range(3):
            filler = waiting.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/x"
        desk = bench.desk(connect_timeout_s=10.0)
        task = asyncio.ensure_future(bench.engine.fetch(FileState(TASK, 0, (url,)), desk.options, desk))
        await asyncio.sleep(0.1)
        assert not task.done()
        desk.cancel.set(Stop.PAUSE)
        with pytest.raises(Cancelled):
            await asyncio.wait_for(task, PROMPT_S)
        assert not desk.permits


async def test_it_stops_promptly_while_it_waits_for_a_permit(server: FaultyServer, bench: Bench) -> None:
    gate = OneAtATime()
    task, desk = await with_gate(bench, server.add(PATH, BODY), gate)
    desk.cancel.set(Stop.PAUSE)
    with pytest.raises(Cancelled):
        await asyncio.wait_for(task, PROMPT_S)
    gate.free.set()
    await asyncio.sleep(0)
    assert not desk.permits
    assert server.requests == []


async def test_a_permit_that_comes_with_the_end_is_given_back(server: FaultyServer, bench: Bench) -> None:
    gate = OneAtATime()
    task, desk = await with_gate(bench, server.add(PATH, BODY), gate)
    gate.free.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.01)
    assert not desk.permits


async def test_a_token_set_before_stops_before_anything_is_asked(server: FaultyServer, bench: Bench) -> None:
    desk = bench.desk()
    desk.cancel.set(Stop.CANCEL)
    with pytest.raises(Cancelled):
        await bench.engine.fetch(FileState(TASK, 0, (server.add(PATH, BODY),)), desk.options, desk)
    assert server.requests == []


async def test_a_cancelled_coroutine_still_records_what_came(server: FaultyServer, bench: Bench) -> None:
    url = server.add(PATH, BODY, faults=[Stall(300_000)])
    desk = bench.desk()
    task = asyncio.ensure_future(bench.engine.fetch(FileState(TASK, 0, (url,)), desk.options, desk))
    while not desk.reports or desk.reports[-1][0] < 300_000:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    desk.close()
    assert desk.checkpoints[-1].received == 300_000


async def test_a_hundred_pauses_cost_no_more_than_their_overlaps(server: FaultyServer, bench: Bench) -> None:
    url = server.add(PATH, LARGE, faults=[Throttle(8 * MIB)])
    attempt = await bench.fetch(url, stop_after=1)
    rounds = 1
    while attempt.state is None:
        assert is_paused(attempt)
        attempt = await bench.resume(attempt, stop_after=attempt.received + 1)
        rounds += 1
    assert await bench.publish(attempt) == LARGE.read()
    assert rounds > 3
    assert attempt.warnings == []


# -- speed -----------------------------------------------------------------------------------------------------------


class Rate(Unlimited):
    """So many bytes per second, and no more than a tenth of a second's worth at once."""

    limited = True

    def __init__(self, bps: float) -> None:
        self._bps = bps
        self._paid_until = time.monotonic()
        self.admitted = 0

    def admit(self, size: int) -> float:
        self.admitted += size
        self._paid_until = max(self._paid_until, time.monotonic() - 0.1) + size / self._bps
        return max(0.0, self._paid_until - time.monotonic())


@pytest.mark.parametrize("connections", [1, 4])
async def test_a_limit_is_kept(connections: int, server: FaultyServer, bench: Bench) -> None:
    rate = Rate(2 * MIB)
    body = Body.generated(2 * MIB, seed=5)
    attempt = await bench.fetch(server.add(PATH, body), throttle=rate, connections=connections)
    assert await bench.publish(attempt) == body.read()
    assert 0.8 < attempt.seconds < 1.3
    assert rate.admitted == pytest.approx(body.size, rel=0.02)
    reports = [received for received, _, _ in attempt.desk.reports]
    assert max(b - a for a, b in pairwise(reports)) < 1.2 * MIB


async def test_being_held_back_by_a_limit_is_no_stall(server: FaultyServer, bench: Bench) -> None:
    rate = Rate(20_000)
    body = Body.generated(40_000, seed=5)
    attempt = await bench.fetch(server.add(PATH, body), throttle=rate, stall_timeout_s=0.3)
    assert await bench.publish(attempt) == body.read()
    assert len(server.requests) == 1
    assert attempt.seconds > 1


async def test_it_stops_promptly_while_a_limit_holds_it_back(server: FaultyServer, bench: Bench) -> None:
    desk = bench.desk(throttle=Rate(1000))
    url = server.add(PATH, BODY)
    task = asyncio.ensure_future(bench.engine.fetch(FileState(TASK, 0, (url,)), desk.options, desk))
    await asyncio.to_thread(server.wait_for_requests, 1)
    await asyncio.sleep(0.1)
    desk.cancel.set(Stop.PAUSE)
    with pytest.raises(Cancelled):
        await asyncio.wait_for(task, PROMPT_S)
    desk.close()


async def test_silence_is_a_stall_and_a_late_answer_is_none(server: FaultyServer, bench: Bench) -> None:
    late = await bench.fetch(server.add("/late", BODY, faults=[Delay(0.3)]), stall_timeout_s=0.6)
    assert await bench.publish(late) == BODY.read()
    silent = await bench.fetch(server.add("/silent", BODY, faults=[Stall(BEFORE_HEAD)]), stall_timeout_s=0.3)
    assert silent.code == "stalled"
    assert 0.3 <= silent.seconds < 1
    dripping = await bench.fetch(server.add("/drip", BODY, faults=[Drip(0.05, 1)]), stall_timeout_s=0.3)
    assert dripping.code == "stalled"


# -- the disk and our own mistakes -----------------------------------------------------------------------------------


class Failing(RecordingDesk):
    """A desk whose part fails after some bytes, or which fails itself."""

    failure: Exception = DiskFull("no space left")
    at: str = "write"

    def place(self, state: FileState, facts: Facts) -> tuple[Part, FileState]:
        if self.at == "place":
            raise self.failure
        part, placed = super().place(state, facts)
        return (cast("Part", FailingPart(part, self)) if self.at == "write" else part), placed

    async def checkpoint(self, state: FileState) -> None:
        if self.at == "checkpoint":
            raise self.failure
        await super().checkpoint(state)


class FailingPart:
    def __init__(self, part: Part, desk: Failing) -> None:
        self._part, self._desk, self._writes = part, desk, 0

    def write(self, offset: int, chunks: list[bytes]) -> None:
        self._writes += 1
        if self._writes > 1:
            raise self._desk.failure
        self._part.write(offset, chunks)

    def __getattr__(self, name: str) -> object:
        return getattr(self._part, name)


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("at", ["place", "write", "checkpoint"])
@pytest.mark.parametrize(
    "failure", [DiskFull("no space left"), Fenced("taken"), UsageError("no"), ZeroDivisionError("a mistake of ours")],
    ids=repr,
)  # fmt: skip
async def test_whatever_goes_wrong_on_our_side_ends_the_attempt_with_just_that(
    failure: Exception, at: str, connections: int, server: FaultyServer, bench: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    plain = bench.desk(connections=connections)
    desk = Failing(plain.destination, plain.options, plain.fence)
    desk.failure, desk.at = failure, at
    url = server.add(PATH, LARGE, faults=[hesitation])
    with pytest.raises(type(failure)) as raised:
        await asyncio.wait_for(bench.engine.fetch(FileState(TASK, 0, (url,)), desk.options, desk), 3)
    assert raised.value is failure
    desk.close()
    assert not desk.permits
    assert capfd.readouterr().err == ""  # libcurl's callbacks print what leaves them
    server.wait_until(lambda: server.connections_open(PATH) == 0)


async def test_after_its_end_a_fetch_does_nothing_more(server: FaultyServer, bench: Bench) -> None:
    url = server.add(PATH, LARGE, faults=[hesitation, Stall(400_000)])
    attempt = await bench.fetch(url, connections=4, stop_after=600_000)
    assert is_paused(attempt)
    seen = (len(attempt.desk.reports), len(attempt.desk.checkpoints), len(server.requests))
    server.release()
    await asyncio.sleep(0.3)
    assert (len(attempt.desk.reports), len(attempt.desk.checkpoints), len(server.requests)) == seen


async def test_two_files_of_one_engine_do_not_know_of_each_other(server: FaultyServer, bench: Bench) -> None:
    bodies = [Body.generated(500_000 + n, seed=n) for n in range(12)]
    urls = [server.add(f"/{n}.bin", body, faults=[Cut(100_000 + n * 7, times=2)]) for n, body in enumerate(bodies)]
    attempts = await asyncio.gather(*(bench.fetch(url) for url in urls))
    assert [await bench.publish(attempt) for attempt in attempts] == [body.read() for body in bodies]


async def test_checkpoints_never_claim_what_is_not_in_the_file(server: FaultyServer, bench: Bench) -> None:
    url = server.add(PATH, LARGE, faults=[hesitation, Throttle(4 * MIB), Cut(600_000, when=nth(2, 3))])
    attempt = await bench.fetch(url, connections=4)
    assert attempt.state is not None
    assert attempt.state.part is not None
    data = (bench.root / attempt.state.part).read_bytes()
    assert data == LARGE.read()
    claims = [sum(end - start for start, end in state.extents) for state in attempt.desk.checkpoints]
    assert claims == sorted(claims)
    assert len(claims) > 1
