from __future__ import annotations

import email
import email.message
import email.policy

import pytest

from argosy.testing.faults import (
    ContentRange,
    EndEarlier,
    EndLater,
    FlippedByte,
    IgnoreRanges,
    Multipart,
    NoContentRange,
    RefuseRanges,
    ShiftedBytes,
    StartEarlier,
    StartLater,
    UnknownTotal,
    WholeAsPartial,
)
from argosy.testing.server import Body, Fault, FaultyServer, Span

from .wire import Reply, ask

ASKED = "Range: bytes=5000-5999"


def asked_with(server: FaultyServer, body: Body, fault: Fault) -> Reply:
    server.add("/f", body, faults=[fault])
    return ask(server, "/f", ASKED)


@pytest.mark.parametrize(("advertise", "told"), [(True, "bytes"), (False, None)])
def test_ranges_are_ignored(server: FaultyServer, body: Body, advertise: bool, told: str | None) -> None:
    reply = asked_with(server, body, IgnoreRanges(advertise=advertise))
    assert (reply.status, reply.body, reply["Accept-Ranges"]) == (200, body.read(), told)
    assert reply["Content-Range"] is None


@pytest.mark.parametrize(
    ("fault", "first", "end"),
    [
        (WholeAsPartial(), 0, 10_000),
        (StartEarlier(4096), 4096, 6000),
        (StartLater(10), 5010, 6000),
        (StartLater(10_000), 5999, 6000),
        (EndEarlier(300), 5000, 5300),
        (EndEarlier(9999), 5000, 6000),
        (EndLater(500), 5000, 6500),
        (EndLater(99_999), 5000, 10_000),
    ],
)
def test_another_range_comes_and_is_described_honestly(
    server: FaultyServer, body: Body, fault: Fault, first: int, end: int
) -> None:
    reply = asked_with(server, body, fault)
    assert (reply.status, reply["Content-Range"]) == (206, f"bytes {first}-{end - 1}/10000")
    assert (reply["Content-Length"], reply.body) == (str(end - first), body.read(first, end))
    assert server.requests[0].answered_span == Span(first, end)


@pytest.mark.parametrize(
    "fault",
    [
        WholeAsPartial(),
        StartEarlier(),
        StartLater(),
        EndEarlier(1),
        EndLater(1),
        NoContentRange(),
        ContentRange("x"),
        UnknownTotal(),
        Multipart(),
        ShiftedBytes(),
        RefuseRanges(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_without_a_range_the_file_comes_right(server: FaultyServer, body: Body, fault: Fault) -> None:
    server.add("/f", body, faults=[fault])
    reply = ask(server, "/f")
    assert (reply.status, reply.body, reply["Content-Length"]) == (200, body.read(), "10000")


def test_content_range_is_missing_from_the_right_bytes_or_from_the_whole(server: FaultyServer, body: Body) -> None:
    part = asked_with(server, body, NoContentRange())
    assert (part.status, part["Content-Range"], part.body) == (206, None, body.read(5000, 6000))
    whole = asked_with(server, body, NoContentRange(whole=True))
    assert (whole.status, whole["Content-Range"], whole.body) == (206, None, body.read())
    assert whole["Content-Length"] == "10000"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("bytes {first}-{last}/{last}", "bytes 5000-5999/5999"),
        ("{first}-{last}/{total}", "5000-5999/10000"),
        ("octets {first}-{last}/{total}", "octets 5000-5999/10000"),
        ("bytes 9-3/10", "bytes 9-3/10"),
        ("bytes -1-5/10", "bytes -1-5/10"),
        ("bytes 0-9223372036854775808/9223372036854775809", "bytes 0-9223372036854775808/9223372036854775809"),
        ("nonsense", "nonsense"),
    ],
)
def test_content_range_is_any_text(server: FaultyServer, body: Body, text: str, sent: str) -> None:
    reply = asked_with(server, body, ContentRange(text))
    assert (reply.status, reply["Content-Range"], reply.body) == (206, sent, body.read(5000, 6000))


def test_the_total_is_unknown(server: FaultyServer, body: Body) -> None:
    assert asked_with(server, body, UnknownTotal())["Content-Range"] == "bytes 5000-5999/*"


def test_a_single_range_comes_as_multipart(server: FaultyServer, body: Body) -> None:
    reply = asked_with(server, body, Multipart("B"))
    assert (reply.status, reply["Content-Range"]) == (206, None)
    assert int(reply["Content-Length"] or 0) == len(reply.body)
    assert reply.body.startswith(b"\r\n--B\r\n")
    head = f"Content-Type: {reply['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(
        head + reply.body.replace(body.read(5000, 6000), b"PART"), policy=email.policy.HTTP
    )
    assert isinstance(message, email.message.EmailMessage)
    (part,) = message.iter_parts()
    assert part["Content-Range"] == "bytes 5000-5999/10000"
    assert part.get_content().strip() == b"PART"


def test_bytes_are_shifted_under_a_true_header(server: FaultyServer, body: Body) -> None:
    reply = asked_with(server, body, ShiftedBytes(7))
    assert (reply["Content-Range"], reply.body) == ("bytes 5000-5999/10000", body.read(5007, 6007))
    end = ask(server, "/f", "Range: bytes=9000-")
    assert end.body == body.read(9007) + body.read(0, 7)


def test_one_byte_is_rotten_in_whole_and_partial_answers(server: FaultyServer, body: Body) -> None:
    reply = asked_with(server, body, FlippedByte(5001))
    differing = [at for at, (a, b) in enumerate(zip(reply.body, body.read(5000, 6000), strict=True)) if a != b]
    assert differing == [1]
    assert ask(server, "/f").body[5001] == body.read()[5001] ^ 0xFF
    assert ask(server, "/f", "Range: bytes=0-5000").body == body.read(0, 5001)


@pytest.mark.parametrize(("total", "told"), [(None, "bytes */10000"), (300, "bytes */300"), ("*", "bytes */*")])
def test_every_range_is_refused(server: FaultyServer, body: Body, total: int | str | None, told: str) -> None:
    reply = asked_with(server, body, RefuseRanges(total))
    assert (reply.status, reply["Content-Range"]) == (416, told)
