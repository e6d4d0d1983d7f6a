"""Other answers than the file: errors, redirects, nonsense (faults 39 to 47)."""

from __future__ import annotations

import email.utils
import time
from dataclasses import replace

import pytest

from argosy.errors import ArgosyError, AuthError, BadResponse, NetworkError, ServerBusy, ServerRefused
from argosy.testing.faults import (
    ChangeFile,
    Cut,
    HeaderFlood,
    InterimAnswers,
    LongHeader,
    LyingHead,
    NoHead,
    RawAnswer,
    RawHeader,
    Redirect,
    RedirectHops,
    RedirectLoop,
    RequireBasic,
    Stall,
    Status,
    StatusLine,
    after,
    first,
    head,
    nth,
)
from argosy.testing.server import Body, Fault, FaultyServer

from .harness import PATH, Bench

KIB, MIB = 1 << 10, 1 << 20
OVERLAP = 1024
BODY = Body.generated(600_000, seed=1)


def in_an_hour() -> str:
    return email.utils.formatdate(time.time() + 3600, usegmt=True)


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("120", 120.0), ("0", 0.0), ("9999999999", 1e9), ("9" * 400, 1e9), ("-5", None), ("soon", None), ("", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0), (None, None), ("in an hour", 3600.0),
    ],
)  # fmt: skip
async def test_the_servers_wish_for_a_rest_is_passed_on(
    wish: str | None, seconds: float | None, code: int, server: FaultyServer, bench: Bench
) -> None:  # row 39
    wish = in_an_hour() if wish == "in an hour" else wish
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, Status(code, retry_after=wish))
    attempt = await bench.resume(begun)
    assert isinstance(attempt.error, ServerBusy)
    assert attempt.code == f"http_{code}"
    assert attempt.error.retry_after_s == pytest.approx(seconds, abs=3)
    assert attempt.received == 200_000
    assert len(server.requests) == 2


async def test_a_wish_for_a_rest_is_heeded_even_after_progress(server: FaultyServer, bench: Bench) -> None:
    faults: list[Fault] = [Cut(200_000, when=first(1)), Status(503, retry_after=7, when=after(1))]
    attempt = await bench.fetch(server.add(PATH, BODY, faults=faults))
    assert isinstance(attempt.error, ServerBusy)
    assert attempt.error.retry_after_s == 7
    assert len(server.requests) == 2


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526])
@pytest.mark.parametrize("offset", [0, 200_000])
async def test_what_may_pass_is_worth_another_attempt(
    offset: int, code: int, server: FaultyServer, bench: Bench
) -> None:  # row 40
    begun = await bench.begin(server, BODY, offset) if offset else None
    url = server.add(PATH, BODY, faults=[Status(code)])
    attempt = await (bench.fetch(url) if begun is None else bench.resume(begun))
    assert isinstance(attempt.error, ServerBusy)
    assert attempt.error.retryable
    assert attempt.received == offset
    assert len(server.requests) == 1 + bool(offset)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, ServerRefused),
        (401, AuthError),
        (403, AuthError),
        (404, ServerRefused),
        (410, ServerRefused),
        (451, ServerRefused),
    ],
)
@pytest.mark.parametrize("offset", [0, 200_000])
async def test_what_will_not_pass_is_final_at_once_and_what_is_held_stays(
    offset: int, code: int, kind: type[ArgosyError], server: FaultyServer, bench: Bench
) -> None:  # rows 41, 42
    begun = await bench.begin(server, BODY, offset) if offset else None
    url = server.add(PATH, BODY, faults=[Status(code, body=b"<html>sorry</html>" * 1000, content_type="text/html")])
    attempt = await (bench.fetch(url) if begun is None else bench.resume(begun))
    assert isinstance(attempt.error, kind)
    assert attempt.code == f"http_{code}"
    assert not attempt.error.retryable
    assert attempt.received == offset
    assert len(server.requests) == 1 + bool(offset)
    assert not (bench.root / "file.bin").exists()


async def test_a_new_link_goes_on_with_what_an_expired_one_brought(server: FaultyServer, bench: Bench) -> None:
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, Status(403))
    refused = await bench.resume(begun)
    fresh = server.add("/signed", BODY, etag=BODY.fingerprint)
    attempt = await bench.attempt(replace(refused.kept, urls=(fresh,)))
    assert await bench.publish(attempt) == BODY.read()
    assert server.bytes_sent("/signed") == BODY.size - 200_000 + OVERLAP


