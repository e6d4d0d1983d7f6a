"""Files that change, validators that mislead, mirrors that disagree (faults 21 to 34): one version or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from argosy.errors import AuthError, IntegrityError
from argosy.testing.faults import (
    ChangeFile,
    Cut,
    FlipETag,
    HtmlPage,
    IgnoreIfRange,
    IgnoreRanges,
    ModifiedJustNow,
    NoETag,
    NoValidators,
    RefuseRanges,
    Stall,
    Status,
    UnquotedETag,
    WeakETag,
    after,
    beginning_at,
    first,
)
from argosy.testing.server import Body, Fault, FaultyServer

from .harness import PATH, Bench, asked, holds_one_of

KIB, MIB = 1 << 10, 1 << 20
OVERLAP = 1024
BODY = Body.generated(600_000, seed=1)
OTHER = Body.generated(600_000, seed=2)
LARGE = Body.of(Body.generated(4 * MIB, seed=3).read())
LARGE_OTHER = Body.of(Body.generated(4 * MIB, seed=4).read())
TAG = f'"{BODY.fingerprint}"'
DATE = "Fri, 02 Jan 2026 03:04:05 GMT"
hesitation = Stall(300_000, seconds=0.12, when=first(1))


async def test_a_new_version_is_taken_whole_from_the_answer_that_tells_of_it(
    server: FaultyServer, bench: Bench
) -> None:  # row 21
    begun = await bench.begin(server, BODY, 200_000)
    server.replace(PATH, OTHER)
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == OTHER.read()
    assert asked(server)[1:] == [(f"bytes={200_000 - OVERLAP}-", TAG)]
    assert attempt.warnings == ["source_changed"]


async def test_a_new_version_under_a_206_is_known_by_its_etag(server: FaultyServer, bench: Bench) -> None:  # row 22
    begun = await bench.begin(server, BODY, 200_000)
    server.replace(PATH, OTHER)
    server.set_faults(PATH, IgnoreIfRange())
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == OTHER.read()
    assert asked(server)[2:] == [("bytes=0-", None)]
    assert attempt.warnings == ["source_changed"]


async def test_a_strong_date_alone_is_proof(server: FaultyServer, bench: Bench) -> None:  # row 23
    begun = await bench.begin(server, BODY, 200_000, etag=None)
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    assert asked(server)[1:] == [(f"bytes={200_000 - OVERLAP}-", DATE)]


@pytest.mark.parametrize("ignored", [True, False])
async def test_another_date_is_another_version(ignored: bool, server: FaultyServer, bench: Bench) -> None:
    begun = await bench.begin(server, BODY, 200_000, etag=None)
    server.replace(PATH, OTHER, etag=None, last_modified=datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC))
    server.set_faults(PATH, *([IgnoreIfRange()] if ignored else []))
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == OTHER.read()
    assert attempt.warnings == ["source_changed"]


@pytest.mark.parametrize("changed", [False, True])
async def test_a_date_of_just_now_proves_nothing(changed: bool, server: FaultyServer, bench: Bench) -> None:
    weak: list[Fault] = [NoETag(), ModifiedJustNow()]
    url = server.add(PATH, BODY, faults=[*weak, Stall(200_000, times=1)])
    begun = await bench.fetch(url, stop_after=200_000)
    if changed:
        server.set_faults(PATH, ChangeFile(OTHER), *weak)
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == (OTHER if changed else BODY).read()
    assert server.requests[1].if_range is None
    assert ("source_changed" in attempt.warnings) or not changed


@pytest.mark.parametrize("size", [200_001, 500_000, 700_000])
async def test_without_validators_another_length_is_another_version(
    size: int, server: FaultyServer, bench: Bench
) -> None:  # row 24
    begun = await bench.begin(server, BODY, 200_000, etag=None, last_modified=None)
    other = Body.generated(size, seed=9)
    server.replace(PATH, other, etag=None, last_modified=None)
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == other.read()
    assert attempt.warnings == ["source_changed"]


@pytest.mark.parametrize("faults", [[NoValidators()], [WeakETag()], [UnquotedETag(), ModifiedJustNow()]], ids=repr)
@pytest.mark.parametrize("changed", [False, True])
async def test_without_a_usable_validator_held_bytes_are_compared(
    changed: bool, faults: list[Fault], server: FaultyServer, bench: Bench
) -> None:  # rows 25, 26, 27
    url = server.add(PATH, BODY, faults=[*faults, Stall(200_000, times=1)])
    begun = await bench.fetch(url, stop_after=200_000, connections=4)
    if changed:
        server.set_faults(PATH, ChangeFile(OTHER), *faults)
    attempt = await bench.resume(begun, connections=4)
    assert await bench.publish(attempt) == (OTHER if changed else BODY).read()
    assert asked(server)[1] == (f"bytes={200_000 - OVERLAP}-", None)
    assert attempt.warnings == (["source_changed"] if changed else [])


async def test_a_malformed_etag_is_never_echoed(server: FaultyServer, bench: Bench) -> None:  # row 27
    url = server.add(PATH, BODY, faults=[UnquotedETag(), Stall(200_000, times=1)])
    attempt = await bench.resume(await bench.fetch(url, stop_after=200_000))
    assert await bench.publish(attempt) == BODY.read()
    assert [record.if_range for record in server.requests] == [None, DATE]


@pytest.mark.parametrize("ignored", [True, False])
async def test_a_change_under_several_connections_starts_once_again_over_one(
    ignored: bool, server: FaultyServer, bench: Bench
) -> None:  # row 28
    more: list[Fault] = [IgnoreIfRange()] if ignored else []
    url = server.add(PATH, LARGE, faults=[hesitation, ChangeFile(LARGE_OTHER, when=after(2)), *more])
    attempt = await bench.fetch(url, connections=4)
    assert await bench.publish(attempt) == LARGE_OTHER.read()
    assert attempt.warnings == ["source_changed"]


async def test_a_file_that_never_stops_changing_is_an_unstable_source(server: FaultyServer, bench: Bench) -> None:
    flicker = ChangeFile(OTHER, when=lambda request: request.number % 2 == 0)
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[flicker, IgnoreIfRange(), Cut(200_000)]))
    assert isinstance(attempt.error, IntegrityError)
    assert attempt.code == "unstable_source"
    assert attempt.warnings == ["source_changed"] * 3


async def test_nodes_that_name_the_same_bytes_differently_are_used_one_at_a_time(
    server: FaultyServer, bench: Bench
) -> None:
    attempt = await bench.fetch(server.add(PATH, LARGE, faults=[hesitation, FlipETag()]), connections=4)
    assert await bench.publish(attempt) == LARGE.read()
    assert len(server.requests) <= 3


# -- mirrors (row 29) ------------------------------------------------------------------------------------------------


async def test_mirrors_with_other_etags_are_combined_under_a_checksum(server: FaultyServer, bench: Bench) -> None:
    urls = [server.add(f"/{n}.bin", LARGE, etag=f"mirror-{n}", faults=[hesitation]) for n in range(3)]
    attempt = await bench.fetch(*urls, sha256=LARGE.hexdigest(), connections=4)
    assert await bench.publish(attempt) == LARGE.read()
    assert attempt.warnings == []
    assert all(server.requests_to(f"/{n}.bin") for n in range(2))
    own = {(record.path, record.if_range) for record in server.requests if record.if_range}
    assert own <= {(f"/{n}.bin", f'"mirror-{n}"') for n in range(3)}


async def test_a_resumed_mixture_goes_on_from_any_mirror(server: FaultyServer, bench: Bench) -> None:
    one = server.add("/1.bin", LARGE, etag="one", faults=[Stall(2 * MIB, times=1)])
    two = server.add("/2.bin", LARGE, etag="two")
    begun = await bench.fetch(one, two, sha256=LARGE.hexdigest(), stop_after=2 * MIB)
    server.set_faults("/1.bin", Status(404))
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == LARGE.read()
    assert attempt.warnings == ["mirror_failed"]
    assert server.bytes_sent("/2.bin") == 2 * MIB + OVERLAP


async def test_without_a_checksum_another_mirror_is_another_version(server: FaultyServer, bench: Bench) -> None:
    one = server.add("/1.bin", BODY, etag="one", faults=[Cut(200_000, times=1), Status(404, when=after(1))])
    two = server.add("/2.bin", BODY, etag="two")
    attempt = await bench.fetch(one, two, connections=4)
    assert await bench.publish(attempt) == BODY.read()
    assert attempt.warnings == ["mirror_failed", "source_changed"]
    assert server.bytes_sent("/2.bin") == BODY.size


async def test_a_mirror_with_another_file_is_left_alone(server: FaultyServer, bench: Bench) -> None:
    one = server.add("/1.bin", LARGE, faults=[hesitation])
    two = server.add("/2.bin", Body.generated(LARGE.size - 1, seed=9))
    attempt = await bench.fetch(one, two, sha256=LARGE.hexdigest(), connections=4)
    assert await bench.publish(attempt) == LARGE.read()
    assert attempt.warnings == ["mirror_failed"]


async def test_mirrors_of_other_bytes_never_pass_the_checksum(server: FaultyServer, bench: Bench) -> None:
    one = server.add("/1.bin", LARGE, faults=[hesitation])
    two = server.add("/2.bin", LARGE_OTHER)
    attempt = await bench.fetch(one, two, sha256=LARGE.hexdigest(), connections=4)
    if attempt.state is None:
        assert attempt.error is not None
        return
    try:
        assert await bench.publish(attempt) == LARGE.read()
    except IntegrityError:
        assert not (bench.root / "1.bin").exists()


async def test_a_dead_mirror_takes_no_connection_from_the_others(server: FaultyServer, bench: Bench) -> None:
    one = server.add("/1.bin", LARGE, faults=[hesitation])
    two = server.add("/2.bin", LARGE, faults=[Status(404)])
    attempt = await bench.fetch(one, two, sha256=LARGE.hexdigest(), connections=4)
    assert await bench.publish(attempt) == LARGE.read()
    assert len(server.requests_to("/2.bin")) == 1
    assert len(server.requests_to("/1.bin")) > 1


async def test_all_mirrors_dead_is_the_last_ones_error(server: FaultyServer, bench: Bench) -> None:
    urls = [server.add("/1.bin", BODY, faults=[Status(404)]), server.add("/2.bin", BODY, faults=[Status(403)])]
    attempt = await bench.fetch(*urls)
    assert isinstance(attempt.error, AuthError)
    assert attempt.warnings == ["mirror_failed"]


# -- nothing left, too much held, something else ---------------------------------------------------------------------


async def test_a_complete_file_of_unknown_total_is_not_fetched_again(
    server: FaultyServer, bench: Bench
) -> None:  # row 30
    begun = await bench.begin(server, BODY, 200_000)
    shrunk = Body.of(BODY.read(0, 200_000))
    server.replace(PATH, shrunk, etag=BODY.fingerprint)
    unknown = replace(begun.kept, size=None)
    attempt = await bench.attempt(unknown)
    assert await bench.publish(attempt) == shrunk.read()
    assert server.requests[1].bytes_sent == OVERLAP


@pytest.mark.parametrize("total", ["{true}", 100_000, "*", 12])
async def test_416_in_the_middle_of_the_file_is_no_end(
    total: str | int, server: FaultyServer, bench: Bench
) -> None:  # row 31
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, RefuseRanges(None if total == "{true}" else total))
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    assert server.requests[-1].range is None


async def test_more_held_than_there_is_begins_again(server: FaultyServer, bench: Bench) -> None:  # row 32
    begun = await bench.begin(server, BODY, 200_000)
    shorter = Body.generated(150_000, seed=7)
    server.replace(PATH, shorter, etag=BODY.fingerprint)
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == shorter.read()
    assert attempt.warnings == ["source_changed"]


@pytest.mark.parametrize("as_range", [False, True])
@pytest.mark.parametrize("offset", [0, 200_000, 590_000])
async def test_a_portal_page_never_replaces_what_is_held(
    offset: int, as_range: bool, server: FaultyServer, bench: Bench
) -> None:  # rows 33, 34
    begun = await bench.begin(server, BODY, offset) if offset else None
    url = server.add(PATH, BODY, faults=[HtmlPage(as_range=as_range)])
    attempt = await (bench.fetch(url) if begun is None else bench.resume(begun))
    assert attempt.code in (("html_instead",) if offset or not as_range else ("html_instead", "bad_response"))
    assert attempt.received == offset
    assert not (bench.root / "file.bin").exists()
    if begun is not None:
        server.set_faults(PATH)
        again = await bench.resume(attempt)
        assert await bench.publish(again) == BODY.read()
        assert server.requests[-1].range == f"bytes={offset - OVERLAP}-"


async def test_a_web_page_is_a_fine_file_where_one_was_asked_for(server: FaultyServer, bench: Bench) -> None:
    page = b"<!doctype html><p>hello</p>" * 10
    url = server.add("/docs/index.html", page, content_type="text/html; charset=utf-8")
    assert await bench.publish(await bench.fetch(url, size=len(page) + 1)) == page
    named = server.add("/data.bin", page, content_type="text/html")
    assert await bench.publish(await bench.fetch(named, allow_html=True)) == page


async def test_what_several_connections_left_is_of_one_version_and_gone_on_from(
    server: FaultyServer, bench: Bench
) -> None:
    stall = Stall(200_000, when=beginning_at(1, LARGE.size))
    url = server.add(PATH, LARGE, faults=[hesitation, Stall(900_000, when=first(1)), stall])
    begun = await bench.fetch(url, connections=4, stop_after=1_100_000)
    assert len(begun.kept.extents) > 1
    assert holds_one_of([LARGE.read()], bench.held(begun))
    server.set_faults(PATH)
    sent = server.bytes_sent()
    attempt = await bench.resume(begun, connections=4)
    assert await bench.publish(attempt) == LARGE.read()
    # What was under way on a connection whose piece was cut for another one has been sent for nothing.
    assert server.bytes_sent() - sent < LARGE.size


async def test_another_version_drops_the_pieces_of_all_connections(server: FaultyServer, bench: Bench) -> None:
    stall = Stall(200_000, when=beginning_at(1, LARGE.size))
    url = server.add(PATH, LARGE, faults=[hesitation, Stall(900_000, when=first(1)), stall])
    begun = await bench.fetch(url, connections=4, stop_after=1_100_000)
    server.set_faults(PATH, IgnoreIfRange())
    server.replace(PATH, LARGE_OTHER)
    attempt = await bench.resume(begun, connections=4)
    assert await bench.publish(attempt) == LARGE_OTHER.read()
    assert "source_changed" in attempt.warnings


async def test_a_server_that_lost_its_ranges_replaces_many_pieces_by_one_body(
    server: FaultyServer, bench: Bench
) -> None:
    stall = Stall(200_000, when=beginning_at(1, LARGE.size))
    url = server.add(PATH, LARGE, faults=[hesitation, Stall(900_000, when=first(1)), stall])
    begun = await bench.fetch(url, connections=4, stop_after=1_100_000)
    server.set_faults(PATH, IgnoreRanges())
    attempt = await bench.resume(begun, connections=4)
    assert await bench.publish(attempt) == LARGE.read()
    assert attempt.warnings == ["restarted"]
