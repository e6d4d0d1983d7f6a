"""Without faults the server does what RFC 9110 asks."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO

import pycurl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.testing.server import LONG_AGO, Body, FaultyServer, Span, digest, http_date, repr_digest
from argosy.testing.server.message import UNSATISFIABLE, asked_span

from .wire import ask, connected, read_answer, send

DATE = http_date(LONG_AGO)


def test_a_file_comes_whole_with_its_length_validators_and_type(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, etag="v1", content_type="image/png")
    reply = ask(server, "/f")
    assert (reply.status, reply.body) == (200, body.read())
    assert (reply["Content-Length"], reply["Content-Type"], reply["ETag"]) == ("10000", "image/png", '"v1"')
    assert (reply["Accept-Ranges"], reply["Last-Modified"]) == ("bytes", "Fri, 02 Jan 2026 03:04:05 GMT")
    age = datetime.now(UTC) - parsedate_to_datetime(reply["Date"] or "")
    assert abs(age.total_seconds()) < 60


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-", 0, 10_000),
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=9999-", 9999, 10_000),
        ("bytes=9000-99999999999", 9000, 10_000),
        ("bytes=-1", 9999, 10_000),
        ("bytes=-20000", 0, 10_000),
        ("BYTES=5-6", 5, 7),
    ],
)
def test_a_range_comes_as_206_with_a_true_content_range(
    server: FaultyServer, body: Body, asked: str, start: int, end: int
) -> None:
    server.add("/f", body)
    reply = ask(server, "/f", f"Range: {asked}")
    assert (reply.status, reply["Content-Range"]) == (206, f"bytes {start}-{end - 1}/10000")
    assert (reply["Content-Length"], reply.body) == (str(end - start), body.read(start, end))


@pytest.mark.parametrize("asked", ["bytes=10000-", "bytes=10000-10005", "bytes=-0"])
def test_a_range_beyond_the_end_is_416_with_the_size(server: FaultyServer, body: Body, asked: str) -> None:
    server.add("/f", body)
    reply = ask(server, "/f", f"Range: {asked}")
    assert (reply.status, reply["Content-Range"]) == (416, "bytes */10000")


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=-", "bytes=5-2", "octets=0-1", "bytes=a-b", "bytes"])
def test_several_ranges_and_malformed_ones_get_the_whole(server: FaultyServer, body: Body, asked: str) -> None:
    server.add("/f", body)
    assert ask(server, "/f", f"Range: {asked}").status == 200


@given(size=st.integers(1, 50), first=st.integers(0, 60), length=st.integers(1, 60))
def test_a_span_is_never_empty_and_never_beyond_the_end(size: int, first: int, length: int) -> None:
    span = asked_span(f"bytes={first}-{first + length - 1}", size)
    if first >= size:
        assert span is UNSATISFIABLE
    else:
        assert span == Span(first, min(size, first + length))


@pytest.mark.parametrize(
    ("etag", "condition", "status"),
    [
        ("v1", '"v1"', 206),
        ("v1", '"v2"', 200),
        ("v1", 'W/"v1"', 200),
        ('W/"v1"', 'W/"v1"', 200),
        (None, '"v1"', 200),
        ("v1", DATE, 206),
        ("v1", "Fri, 02 Jan 2026 03:04:06 GMT", 200),
        ("v1", "Fri, 02 Jan 2026 03:04:04 GMT", 200),
        ("v1", "v1", 200),
    ],
)
def test_if_range_is_compared_strongly_and_exactly(
    server: FaultyServer, body: Body, etag: str | None, condition: str, status: int
) -> None:
    server.add("/f", body, etag=etag)
    assert ask(server, "/f", "Range: bytes=5-9", f"If-Range: {condition}").status == status


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('If-None-Match: "v1"', 304),
        ('If-None-Match: W/"v1"', 304),
        ('If-None-Match: "v0", "v1"', 304),
        ("If-None-Match: *", 304),
        ('If-None-Match: "v2"', 200),
        (f"If-Modified-Since: {DATE}", 304),
        ("If-Modified-Since: Fri, 02 Jan 2026 03:04:04 GMT", 200),
        ("If-Modified-Since: some day", 200),
        ('If-Match: "v1"', 200),
        ('If-Match: W/"v1"', 412),
        ('If-Match: "v2"', 412),
        ("If-Match: *", 200),
        (f"If-Unmodified-Since: {DATE}", 200),
        ("If-Unmodified-Since: Fri, 02 Jan 2026 03:04:04 GMT", 412),
    ],
)
def test_preconditions_decide(server: FaultyServer, body: Body, condition: str, status: int) -> None:
    server.add("/f", body, etag="v1")
    reply = ask(server, "/f", condition)
    assert reply.status == status
    if status == 304:
        assert (reply.body, reply["ETag"], reply["Content-Length"]) == (b"", '"v1"', None)


def test_if_none_match_wins_over_if_modified_since(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, etag="v1")
    assert ask(server, "/f", 'If-None-Match: "v2"', f"If-Modified-Since: {DATE}").status == 200


def test_head_is_get_without_the_body_and_without_ranges(server: FaultyServer, body: Body) -> None:
    server.add("/f", body)
    reply = ask(server, "/f", "Range: bytes=5-9", method="HEAD")
    assert (reply.status, reply["Content-Length"], reply.body) == (200, "10000", b"")


def test_other_methods_are_405_and_unknown_paths_404(server: FaultyServer, body: Body) -> None:
    server.add("/f", body)
    refused = ask(server, "/f", "Content-Length: 0", method="POST")
    assert (refused.status, refused["Allow"]) == (405, "GET, HEAD")
    assert ask(server, "/nothing").status == 404


def test_garbage_instead_of_a_request_is_400(server: FaultyServer) -> None:
    with connected(server) as sock:
        sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert read_answer(sock).status == 400


def test_a_connection_serves_one_request_after_the_other_and_pipelined_ones(server: FaultyServer, body: Body) -> None:
    server.add("/f", body)
    with connected(server) as sock:
        send(sock, "/f")
        assert read_answer(sock).body == body.read()
        send(sock, "/f", "Range: bytes=1-2", "Content-Length: 3")
        sock.sendall(b"abc")
        send(sock, "/f", "Range: bytes=3-4")
        assert read_answer(sock).body == body.read(1, 3)
        assert read_answer(sock).body == body.read(3, 5)
    assert server.connections == 1
    assert [record.connection for record in server.requests] == [1, 1, 1]


def test_an_http_1_0_client_gets_its_connection_closed(server: FaultyServer) -> None:
    server.add("/f", b"abc")
    with connected(server) as sock:
        sock.sendall(b"GET /f HTTP/1.0\r\n\r\n")
        assert read_answer(sock)["Connection"] == "close"
        assert sock.recv(1) == b""


def test_an_empty_file_is_an_empty_200(server: FaultyServer) -> None:
    server.add("/f", b"")
    reply = ask(server, "/f")
    assert (reply.status, reply["Content-Length"], reply.body) == (200, "0", b"")
    assert ask(server, "/f", "Range: bytes=0-")["Content-Range"] == "bytes */0"


def test_headers_of_a_file_come_along_and_digests_are_right(server: FaultyServer) -> None:
    told = {
        "Content-Disposition": 'attachment; filename="a.bin"',
        "Digest": digest(b"hello"),
        "Repr-Digest": repr_digest(b"hello"),
        "Link": '</mirror>; rel="duplicate"',
    }
    server.add("/f", b"hello", headers=told)
    reply = ask(server, "/f", "Range: bytes=0-1")
    assert {name: reply[name] for name in told} == told
    assert reply["Digest"] == "sha-256=LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
    assert reply["Repr-Digest"] == "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"


def test_paths_with_spaces_and_unicode_have_quoted_urls_and_queries_do_not_matter(server: FaultyServer) -> None:
    url = server.add("/ein käse?.bin", b"abc")
    assert url.endswith("/ein%20k%C3%A4se%3F.bin")
    path = url.removeprefix(server.origin)
    assert ask(server, path + "?signature=x").body == b"abc"
    assert server.requests[0].path == "/ein käse?.bin"
    assert server.requests[0].request.query == "signature=x"


def test_a_request_for_a_whole_url_is_answered_as_a_proxy_would(server: FaultyServer) -> None:
    server.add("/f", b"abc")
    assert ask(server, "http://example.invalid/f").body == b"abc"


def test_http_client_and_libcurl_are_served(server: FaultyServer, body: Body) -> None:
    url = server.add("/f", body)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/f", headers={"Range": "bytes=10-19"})
    assert connection.getresponse().read() == body.read(10, 20)
    connection.close()
    received = BytesIO()
    curl = pycurl.Curl()
    curl.setopt(curl.URL, url)
    curl.setopt(curl.WRITEDATA, received)
    curl.perform()
    curl.close()
    assert received.getvalue() == body.read()


def test_ranges_beyond_four_gibibytes_are_right(server: FaultyServer) -> None:
    huge = Body.generated(6 << 30, seed=5)
    server.add("/f", huge)
    start = (5 << 30) + 3
    reply = ask(server, "/f", f"Range: bytes={start}-{start + 999}")
    assert reply["Content-Range"] == f"bytes {start}-{start + 999}/{6 << 30}"
    assert reply.body == huge.read(start, start + 1000)


def test_a_replaced_file_is_another_version_for_the_next_request(server: FaultyServer) -> None:
    server.add("/f", b"old", content_type="text/x")
    old = ask(server, "/f")
    server.replace("/f", b"newer")
    new = ask(server, "/f", "Range: bytes=1-", f"If-Range: {old['ETag']}")
    assert (new.status, new.body, new["Content-Type"]) == (200, b"newer", "text/x")
    assert new["ETag"] != old["ETag"]
    server.replace("/f", b"third", "v3")
    assert ask(server, "/f")["ETag"] == '"v3"'
    server.remove("/f")
    assert ask(server, "/f").status == 404


def test_a_file_without_validators_has_none(server: FaultyServer) -> None:
    server.add("/f", b"abc", etag=None, last_modified=None)
    reply = ask(server, "/f")
    assert (reply["ETag"], reply["Last-Modified"]) == (None, None)
