"""Small files are held until they are whole; what is not small, or not plain, goes on where the first request stands."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from argosy.core.ranges import MIN_BLOCK
from argosy.core.types import FileState
from argosy.testing.faults import BEFORE_HEAD, Cut, Drip, IgnoreRanges, Stall, Status, first
from argosy.testing.server import Body, Fault, FaultyServer

from .harness import PATH, TASK, Bench

SMALL = Body.generated(10_000, seed=1)
OVERLAP = 1024
LARGE = Body.of(Body.generated(4 * 1024 * 1024, seed=2).read())


async def test_a_small_file_ends_as_any_other_does(server: FaultyServer, bench: Bench) -> None:
    headers = {"Content-Type": "application/x-thing", "Content-Disposition": 'attachment; filename="told.bin"'}
    plain = await bench.fetch(server.add("/a", SMALL, headers=headers))
    watched = await bench.fetch(server.add("/b", SMALL, headers=headers, faults=[Stall(5_000, 0.5)]))
    assert plain.state is not None
    assert watched.state is not None
    assert await bench.publish(plain) == SMALL.read()
    same = replace(watched.state, urls=plain.state.urls, part=plain.state.part, part_mtime_ns=plain.state.part_mtime_ns)
    assert replace(plain.state, etag=same.etag, last_modified=same.last_modified) == same
    assert plain.desk.facts is not None
    assert plain.desk.facts.disposition == headers["Content-Disposition"]
    assert plain.desk.reports[-1] == (len(SMALL.read()), len(SMALL.read()), 0)


@pytest.mark.parametrize(
    "faults", [[Stall(0, 0.4)], [Stall(5_000, 0.4)], [Stall(BEFORE_HEAD, 0.4)], [Drip(0.02, 1_000)]], ids=repr
)
@pytest.mark.parametrize("ranges", [[], [IgnoreRanges()]], ids=repr)
async def test_an_answer_that_takes_its_time_is_not_asked_for_again(
    faults: list[Fault], ranges: list[Fault], server: FaultyServer, bench: Bench
) -> None:
    attempt = await bench.fetch(server.add(PATH, SMALL, faults=[*ranges, *faults]))
    assert await bench.publish(attempt) == SMALL.read()
    assert len(server.requests) == 1


@pytest.mark.parametrize("size", [MIN_BLOCK, MIN_BLOCK + 1, 4 * 1024 * 1024])
async def test_a_large_file_goes_on_with_the_first_answer(size: int, server: FaultyServer, bench: Bench) -> None:
    body = Body.generated(size, seed=size)
    attempt = await bench.fetch(server.add(PATH, body), connections=1)
    assert await bench.publish(attempt) == body.read()
    assert len(server.requests) == 1


async def test_what_had_come_before_the_cut_is_kept(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(server.add(PATH, SMALL, faults=[Cut(6_000, when=first(1))]))
    assert await bench.publish(attempt) == SMALL.read()
    assert [record.range for record in server.requests] == ["bytes=0-", f"bytes={6_000 - OVERLAP}-"]


async def test_an_error_is_told_without_asking_twice(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(server.add(PATH, SMALL, faults=[Status(404, body=b"no")]))
    assert attempt.code == "http_404"
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", [Stall(BEFORE_HEAD), Stall(0), Stall(5_000), Drip(0.05, 1)], ids=repr)
@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
async def test_a_worker_that_is_ended_leaves_neither_request_nor_permit(
    body: Body, fault: Fault, server: FaultyServer, bench: Bench
) -> None:
    url = server.add(PATH, body, faults=[fault])
    desk = bench.desk(stall_timeout_s=30.0)
    task = asyncio.ensure_future(bench.engine.fetch(FileState(TASK, 0, (url,)), desk.options, desk))
    while not server.requests:
        await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await asyncio.sleep(0)
    desk.close()
    assert not desk.permits
    server.wait_until(lambda: server.connections_open(PATH) == 0)