# -- redirects (rows 43, 44) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("form", ["absolute", "/real.bin", "real.bin", "//host", "/real.bin#fragment", "?real"])
async def test_a_redirect_is_followed_in_every_form(form: str, code: int, server: FaultyServer, bench: Bench) -> None:
    real = server.add("/real.bin", BODY)
    to = {"absolute": real, "//host": real.removeprefix("http:")}.get(form, form)
    faults = [Redirect(to, code, when=lambda request: not request.query)]
    attempt = await bench.fetch(server.add("/link.bin", BODY, faults=faults))
    assert await bench.publish(attempt) == BODY.read()
    assert attempt.state is not None
    assert attempt.state.urls == (server.url("/link.bin"),)


async def test_a_location_may_hold_what_a_url_may_not(server: FaultyServer, bench: Bench) -> None:
    server.add("/ä b.bin", BODY)
    url = server.add("/link", b"", faults=[Redirect("/ä b.bin".encode().decode("latin-1"))])
    assert await bench.publish(await bench.fetch(url)) == BODY.read()


@pytest.mark.parametrize(
    "fault",
    [
        RedirectLoop(), RedirectLoop(growing=True), RedirectHops(50), Redirect(None), Redirect(""),
        Redirect("ftp://127.0.0.1/x"), Redirect("file:///etc/passwd"), Redirect("http://[x/"), Redirect("http://h:x/"),
        Redirect("gopher://127.0.0.1/"),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("offset", [0, 200_000])
async def test_a_redirect_that_leads_nowhere_is_a_bad_response(
    offset: int, fault: Fault, server: FaultyServer, bench: Bench
) -> None:
    begun = await bench.begin(server, BODY, offset) if offset else None
    url = server.add(PATH, BODY, faults=[fault])
    attempt = await (bench.fetch(url) if begun is None else bench.resume(begun))
    assert isinstance(attempt.error, BadResponse)
    assert attempt.code in ("redirect", "redirect_loop")
    assert attempt.received == offset
    assert len(server.requests) <= 23


async def test_ten_hops_are_nothing(server: FaultyServer, bench: Bench) -> None:
    assert await bench.publish(await bench.fetch(server.add(PATH, BODY, faults=[RedirectHops(10)]))) == BODY.read()


async def test_two_locations_are_one_too_many(server: FaultyServer, bench: Bench) -> None:
    server.add("/a.bin", BODY)
    attempt = await bench.fetch(server.add("/link", b"", faults=[Redirect(("/a.bin", "/b.bin"))]))
    assert attempt.code == "bad_response"
    assert server.requests_to("/a.bin") == []


async def test_validators_are_of_the_target_and_every_attempt_asks_the_original(
    server: FaultyServer, bench: Bench
) -> None:  # row 44
    server.add("/signed-1", BODY, faults=[Stall(200_000)])
    link = server.add(
        "/link.bin", b"", faults=[Redirect("/signed-1", when=nth(1)), Redirect("/signed-2", when=after(1))]
    )
    begun = await bench.fetch(link, stop_after=200_000)
    server.add("/signed-1", BODY, faults=[Status(403)])
    server.add("/signed-2", BODY)
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    assert [record.path for record in server.requests[2:]] == ["/link.bin", "/signed-2"]
    assert server.requests[-1].if_range == f'"{BODY.fingerprint}"'
    assert server.bytes_sent("/signed-2") == BODY.size - 200_000 + OVERLAP


@pytest.mark.parametrize("code", [401, 403, 404, 410])
async def test_a_target_that_expires_on_the_way_is_asked_for_anew(
    code: int, server: FaultyServer, bench: Bench
) -> None:
    expires: list[Fault] = [Cut(200_000), Status(code, when=after(1))]
    for n in (1, 2, 3):
        server.add(f"/signed-{n}", BODY, faults=expires if n < 3 else [])
    targets = [Redirect(f"/signed-{n}", when=nth(n)) for n in (1, 2, 3)]
    attempt = await bench.fetch(server.add("/link.bin", b"", faults=targets))
    assert await bench.publish(attempt) == BODY.read()
    assert len(server.requests_to("/link.bin")) == 3
    assert attempt.warnings == []


async def test_a_target_that_always_refuses_ends_the_attempt(server: FaultyServer, bench: Bench) -> None:
    server.add("/signed", BODY, faults=[Status(403)])
    attempt = await bench.fetch(server.add("/link.bin", b"", faults=[Redirect("/signed")]))
    assert attempt.code == "http_403"
    assert len(server.requests) == 4


async def test_another_target_with_another_version_is_another_version(server: FaultyServer, bench: Bench) -> None:
    other = Body.generated(600_000, seed=2)
    server.add("/one", BODY, faults=[Stall(200_000)])
    server.add("/two", other)
    link = server.add("/link.bin", b"", faults=[Redirect("/one", when=nth(1)), Redirect("/two", when=after(1))])
    begun = await bench.fetch(link, stop_after=200_000)
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == other.read()
    assert attempt.warnings == ["source_changed"]


async def test_each_host_a_redirect_leads_to_is_asked_for_its_own_permit(server: FaultyServer, bench: Bench) -> None:
    with FaultyServer() as elsewhere:
        target = elsewhere.add("/real.bin", BODY)
        attempt = await bench.fetch(server.add("/link.bin", b"", faults=[Redirect(target)]))
        assert await bench.publish(attempt) == BODY.read()
        hosts = attempt.desk.hosts_asked
    assert hosts == {f"127.0.0.1:{server.port}", f"127.0.0.1:{elsewhere.port}"}


# -- nonsense (rows 45 to 47) ----------------------------------------------------------------------------------------


async def test_nobody_is_asked_by_head(server: FaultyServer, bench: Bench) -> None:  # row 45
    faults = [Status(405, when=head), LyingHead(7, etag="lie")]
    attempt = await bench.fetch(server.add(PATH, BODY, faults=faults))
    assert await bench.publish(attempt) == BODY.read()
    assert {record.method for record in server.requests} == {"GET"}


@pytest.mark.parametrize("code", [100, 101, 201, 202, 203, 204, 205, 226, 300, 304, 305, 306, 399, 600, 999])
@pytest.mark.parametrize("offset", [0, 200_000])
async def test_a_status_that_holds_no_file_is_a_clean_failure(
    offset: int, code: int, server: FaultyServer, bench: Bench
) -> None:  # row 46
    begun = await bench.begin(server, BODY, offset) if offset else None
    url = server.add(PATH, BODY, faults=[Status(code)])
    attempt = await (bench.fetch(url) if begun is None else bench.resume(begun))
    assert isinstance(attempt.error, BadResponse | NetworkError)
    assert attempt.received == offset
    assert len(server.requests) == 1 + bool(offset)


@pytest.mark.parametrize(
    "fault",
    [
        NoHead(), StatusLine(b"HTTP/1.2 200 OK"), StatusLine(b"ICY 200 OK"), StatusLine(b"HTTP/1.1 abc"),
        StatusLine(b"HTTP/1.1 101 Switching Protocols"), RawHeader(b"no colon"), RawHeader(b"X: a\0b"),
        RawAnswer(b"\0\1\2\3" * 100), RawAnswer(b"HTTP/1.1"), RawAnswer(b"HTTP/1.1 200 OK\r\nContent-Le"),
        InterimAnswers(None), HeaderFlood(), LongHeader(), HeaderFlood(lines=1_000_000), HeaderFlood(lines=3_000),
        InterimAnswers(3_000, headers=b"X: " + b"y" * 90 + b"\r\n"),
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("offset", [0, 200_000])
async def test_nonsense_is_a_clean_and_quick_failure(
    offset: int, fault: Fault, server: FaultyServer, bench: Bench
) -> None:  # rows 46, 47
    begun = await bench.begin(server, BODY, offset) if offset else None
    url = server.add(PATH, BODY, faults=[fault])
    attempt = await (bench.fetch(url) if begun is None else bench.resume(begun))
    assert isinstance(attempt.error, BadResponse | NetworkError)
    assert attempt.received == offset
    assert attempt.seconds < 1
    if isinstance(fault, HeaderFlood | LongHeader | InterimAnswers):
        assert attempt.code == "header_too_large"


@pytest.mark.parametrize(
    "fault",
    [InterimAnswers(3), RawHeader(b"X-Folded: a\r\n  b"), HeaderFlood(lines=500), RawHeader(b"X-Empty:")],
    ids=repr,
)
async def test_what_is_merely_odd_does_no_harm(fault: Fault, server: FaultyServer, bench: Bench) -> None:
    assert await bench.publish(await bench.fetch(server.add(PATH, BODY, faults=[fault]))) == BODY.read()


@pytest.mark.parametrize("kind", ["error page that never ends", "endless error page"])
async def test_an_error_page_does_not_keep_us(kind: str, server: FaultyServer, bench: Bench) -> None:
    page = Body.generated(64 * MIB)
    faults: list[Fault] = [Status(404, body=page.read(0, 32 * MIB))]
    if kind.startswith("error"):
        faults.append(Stall(1000))
    attempt = await bench.fetch(server.add(PATH, BODY, faults=faults))
    assert attempt.code == "http_404"
    assert server.bytes_sent() < 16 * MIB


async def test_a_login_that_is_missing_is_told_with_a_hint(server: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[RequireBasic("user", "secret")]))
    assert attempt.code == "http_401"
    assert attempt.error is not None
    assert "--user" in attempt.error.hint


async def test_a_file_that_changes_while_a_busy_server_is_asked_again_is_noticed(
    server: FaultyServer, bench: Bench
) -> None:
    other = Body.generated(600_000, seed=2)
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, Status(503, times=1), ChangeFile(other))
    busy = await bench.resume(begun)
    assert busy.code == "http_503"
    assert await bench.publish(await bench.resume(busy)) == other.read()
