"""Bodies that are not as long as their head says, and connections that break (faults 11 to 20)."""

from __future__ import annotations

import random

import pytest

from argosy.testing.faults import (
    BadChunkSize,
    Chunked,
    ChunkedUnfinished,
    CloseDelimited,
    ContentLength,
    ContentLengthOff,
    Cut,
    ExtraBytes,
    IgnoreRanges,
    NoETag,
    NoValidators,
    RawAnswer,
    Stall,
    first,
)
from argosy.testing.server import Body, Fault, FaultyServer

from .harness import PATH, Bench, asked

KIB, MIB = 1 << 10, 1 << 20
OVERLAP = 1024
BODY = Body.generated(600_000, seed=1)
SHA256 = BODY.hexdigest()


async def test_a_body_that_is_always_too_short_is_retried_and_then_fails(
    server: FaultyServer, bench: Bench
) -> None:  # row 11
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, ContentLengthOff(1))
    attempt = await bench.resume(begun)
    assert attempt.code == "incomplete"
    assert attempt.error is not None
    assert attempt.error.retryable
    assert attempt.received == BODY.size  # kept, and not published
    assert not (bench.root / "file.bin").exists()
    assert len(server.requests) <= 6


async def test_bytes_behind_the_end_are_left_and_their_connection_is_not_used_again(
    server: FaultyServer, bench: Bench
) -> None:  # row 12
    url = server.add(PATH, BODY, faults=[ExtraBytes(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad")])
    for _ in range(2):
        assert await bench.publish(await bench.fetch(url)) == BODY.read()
    assert server.connections == 2


@pytest.mark.parametrize(
    "text",
    [("{length}", "7"), ("7", "{length}"), "6, 7", "12abc", "-5", "+5", "99999999999999999999", "0x10"],
    ids=repr,
)
@pytest.mark.parametrize("offset", [0, 200_000])
async def test_a_length_that_is_none_is_a_bad_response(
    offset: int, text: str | tuple[str, ...], server: FaultyServer, bench: Bench
) -> None:  # row 13
    begun = await bench.begin(server, BODY, offset) if offset else None
    url = server.add(PATH, BODY, faults=[ContentLength(text)])
    attempt = await bench.fetch(url) if begun is None else await bench.resume(begun)
    assert attempt.code == "bad_response"
    assert attempt.received == offset


async def test_the_same_length_twice_is_harmless(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[ContentLength(("{length}", "{length}"))]))
    assert await bench.publish(attempt) == BODY.read()


@pytest.mark.parametrize("length", ["7", "{length}", "700000"])
async def test_chunks_win_over_a_length(length: str, server: FaultyServer, bench: Bench) -> None:  # row 14
    for fault in (Chunked(with_length=length), Chunked(with_length=length), IgnoreRanges()):
        url = server.add(PATH, BODY, faults=[fault, IgnoreRanges()])
        assert await bench.publish(await bench.fetch(url)) == BODY.read()


@pytest.mark.parametrize("keep", [300_000, None])
async def test_chunks_without_their_end_are_not_the_file(
    keep: int | None, server: FaultyServer, bench: Bench
) -> None:  # row 15
    faults = [IgnoreRanges(), ChunkedUnfinished(keep_bytes=keep)]
    attempt = await bench.fetch(server.add(PATH, BODY, faults=faults))
    assert attempt.state is None
    assert attempt.code == "incomplete"
    assert attempt.warnings == ["restarted"] * 3


async def test_cut_chunks_are_gone_on_from(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[ChunkedUnfinished(keep_bytes=300_000, times=1)]))
    assert await bench.publish(attempt) == BODY.read()
    assert server.requests[1].range is not None


@pytest.mark.parametrize("text", ["FFFFFFF4", "FFFFFFFFFFFFFFF4", "1" + "0" * 40, "-1", "xyz", "", "5;\0"])
@pytest.mark.parametrize("ranges", [True, False])
async def test_a_bad_chunk_size_never_becomes_part_of_the_file(
    ranges: bool, text: str, server: FaultyServer, bench: Bench
) -> None:  # row 16
    fault = BadChunkSize(text, chunk=2)
    url = server.add(PATH, BODY, faults=[fault] if ranges else [IgnoreRanges(), fault])
    attempt = await bench.fetch(url)
    if attempt.state is None:
        server.set_faults(PATH)
        attempt = await bench.resume(attempt)
    assert await bench.publish(attempt) == BODY.read()


@pytest.mark.parametrize("told", ["size", "sha256", "nothing"])
async def test_the_end_of_a_connection_is_the_end_of_the_file_only_if_nothing_speaks_against_it(
    told: str, server: FaultyServer, bench: Bench
) -> None:  # row 17
    faults: list[Fault] = [IgnoreRanges(), CloseDelimited(keep_bytes=400_000, times=1), CloseDelimited()]
    url = server.add(PATH, BODY, faults=faults)
    attempt = await bench.fetch(url, size=BODY.size if told == "size" else None)
    if told == "size":
        assert await bench.publish(attempt) == BODY.read()
        assert attempt.warnings == ["restarted"]
    else:  # nobody can tell; that no length was known is told, and a checksum would
        assert await bench.publish(attempt) == BODY.read(0, 400_000)
        assert attempt.desk.facts is not None
        assert attempt.desk.facts.size is None


async def test_a_length_known_from_before_guards_a_body_without_one(server: FaultyServer, bench: Bench) -> None:
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, IgnoreRanges(), CloseDelimited(keep_bytes=400_000, times=1))
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("offsets", [[100, 211, 337, 400, 512], "random", "large"], ids=str)
async def test_each_cut_costs_no_more_than_the_overlap(
    offsets: list[int] | str, reset: bool, server: FaultyServer, bench: Bench
) -> None:  # row 18
    chance = random.Random(f"{offsets}{reset}")
    if offsets == "random":
        offsets = [chance.randrange(2 * OVERLAP, 100_000) for _ in range(5)]
    elif offsets == "large":
        offsets = [chance.randrange(80_000, 110_000) for _ in range(5)]
    assert isinstance(offsets, list)
    url = server.add(PATH, BODY, faults=[_nth(n, Cut(offset, reset=reset)) for n, offset in enumerate(offsets, 1)])
    attempt = await bench.fetch(url)
    rounds = 1
    while attempt.state is None:
        assert attempt.error is not None
        assert attempt.error.retryable
        attempt = await bench.resume(attempt)
        rounds += 1
        assert rounds < 8
    assert await bench.publish(attempt) == BODY.read()
    lost = 0 if not reset else len(offsets) * 64 * KIB  # what was in the sockets when the connection was reset
    assert server.bytes_sent() <= BODY.size + len(offsets) * OVERLAP + lost


