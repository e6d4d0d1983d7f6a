"""Answers to a range that are not the range asked for (faults 1 to 10): nothing is ever spliced on trust."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from argosy.testing.faults import (
    ContentRange,
    EndEarlier,
    EndLater,
    Fault,
    IgnoreIfRange,
    IgnoreRanges,
    Multipart,
    NoContentRange,
    NoValidators,
    ShiftedBytes,
    Stall,
    StartEarlier,
    StartLater,
    Status,
    UnknownTotal,
    WholeAsPartial,
    WithHeader,
    after,
    conditional,
    first,
    with_header,
)
from argosy.testing.server import Body, FaultyServer

from .harness import PATH, Bench, asked

KIB, MIB = 1 << 10, 1 << 20
OVERLAP = 1024
BODY = Body.generated(600_000, seed=1)
LARGE = Body.generated(3 * MIB, seed=2)
TAG = f'"{BODY.fingerprint}"'
LARGE_TAG = f'"{LARGE.fingerprint}"'


async def test_a_file_comes_whole_with_one_request(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(server.add(PATH, BODY))
    assert await bench.publish(attempt) == BODY.read()
    assert asked(server) == [("bytes=0-", None)]
    assert attempt.warnings == []


async def test_a_paused_file_goes_on_where_it_stood_under_its_etag(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.resume(await bench.begin(server, BODY, 200_000))
    assert await bench.publish(attempt) == BODY.read()
    assert asked(server) == [("bytes=0-", None), (f"bytes={200_000 - OVERLAP}-", TAG)]
    assert server.bytes_sent() == BODY.size + OVERLAP
    assert attempt.warnings == []


async def test_a_whole_body_in_place_of_a_range_is_used_from_its_first_byte(
    server: FaultyServer, bench: Bench
) -> None:  # row 1
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, IgnoreRanges())
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    assert len(server.requests) == 2
    assert attempt.warnings == ["restarted"]
    assert attempt.desk.warnings[0][1].endswith("200,000 bytes are fetched again")


async def test_a_server_that_ignores_ranges_is_asked_for_one_only_once(server: FaultyServer, bench: Bench) -> None:
    url = server.add(PATH, LARGE, faults=[IgnoreRanges(), Stall(2 * MIB, times=1)])
    begun = await bench.fetch(url, stop_after=2 * MIB, connections=4)
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == LARGE.read()
    assert len(server.requests) == 2


async def test_one_connection_is_enough_for_a_server_that_ignores_further_ranges(
    server: FaultyServer, bench: Bench
) -> None:
    url = server.add(PATH, LARGE, faults=[Stall(300_000, seconds=0.1, when=first(1)), IgnoreRanges(when=after(1))])
    attempt = await bench.fetch(url, connections=4)
    assert await bench.publish(attempt) == LARGE.read()
    assert len(server.requests) == 2
    assert server.requests[0].bytes_sent == LARGE.size  # the first went on alone
    assert attempt.warnings == []


@pytest.mark.parametrize("offset", [100, 200_000])
async def test_the_whole_as_a_206_is_compared_and_skipped_up_to_where_we_stood(
    offset: int, server: FaultyServer, bench: Bench
) -> None:  # row 2
    begun = await bench.begin(server, BODY, offset)
    server.set_faults(PATH, WholeAsPartial())
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    assert len(server.requests) == 2
    assert attempt.warnings == []


async def test_far_too_early_an_answer_is_not_waited_for(server: FaultyServer, bench: Bench) -> None:
    begun = await bench.begin(server, LARGE, 2 * MIB)
    server.set_faults(PATH, WholeAsPartial())
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == LARGE.read()
    assert [record.range for record in server.requests[2:]] == [None]


@pytest.mark.parametrize("block", [4 * KIB, 64 * KIB])
async def test_what_comes_from_an_earlier_block_on_is_compared_and_skipped(
    block: int, server: FaultyServer, bench: Bench
) -> None:  # row 3
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, StartEarlier(block))
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    assert server.requests[1].bytes_sent == BODY.size - (200_000 - OVERLAP) // block * block
    assert len(server.requests) == 2


async def test_an_earlier_block_with_other_bytes_is_not_skipped(server: FaultyServer, bench: Bench) -> None:
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, StartEarlier(64 * KIB), ShiftedBytes(1, times=1))
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    assert attempt.warnings == ["source_changed"]


async def test_an_answer_that_leaves_a_hole_is_not_used(server: FaultyServer, bench: Bench) -> None:  # row 4
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, StartLater(10))
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    assert [record.range for record in server.requests[2:]] == [None]


async def test_a_shorter_answer_is_kept_and_the_rest_asked_for(server: FaultyServer, bench: Bench) -> None:  # row 5
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, EndEarlier(150_000))
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    starts = [200_000 - OVERLAP + n * (150_000 - OVERLAP) for n in range(3)]
    assert [record.range for record in server.requests[1:]] == [f"bytes={start}-" for start in starts]
    assert attempt.warnings == []


async def test_answers_too_short_to_bring_anything_end_the_attempt(server: FaultyServer, bench: Bench) -> None:
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, EndEarlier(OVERLAP))
    attempt = await bench.resume(begun)
    assert attempt.code == "incomplete"
    assert attempt.received == 200_000
    assert len(server.requests) <= 4


async def test_a_longer_answer_than_asked_for_is_taken_as_far_as_it_is_wanted(
    server: FaultyServer, bench: Bench
) -> None:
    faults = [Stall(300_000, seconds=0.1, when=first(1)), EndLater(5_000)]
    attempt = await bench.fetch(server.add(PATH, LARGE, faults=faults), connections=4)
    assert await bench.publish(attempt) == LARGE.read()
    assert len(server.requests) > 1
    assert attempt.warnings == []


@pytest.mark.parametrize(
    "fault",
    [
        NoContentRange(),  # row 6
        NoContentRange(whole=True),
        WithHeader("Content-Range", ("bytes 198976-599999/600000", "bytes 0-599999/600000")),
        Multipart(),  # row 9
        *map(
            ContentRange,
            [  # row 7
                "bytes {first}-{total}/{total}",
                "bytes {last}-{first}/{total}",
                "bytes a-b/c",
                "{first}-{last}/{total}",
                "octets {first}-{last}/{total}",
                "bytes -1-{last}/{total}",
                "bytes {first}-9223372036854775808/*",
                "bytes {first}-{last}/9223372036854775808",
                "bytes {first}-{last}",
                "bytes */{total}",
                "",
            ],
        ),
    ],
    ids=repr,
)
async def test_a_range_that_cannot_be_trusted_is_never_combined(
    fault: Fault, server: FaultyServer, bench: Bench
) -> None:
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, fault)
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    assert asked(server)[1:] == [(f"bytes={200_000 - OVERLAP}-", TAG), (None, None)]
    assert attempt.warnings == ["restarted"]


async def test_what_is_held_stays_until_a_whole_body_is_really_there(server: FaultyServer, bench: Bench) -> None:
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, NoContentRange(), Status(503, when=~with_header("Range")))
    attempt = await bench.resume(begun)
    assert attempt.code == "http_503"
    assert attempt.received == 200_000
    server.set_faults(PATH)
    assert await bench.publish(await bench.resume(attempt)) == BODY.read()
    assert server.requests[-1].bytes_sent == BODY.size - 200_000 + OVERLAP


async def test_an_unknown_total_stays_unknown_until_the_server_has_no_more(
    server: FaultyServer, bench: Bench
) -> None:  # row 8
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[UnknownTotal()]))
    assert await bench.publish(attempt) == BODY.read()
    assert asked(server) == [("bytes=0-", None), (f"bytes={BODY.size}-", TAG)]
    assert [record.status for record in server.requests] == [206, 416]


async def test_short_answers_of_an_unknown_total_are_followed_to_the_end(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[EndEarlier(250_000), UnknownTotal()]))
    assert await bench.publish(attempt) == BODY.read()
    ranges = [f"bytes={start}-" for start in (0, 250_000, 500_000, 600_000)]
    assert [record.range for record in server.requests] == ranges


async def test_a_resumed_file_of_unknown_total_finds_its_end(server: FaultyServer, bench: Bench) -> None:
    url = server.add(PATH, BODY, faults=[UnknownTotal(), Stall(200_000, times=1)])
    begun = await bench.fetch(url, stop_after=200_000)
    assert begun.kept.size is None
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()


async def test_nobody_who_will_not_say_where_the_file_ends_is_believed(server: FaultyServer, bench: Bench) -> None:
    faults = [NoValidators(), IgnoreIfRange(), EndEarlier(2000), UnknownTotal()]
    attempt = await bench.fetch(server.add(PATH, BODY, faults=faults))
    assert attempt.state is None
    assert attempt.code in ("bad_range", "incomplete")


async def test_shifted_bytes_under_a_true_looking_head_are_noticed(
    server: FaultyServer, bench: Bench
) -> None:  # row 10
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, ShiftedBytes(1))
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    assert attempt.warnings == ["source_changed"]
    assert server.requests[2].range is None  # what such a server calls a range is not asked for again


async def test_shifted_bytes_on_one_of_several_connections_are_noticed_at_the_seam(
    server: FaultyServer, bench: Bench
) -> None:
    faults = [Stall(300_000, seconds=0.1, when=first(1)), ShiftedBytes(1, when=after(1))]
    attempt = await bench.fetch(server.add(PATH, LARGE, faults=faults), connections=4)
    assert await bench.publish(attempt) == LARGE.read()
    assert attempt.warnings == ["source_changed"]


LADDER: dict[str, tuple[Callable[[], list[Fault]], list[str | None]]] = {
    "honours the tag": (list, [LARGE_TAG]),
    "honours the date alone": (
        lambda: [IgnoreRanges(when=with_header("If-Range", LARGE_TAG))], [LARGE_TAG, "Fri, 02 Jan 2026 03:04:05 GMT"],
    ),
    "honours no If-Range": (
        lambda: [IgnoreRanges(when=conditional)], [LARGE_TAG, "Fri, 02 Jan 2026 03:04:05 GMT", None],
    ),
    "honours no range any more": (
        lambda: [IgnoreRanges()], [LARGE_TAG, "Fri, 02 Jan 2026 03:04:05 GMT", None],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", LADDER)
async def test_much_is_not_thrown_away_before_the_server_was_asked_in_every_form(
    kind: str, server: FaultyServer, bench: Bench
) -> None:
    begun = await bench.begin(server, LARGE, 2 * MIB)
    faults, forms = LADDER[kind]
    server.set_faults(PATH, *faults())
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == LARGE.read()
    assert asked(server)[1:] == [(f"bytes={2 * MIB - OVERLAP}-", form) for form in forms]
    assert attempt.warnings == (["restarted"] if kind == "honours no range any more" else [])
