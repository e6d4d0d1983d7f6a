from __future__ import annotations

import pytest

from argosy.testing.faults import (
    ChangeFile,
    ChangeWhileSending,
    FlipETag,
    IgnoreIfRange,
    ModifiedJustNow,
    NewETag,
    NoETag,
    NoValidators,
    UnquotedETag,
    WeakETag,
    after,
)
from argosy.testing.server import Body, FaultyServer

from .wire import ask

NEW = Body.generated(10_000, seed=8)


def test_the_etag_flips_with_every_request_or_every_few(server: FaultyServer, body: Body) -> None:
    server.add("/each", body, faults=[FlipETag()])
    assert len({ask(server, "/each")["ETag"] for _ in range(4)}) == 4
    server.add("/pairs", body, faults=[FlipETag(every=2)])
    tags = [ask(server, "/pairs")["ETag"] for _ in range(4)]
    assert (tags[0], tags[2]) == (tags[1], tags[3])
    assert tags[0] != tags[2]


def test_a_flipped_etag_is_the_one_if_range_is_compared_with(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[FlipETag()])
    tag = ask(server, "/f")["ETag"]
    assert ask(server, "/f", "Range: bytes=5-", f"If-Range: {tag}").status == 200


def test_the_etag_changes_after_some_requests(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, etag="v1", faults=[NewETag("v2", when=after(2))])
    assert [ask(server, "/f")["ETag"] for _ in range(4)] == ['"v1"', '"v1"', '"v2"', '"v2"']


def test_a_weak_etag_is_sent_and_never_matches_if_range(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, etag="v1", faults=[WeakETag()])
    assert ask(server, "/f")["ETag"] == 'W/"v1"'
    assert ask(server, "/f", "Range: bytes=5-", 'If-Range: W/"v1"').status == 200


def test_an_etag_comes_without_quotes(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, etag="range100", faults=[UnquotedETag()])
    assert ask(server, "/f")["ETag"] == "range100"


def test_validators_are_left_out(server: FaultyServer, body: Body) -> None:
    server.add("/tag", body, faults=[NoETag()])
    server.add("/both", body, faults=[NoValidators()])
    assert ask(server, "/tag")["ETag"] is None
    assert ask(server, "/tag")["Last-Modified"] is not None
    assert (ask(server, "/both")["ETag"], ask(server, "/both")["Last-Modified"]) == (None, None)


def test_the_file_was_modified_in_the_very_second(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[ModifiedJustNow()])
    reply = ask(server, "/f")
    assert reply["Last-Modified"] == reply["Date"]


@pytest.mark.parametrize("etag", ["v1", "v2"])
def test_if_range_is_ignored_and_the_new_version_spliced_in(server: FaultyServer, body: Body, etag: str) -> None:
    server.add("/f", body, etag="v1", faults=[IgnoreIfRange(), ChangeFile(NEW, etag, when=after(1))])
    assert ask(server, "/f")["ETag"] == '"v1"'
    reply = ask(server, "/f", "Range: bytes=5000-", 'If-Range: "v1"')
    assert (reply.status, reply["ETag"], reply.body) == (206, f'"{etag}"', NEW.read(5000))


def test_a_changed_file_of_another_size_is_told_by_an_honoured_if_range(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, etag="v1", faults=[ChangeFile(b"tiny", "v2", when=after(1))])
    ask(server, "/f")
    reply = ask(server, "/f", "Range: bytes=1-", 'If-Range: "v1"')
    assert (reply.status, reply.body) == (200, b"tiny")


def test_the_file_changes_while_it_is_sent(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, etag="v1", faults=[ChangeWhileSending(NEW, offset=4000)])
    reply = ask(server, "/f")
    assert (reply["ETag"], reply.body) == ('"v1"', body.read(0, 4000) + NEW.read(4000))