def _nth(number: int, cut: Cut) -> Cut:
    return Cut(cut.after_bytes, reset=cut.reset, when=lambda request: request.number == number)


async def test_a_server_without_ranges_that_cuts_is_followed_a_bounded_number_of_times(
    server: FaultyServer, bench: Bench
) -> None:  # row 19
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[IgnoreRanges(), Cut(300_000)]))
    assert attempt.code == "incomplete"
    assert attempt.error is not None
    assert attempt.error.retryable
    assert attempt.warnings == ["restarted"] * 3
    assert all(message.endswith("300,000 bytes are fetched again") for _, message in attempt.desk.warnings)
    assert len(server.requests) == 5


async def test_a_server_without_ranges_that_cuts_once_is_started_again(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[IgnoreRanges(), Cut(300_000, times=1)]))
    assert await bench.publish(attempt) == BODY.read()
    assert asked(server) == [("bytes=0-", None), (None, None)]


async def test_a_server_that_always_cuts_but_always_brings_something_is_followed_to_the_end(
    server: FaultyServer, bench: Bench
) -> None:  # row 20
    body = Body.generated(3 * MIB, seed=2)
    attempt = await bench.fetch(server.add(PATH, body, faults=[Cut(70_000)]))
    assert await bench.publish(attempt) == body.read()
    assert len(server.requests) > 40


async def test_one_that_only_trickles_gets_a_rest_and_what_came_is_kept(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[Cut(3_000)]))
    assert attempt.error is not None
    assert attempt.error.retryable
    assert 10 <= len(server.requests) <= 30
    again = await bench.resume(attempt)
    assert again.received > attempt.received > 0


@pytest.mark.parametrize("fault", [Cut(0), Cut(OVERLAP), RawAnswer(b"", reset=True)], ids=repr)
async def test_without_any_progress_the_attempt_ends(fault: Fault, server: FaultyServer, bench: Bench) -> None:
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, fault)
    attempt = await bench.resume(begun)
    assert attempt.error is not None
    assert attempt.error.retryable
    assert attempt.received == 200_000
    assert len(server.requests) <= 4


@pytest.mark.parametrize("validators", [NoETag(), NoValidators()], ids=repr)
async def test_a_cut_is_survived_whatever_the_server_knows_of_versions(
    validators: Fault, server: FaultyServer, bench: Bench
) -> None:
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[validators, Cut(250_000, times=2)]))
    assert await bench.publish(attempt) == BODY.read()
    assert server.bytes_sent() == BODY.size + 2 * OVERLAP


async def test_cuts_on_several_connections_cost_little_each(server: FaultyServer, bench: Bench) -> None:
    body = Body.generated(4 * MIB, seed=3)
    faults: list[Fault] = [Stall(300_000, seconds=0.1, when=first(1)), Cut(400_000, times=6)]
    attempt = await bench.fetch(server.add(PATH, body, faults=faults), connections=4)
    assert await bench.publish(attempt) == body.read()
    assert attempt.warnings == []
    cut_off = 300 * KIB  # a connection that runs into the next one's piece is closed with that much under way
    assert server.bytes_sent() <= body.size + len(server.requests) * OVERLAP + cut_off
