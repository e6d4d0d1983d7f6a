"""Files of no bytes, of one, of a few more than fit somewhere, and of more than four gibibytes (faults 48, 49)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argosy.core.ranges import MIN_BLOCK
from argosy.core.types import FileState
from argosy.destinations.port import Facts
from argosy.testing.faults import Chunked, IgnoreRanges, NoValidators, RefuseRanges, Stall, UnknownTotal, first
from argosy.testing.server import Body, Fault, FaultyServer

from .harness import PATH, TASK, Bench, asked

MIB, GIB = 1 << 20, 1 << 30
OVERLAP = 1024


@pytest.mark.parametrize("faults", [[], [IgnoreRanges()], [Chunked(), IgnoreRanges()], [NoValidators()]], ids=repr)
@pytest.mark.parametrize("announced", [None, 0])
@pytest.mark.parametrize("connections", [1, 4])
async def test_an_empty_file_is_one_empty_file(
    connections: int, announced: int | None, faults: list[Fault], server: FaultyServer, bench: Bench
) -> None:  # row 48
    url = server.add("/empty.txt", b"", faults=faults)
    attempt = await bench.fetch(url, size=announced, connections=connections)
    assert await bench.publish(attempt) == b""
    assert [path.name for path in bench.root.iterdir()] == ["empty.txt"]
    assert attempt.warnings == []


async def test_an_empty_file_that_was_announced_needs_one_request(server: FaultyServer, bench: Bench) -> None:
    await bench.publish(await bench.fetch(server.add(PATH, b""), size=0))
    assert asked(server) == [(None, None)]


async def test_an_empty_file_that_is_refused_by_range_keeps_the_name_of_the_whole_answer(
    server: FaultyServer, bench: Bench
) -> None:
    url = server.add("/x", b"", headers={"Content-Disposition": 'attachment; filename="told.txt"'})
    attempt = await bench.fetch(url)
    assert [record.status for record in server.requests] == [416, 200]
    assert attempt.state is not None
    assert attempt.state.path == "told.txt"


SIZES = [1, 2, 1023, 1024, 1025, MIN_BLOCK - 1, MIN_BLOCK, MIN_BLOCK + 1, 4 * MIN_BLOCK]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("faults", [[], [IgnoreRanges()], [Chunked()], [UnknownTotal()], [RefuseRanges()]], ids=repr)
async def test_a_small_file_comes_whole(size: int, faults: list[Fault], server: FaultyServer, bench: Bench) -> None:
    body = Body.generated(size, seed=size)
    attempt = await bench.fetch(server.add(PATH, body, faults=faults), connections=8)
    assert await bench.publish(attempt) == body.read()
    assert attempt.warnings == []


@pytest.mark.parametrize("size", SIZES[1:])
async def test_a_small_file_is_resumed_at_its_last_byte(size: int, server: FaultyServer, bench: Bench) -> None:
    body = Body.generated(size, seed=size)
    begun = await bench.begin(server, body, size - 1)
    attempt = await bench.resume(begun, connections=8)
    assert await bench.publish(attempt) == body.read()
    assert server.requests[1].bytes_sent == 1 + min(OVERLAP, size - 1)


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("blocks", [9, 12, 16])
async def test_pieces_meet_at_their_edges(blocks: int, extra: int, server: FaultyServer, bench: Bench) -> None:
    body = Body.generated(blocks * MIN_BLOCK + extra, seed=blocks)
    hesitation = Stall(200_000, seconds=0.12, when=first(1))
    attempt = await bench.fetch(server.add(PATH, body, faults=[hesitation]), connections=8)
    assert await bench.publish(attempt) == body.read()
    assert len(server.requests) > 1
    assert attempt.warnings == []


@pytest.mark.parametrize("size", [2**31 + 1, 2**32 - 1, 2**32, 2**32 + 12_345, 5 * GIB])
async def test_offsets_beyond_four_gibibytes_are_right(size: int, server: FaultyServer, bench: Bench) -> None:  # row 49
    body = Body.generated(size, seed=1)
    held = size - 3 * MIN_BLOCK - 777
    url = server.add(PATH, body)
    state = sparse(bench, url, body, held)
    attempt = await bench.attempt(state, connections=4)
    assert attempt.state is not None, attempt.error
    assert asked(server)[0] == (f"bytes={held - OVERLAP}-", f'"{body.fingerprint}"')
    assert attempt.state.part is not None
    with (bench.root / attempt.state.part).open("rb") as part:
        part.seek(held - OVERLAP)
        assert part.read() == body.read(held - OVERLAP)
    assert attempt.state.size == size


def sparse(bench: Bench, url: str, body: Body, held: int) -> FileState:
    """A file of which all but its end is here; of that only the last bytes are really on the disk."""
    state = FileState(TASK, 0, (url,), path="file.bin", size=body.size, etag=f'"{body.fingerprint}"')
    bench.root.mkdir(exist_ok=True)
    desk = bench.desk()
    part, placed = desk.place(state, Facts(url, body.size))
    part.write(held - OVERLAP, [body.read(held - OVERLAP, held)])
    desk.close()
    return replace(placed, extents=((0, held),), received=held)


async def test_a_size_beyond_the_disk_is_told_before_anything_is_written(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(server.add(PATH, Body.generated(2**62), faults=[]))
    assert attempt.code == "disk_full"
    assert attempt.received == 0
