from __future__ import annotations

import http.client

import pytest

from argosy.testing.faults import (
    BadChunkSize,
    Chunked,
    ChunkedUnfinished,
    CloseDelimited,
    ContentLength,
    ContentLengthOff,
    EmptyBody,
    ExtraBytes,
    HeaderFlood,
    InterimAnswers,
    LongHeader,
    NoHead,
    RawAnswer,
    RawHeader,
    StatusLine,
    WithHeader,
)
from argosy.testing.server import Body, FaultyServer

from .wire import ask, connected, read_answer, read_to_end, read_to_silence, send

MIB = 1 << 20


def read_by_http_client(server: FaultyServer, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (("{length}", "7"), ["10000", "7"]),
        ("6, 7", ["6, 7"]),
        ("12abc", ["12abc"]),
        ("-5", ["-5"]),
        ("+5", ["+5"]),
        ("99999999999999999999", ["99999999999999999999"]),
        (("{length}", "{length}"), ["10000", "10000"]),
        ((), []),
    ],
)
def test_content_length_is_any_text(
    server: FaultyServer, body: Body, text: str | tuple[str, ...], sent: list[str]
) -> None:
    server.add("/f", body, faults=[ContentLength(text)])
    reply = ask(server, "/f")
    assert (reply.all("Content-Length"), reply.body) == (sent, body.read())


def test_content_length_is_too_large(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[ContentLengthOff(+100)])
    reply = ask(server, "/f")
    assert (reply["Content-Length"], reply.body, reply.ended) == ("10100", body.read(), "eof")
    with pytest.raises(http.client.IncompleteRead):
        read_by_http_client(server, "/f")


def test_content_length_is_too_large_and_the_connection_stays_open(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[ContentLengthOff(+100, keep_open=True)])
    with connected(server) as sock:
        send(sock, "/f")
        reply = read_to_silence(sock, body.size)
    assert (reply.body, reply.ended) == (body.read(), "silence")


def test_content_length_is_too_small(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[ContentLengthOff(-100)])
    reply = ask(server, "/f")
    assert (reply["Content-Length"], reply.body) == ("9900", body.read())
    assert read_by_http_client(server, "/f") == body.read(0, 9900)


def test_bytes_beyond_the_content_length_lie_where_the_next_answer_should(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[ExtraBytes(b"EXTRA")])
    with connected(server) as sock:
        send(sock, "/f")
        assert read_answer(sock).body == body.read()
        assert sock.recv(5) == b"EXTRA"
        send(sock, "/f")
        assert read_answer(sock).body == body.read()


def test_the_body_comes_in_chunks_without_a_length(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Chunked(chunk_bytes=3000, trailer=b"X-Trailer: 1\r\n")])
    reply = ask(server, "/f")
    assert (reply["Transfer-Encoding"], reply["Content-Length"]) == ("chunked", None)
    assert reply.body.startswith(b"bb8\r\n" + body.read(0, 3000) + b"\r\nbb8\r\n")
    assert reply.body.endswith(b"\r\n0\r\nX-Trailer: 1\r\n\r\n")
    assert read_by_http_client(server, "/f") == body.read()


@pytest.mark.parametrize(("text", "told"), [("{length}", "10000"), ("5", "5")])
def test_chunks_and_a_content_length_come_together(server: FaultyServer, body: Body, text: str, told: str) -> None:
    server.add("/f", body, faults=[Chunked(with_length=text)])
    reply = ask(server, "/f")
    assert (reply["Transfer-Encoding"], reply["Content-Length"]) == ("chunked", told)
    assert read_by_http_client(server, "/f") == body.read()


def test_chunks_end_without_the_last_one(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[ChunkedUnfinished(chunk_bytes=4000)])
    reply = ask(server, "/f")
    assert reply.body.endswith(b"\r\n7d0\r\n" + body.read(8000) + b"\r\n")
    assert reply.ended == "eof"
    with pytest.raises(http.client.IncompleteRead) as cut:
        read_by_http_client(server, "/f")
    assert cut.value.partial == body.read()


def test_chunks_end_early(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[ChunkedUnfinished(keep_bytes=100)])
    with pytest.raises(http.client.IncompleteRead) as cut:
        read_by_http_client(server, "/f")
    assert cut.value.partial == body.read(0, 100)


