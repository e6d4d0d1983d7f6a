from __future__ import annotations

import base64
import gzip
import http.client
import zlib
from datetime import UTC, datetime

import pytest

from argosy.testing.faults import (
    ClaimedEncoding,
    Gzip,
    GzipBomb,
    HtmlPage,
    LyingHead,
    OtherBody,
    Redirect,
    RedirectHops,
    RedirectLoop,
    RequireBasic,
    RequireBearer,
    RequireCookie,
    RequireHeader,
    Status,
    head,
    ranged,
)
from argosy.testing.server import Body, Fault, FaultyServer, http_date

from .wire import ask

STATUSES = [202, 205, 400, 401, 403, 404, 408, 410, 418, 425, 429, 451, 500, 502, 503, 504, 520, 599]


@pytest.mark.parametrize("code", STATUSES)
def test_any_status_is_answered_with_a_text(server: FaultyServer, body: Body, code: int) -> None:
    server.add("/f", body, faults=[Status(code)])
    reply = ask(server, "/f")
    assert (reply.status, reply["ETag"]) == (code, None)
    assert reply.body.startswith(str(code).encode())
    assert reply["Content-Length"] == str(len(reply.body))


@pytest.mark.parametrize("code", [204, 304])
def test_statuses_without_content_have_none_unless_told(server: FaultyServer, code: int) -> None:
    server.add("/f", b"abc", faults=[Status(code)])
    assert (ask(server, "/f").body, ask(server, "/f")["Content-Length"]) == (b"", None)
    server.set_faults("/f", Status(code, body=b"wrong"))
    assert (ask(server, "/f").body, ask(server, "/f")["Content-Length"]) == (b"wrong", "5")


@pytest.mark.parametrize("retry_after", [0, 1, -5, 9_999_999_999, "soon", http_date(datetime(2030, 1, 1, tzinfo=UTC))])
def test_retry_after_is_any_text_for_the_first_tries(server: FaultyServer, body: Body, retry_after: int | str) -> None:
    server.add("/f", body, faults=[Status(503, retry_after, times=2)])
    replies = [ask(server, "/f") for _ in range(3)]
    assert [reply.status for reply in replies] == [503, 503, 200]
    assert [reply["Retry-After"] for reply in replies] == [str(retry_after), str(retry_after), None]


@pytest.mark.parametrize(
    ("to", "sent"),
    [
        ("http://127.0.0.1:9/other", ["http://127.0.0.1:9/other"]),
        ("other?x=1", ["other?x=1"]),
        ("//127.0.0.1/x", ["//127.0.0.1/x"]),
        ("file:///etc/passwd", ["file:///etc/passwd"]),
        (("/a", "/b"), ["/a", "/b"]),
        (None, []),
    ],
)
def test_a_redirect_points_anywhere(server: FaultyServer, to: str | tuple[str, ...] | None, sent: list[str]) -> None:
    server.add("/f", b"abc", faults=[Redirect(to, 307)])
    reply = ask(server, "/f")
    assert (reply.status, reply.all("Location")) == (307, sent)


def test_a_redirect_leads_to_another_server(server: FaultyServer, body: Body) -> None:
    with FaultyServer() as other:
        server.add("/f", b"", faults=[Redirect(other.add("/g", body))])
        location = ask(server, "/f")["Location"] or ""
        assert location.startswith(other.origin)
        assert ask(other, location.removeprefix(other.origin)).body == body.read()


def test_redirects_go_in_a_circle(server: FaultyServer) -> None:
    server.add("/f", b"abc", faults=[RedirectLoop()])
    server.add("/g", b"abc", faults=[RedirectLoop(growing=True)])
    assert ask(server, "/f?x=1")["Location"] == "/f?x=1"
    seen: set[str] = set()
    target = "/g"
    while len(seen) < 30:
        seen.add(target)
        target = ask(server, target)["Location"] or ""
        assert target not in seen


def test_redirects_end_after_some_hops(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[RedirectHops(3, 301)])
    target, statuses = "/f", []
    while (reply := ask(server, target)).status == 301:
        statuses.append(reply.status)
        target = reply["Location"] or ""
    assert (len(statuses), reply.body) == (3, body.read())


def test_a_page_comes_instead_of_the_file(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[HtmlPage()])
    for headers in ([], ["Range: bytes=5-9"]):
        reply = ask(server, "/f", *headers)
        assert (reply.status, reply["ETag"], reply["Content-Range"]) == (200, None, None)
        assert (reply["Content-Type"] or "").startswith("text/html")
        assert reply.body.startswith(b"<!DOCTYPE html>")


def test_a_page_comes_as_the_range_that_was_asked(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[HtmlPage(as_range=True)])
    reply = ask(server, "/f", "Range: bytes=5000-")
    assert (reply.status, reply["Content-Range"]) == (206, "bytes 5000-9999/10000")
    assert (reply["Content-Length"], reply.body[:14]) == (str(len(reply.body)), b"<!DOCTYPE html")
    assert ask(server, "/f").status == 200


def test_other_bytes_come_under_the_headers_of_the_file(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, etag="v1", faults=[OtherBody(b"other")])
    reply = ask(server, "/f")
    assert (reply["ETag"], reply["Content-Length"], reply.body) == ('"v1"', "5", b"other")


def test_head_is_refused(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Status(405, when=head)])
    refused = ask(server, "/f", method="HEAD")
    assert (refused.status, refused.body) == (405, b"")
    assert ask(server, "/f").body == body.read()


def test_head_lies(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[LyingHead(3, '"lie"')])
    lie = ask(server, "/f", method="HEAD")
    assert (lie["Content-Length"], lie["ETag"], lie.body) == ("3", '"lie"', b"")
    assert ask(server, "/f")["Content-Length"] == "10000"


def test_gzip_comes_unasked(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Gzip()])
    reply = ask(server, "/f")
    assert reply["Content-Encoding"] == "gzip"
    assert gzip.decompress(reply.body) == body.read()
    assert reply["Content-Length"] == str(len(reply.body))


def test_gzip_comes_for_ranges_alone(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Gzip(when=ranged)])
    assert ask(server, "/f").body == body.read()
    part = ask(server, "/f", "Range: bytes=10-99")
    assert (part.status, part["Content-Range"]) == (206, "bytes 10-99/10000")
    assert gzip.decompress(part.body) == body.read(10, 100)


def test_gzip_is_corrupt(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Gzip(corrupt=True)])
    with pytest.raises((gzip.BadGzipFile, zlib.error, EOFError)):
        gzip.decompress(ask(server, "/f").body)


def test_a_bomb_unpacks_to_a_thousand_times_its_size(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[GzipBomb(mib=8)])
    reply = ask(server, "/f")
    assert len(reply.body) < 16_000
    assert gzip.decompress(reply.body) == bytes(8 << 20)


def test_an_encoding_is_claimed(server: FaultyServer, body: Body) -> None:
    names = ", ".join(["gzip"] * 20)
    server.add("/f", body, faults=[ClaimedEncoding(names)])
    reply = ask(server, "/f")
    assert (reply["Content-Encoding"], reply.body) == (names, body.read())


def basic(text: str) -> str:
    return f"Authorization: Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("fault", "right", "wrong", "status", "challenge"),
    [
        (RequireBasic("me", "p:w"), basic("me:p:w"), basic("me:pw"), 401, 'Basic realm="faulty"'),
        (RequireBasic("me", "pw"), basic("me:pw"), "Authorization: Basic %%%", 401, 'Basic realm="faulty"'),
        (RequireBearer("t0"), "Authorization: Bearer t0", "Authorization: Bearer t1", 401, 'Bearer realm="faulty"'),
        (RequireBearer("t0", 403), "Authorization: Bearer t0", "X: y", 403, None),
        (RequireCookie("id", "7"), "Cookie: a=b; id=7", "Cookie: id=77", 403, None),
        (RequireHeader("X-Key", "k"), "x-key: k", "X-Key: j", 403, None),
    ],
    ids=["basic", "basic-garbage", "bearer", "bearer-403", "cookie", "header"],
)
def test_a_file_wants_to_know_who_asks(
    server: FaultyServer, body: Body, fault: Fault, right: str, wrong: str, status: int, challenge: str | None
) -> None:
    server.add("/f", body, faults=[fault])
    assert ask(server, "/f", right).body == body.read()
    for refused in (ask(server, "/f", wrong), ask(server, "/f")):
        assert (refused.status, refused["WWW-Authenticate"]) == (status, challenge)


def test_the_user_of_a_request_is_recorded(server: FaultyServer) -> None:
    server.add("/f", b"")
    ask(server, "/f", basic("me:pw"), "User-Agent: tester/1")
    ask(server, "/f")
    assert [(record.user, record.agent) for record in server.requests] == [("me", "tester/1"), (None, None)]


def test_http_client_understands_a_status_and_goes_on(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Status(429, 1, times=1)])
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/f")
    busy = connection.getresponse()
    assert (busy.status, busy.getheader("Retry-After"), len(busy.read()) > 0) == (429, "1", True)
    connection.request("GET", "/f")
    assert connection.getresponse().read() == body.read()
    connection.close()
    assert server.connections == 1