@pytest.mark.parametrize("text", ["FFFFFFF4", "FFFFFFFFFFFFFFF4", "-1", "xyz", ""])
def test_a_chunk_size_is_bad(server: FaultyServer, body: Body, text: str) -> None:
    server.add("/f", body, faults=[BadChunkSize(text, chunk=2, chunk_bytes=4000)])
    reply = ask(server, "/f")
    assert reply.body.startswith(
        b"fa0\r\n" + body.read(0, 4000) + b"\r\n" + text.encode() + b"\r\n" + body.read(4000, 8000)
    )


@pytest.mark.parametrize(("keep", "length"), [(None, 10_000), (123, 123)])
def test_only_the_end_of_the_connection_ends_the_body(
    server: FaultyServer, body: Body, keep: int | None, length: int
) -> None:
    server.add("/f", body, faults=[CloseDelimited(keep)])
    with connected(server) as sock:
        send(sock, "/f")
        reply = read_to_end(sock)
    assert reply.head.startswith("HTTP/1.0 200 OK")
    assert (reply["Content-Length"], reply.body, reply.ended) == (None, body.read(0, length), "eof")


def test_the_body_is_empty_and_says_so(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[EmptyBody()])
    reply = ask(server, "/f")
    assert (reply.status, reply["Content-Length"], reply.body) == (200, "0", b"")


@pytest.mark.parametrize(("reset", "ended"), [(False, "eof"), (True, "reset")])
def test_exactly_these_bytes_are_written(server: FaultyServer, reset: bool, ended: str) -> None:
    server.add("/f", b"x", faults=[RawAnswer(b"SSH-2.0-nope\r\n", reset=reset)])
    with connected(server) as sock:
        send(sock, "/f")
        reply = read_to_end(sock)
    assert (reply.raw, reply.ended) == (b"SSH-2.0-nope\r\n", ended)


@pytest.mark.parametrize("line", [b"HTTP/1.2 200 OK", b"ICY 200 OK", b"HTTP/1.1", b"\x00\xff garbage"])
def test_the_status_line_is_anything(server: FaultyServer, line: bytes) -> None:
    server.add("/f", b"abc", faults=[StatusLine(line)])
    assert ask(server, "/f").raw.startswith(line + b"\r\nDate: ")


def test_the_body_comes_without_a_head(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[NoHead()])
    with connected(server) as sock:
        send(sock, "/f")
        assert read_to_end(sock).raw == body.read()


@pytest.mark.parametrize("line", [b"no colon here", b"X-Nul: a\x00b", b" folded", b": nameless"])
def test_a_header_line_is_anything(server: FaultyServer, line: bytes) -> None:
    server.add("/f", b"abc", faults=[RawHeader(line)])
    reply = ask(server, "/f")
    assert b"\r\n" + line + b"\r\n\r\nabc" in reply.raw


def test_a_header_is_other_than_it_should_be(server: FaultyServer) -> None:
    server.add("/f", b"abc", faults=[WithHeader("Accept-Ranges", "none"), WithHeader("Date", None)])
    reply = ask(server, "/f")
    assert (reply.all("Accept-Ranges"), reply["Date"]) == (["none"], None)


def test_headers_come_in_numbers(server: FaultyServer) -> None:
    server.add("/f", b"abc", faults=[HeaderFlood(lines=1000, line_bytes=50)])
    reply = ask(server, "/f")
    assert (len(reply.all("X-Flood")), reply.body) == (1000, b"abc")
    assert len(reply.all("X-Flood")[0]) + len("X-Flood: \r\n") == 50


def test_one_header_is_very_long(server: FaultyServer) -> None:
    server.add("/f", b"abc", faults=[LongHeader(2 * MIB)])
    reply = ask(server, "/f")
    assert (reply["X-Long"], reply.body) == ("a" * 2 * MIB, b"abc")


@pytest.mark.parametrize("fault", [HeaderFlood(), LongHeader(), InterimAnswers(None)], ids=["flood", "long", "interim"])
def test_a_head_does_not_end(server: FaultyServer, fault: HeaderFlood | LongHeader | InterimAnswers) -> None:
    server.add("/f", b"abc", faults=[fault])
    with connected(server) as sock:
        send(sock, "/f")
        assert read_to_end(sock, at_most=8 * MIB).ended == "enough"
    (record,) = server.wait_until_idle()
    assert (record.outcome, record.bytes_sent) == ("left", 0)


def test_interim_answers_come_before_the_real_one(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[InterimAnswers(3, 103, headers=b"Link: </a>\r\n")])
    raw = ask(server, "/f").raw
    interim = b"HTTP/1.1 103 Interim\r\nLink: </a>\r\n\r\n"
    assert raw.startswith(interim * 3 + b"HTTP/1.1 200 OK\r\n")
    assert raw.endswith(body.read())
