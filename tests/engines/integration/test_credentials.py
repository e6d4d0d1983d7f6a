"""Who may see what: credentials go to the origin they were given for, cookies where they belong, and nothing is told."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from argosy.testing.faults import Fault, Redirect, RequireBasic, RequireCookie, WithHeader
from argosy.testing.server import Body, FaultyServer
from argosy.testing.server.answer import Answer
from argosy.testing.server.correct import message
from argosy.testing.server.resource import Question

from ..harness import Bench

BODY = Body.generated(200_000, seed=6)
PASSWORD = "open-sesame"
SECRETS = {
    "user": f"ann:{PASSWORD}",
    "cookie": f"session={PASSWORD}",
    "headers": (("Authorization", f"Bearer {PASSWORD}"), ("X-Api-Key", PASSWORD), ("Accept-Language", "de")),
}


@pytest.fixture
def other() -> FaultyServer:
    """Another origin: the same host on another port."""
    return FaultyServer()


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.mark.parametrize("kind", ["user", "cookie", "headers"])
async def test_credentials_stay_with_the_origin_they_were_given_for(
    server: FaultyServer, other: FaultyServer, bench: Bench, kind: str
) -> None:
    with other:
        other.add("/file.bin", BODY)
        url = server.add("/here", b"", faults=[Redirect(other.url("/file.bin"))])

        done = await bench.fetch(url, **{kind: SECRETS[kind]})  # type: ignore[arg-type]

        assert await bench.publish(done) == BODY.read()
        assert PASSWORD in seen(server) or basic("ann", PASSWORD) in seen(server)
        assert PASSWORD not in seen(other)
        assert basic("ann", PASSWORD) not in seen(other)
        if kind == "headers":
            assert other.requests[0].header("Accept-Language") == "de"


@pytest.mark.parametrize("kind", ["user", "cookie", "headers"])
@pytest.mark.parametrize("relative", [False, True])
async def test_credentials_go_along_with_a_redirect_on_the_same_origin(
    server: FaultyServer, bench: Bench, kind: str, relative: bool
) -> None:
    there = server.add("/file.bin", BODY)
    url = server.add("/here", b"", faults=[Redirect("/file.bin" if relative else there)])

    await bench.fetch(url, **{kind: SECRETS[kind]})  # type: ignore[arg-type]

    for record in server.requests:
        told = repr(record.request)
        assert PASSWORD in told or basic("ann", PASSWORD) in told


@pytest.mark.parametrize("location", ["/file.bin", "absolute"])
async def test_a_login_in_the_url_works_and_goes_along_on_its_origin(
    server: FaultyServer, bench: Bench, location: str
) -> None:
    there = server.add("/file.bin", BODY, faults=[RequireBasic("ann", PASSWORD)])
    server.add("/here", b"", faults=[Redirect(there if location == "absolute" else location)])
    url = f"http://ann:{PASSWORD}@127.0.0.1:{server.port}/here"

    done = await bench.fetch(url, connections=4)

    assert await bench.publish(done) == BODY.read()


async def test_a_login_in_the_url_does_not_go_to_another_origin(
    server: FaultyServer, other: FaultyServer, bench: Bench
) -> None:
    with other:
        there = other.add("/file.bin", BODY)
        server.add("/here", b"", faults=[Redirect(there)])

        await bench.fetch(f"http://ann:{PASSWORD}@127.0.0.1:{server.port}/here")

        assert [record.header("Authorization") for record in other.requests] == [None]


def seen(server: FaultyServer) -> str:
    return " ".join(repr(record.request) for record in server.requests)


# -- netrc -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["home", "option", "environment"])
async def test_netrc_is_heeded_for_its_host(
    server: FaultyServer, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = tmp_path / "home" / (".netrc" if how == "home" else "mine")
    path.write_text(f"machine 127.0.0.1 login ann password {PASSWORD}\n")
    if how == "environment":
        monkeypatch.setenv("NETRC", str(path))
    url = server.add("/file.bin", BODY, faults=[RequireBasic("ann", PASSWORD)])

    done = await bench.fetch(url, netrc_file=str(path) if how == "option" else None)

    assert await bench.publish(done) == BODY.read()


async def test_netrc_is_not_for_other_hosts(server: FaultyServer, bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "home" / ".netrc").write_text(f"machine localhost login ann password {PASSWORD}\n")
    there = server.add("/file.bin", BODY)
    url = server.add("/here", b"", faults=[Redirect(there)]).replace("127.0.0.1", "localhost")

    await bench.fetch(url)

    assert [record.user for record in server.requests] == ["ann", None]


async def test_netrc_can_be_left_alone(server: FaultyServer, bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "home" / ".netrc").write_text(f"machine 127.0.0.1 login ann password {PASSWORD}\n")

    await bench.fetch(server.add("/file.bin", BODY), netrc=False)

    assert [record.user for record in server.requests] == [None]


# -- cookies ---------------------------------------------------------------------------------------------------------


async def test_a_cookie_set_on_the_way_is_shown_where_it_leads(server: FaultyServer, bench: Bench) -> None:
    there = server.add("/file.bin", BODY, faults=[RequireCookie("consent", "yes")])
    url = server.add("/here", b"", faults=[Redirect(there), WithHeader("Set-Cookie", "consent=yes; Path=/")])

    done = await bench.fetch(url, connections=4)

    assert await bench.publish(done) == BODY.read()


async def test_a_cookie_of_one_download_is_not_shown_in_another(server: FaultyServer, bench: Bench) -> None:
    sets = server.add("/sets.bin", BODY, faults=[WithHeader("Set-Cookie", "who=ann; Path=/")])
    asks = server.add("/asks.bin", BODY)

    await bench.fetch(sets)
    await bench.fetch(asks)

    assert [record.header("Cookie") for record in server.requests_to("/asks.bin")] == [None]


async def test_a_cookie_file_is_read_and_each_cookie_goes_where_it_belongs(
    server: FaultyServer, bench: Bench, tmp_path: Path
) -> None:
    jar = tmp_path / "cookies.txt"
    jar.write_text(
        "# Netscape HTTP Cookie File\n"
        "127.0.0.1\tFALSE\t/\tFALSE\t0\tmine\tyes\n"
        "#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\thidden\tyes\n"
        "localhost\tFALSE\t/\tFALSE\t0\ttheirs\tno\n"
        "127.0.0.1\tFALSE\t/elsewhere\tFALSE\t0\tpath\tno\n"
    )

    await bench.fetch(server.add("/file.bin", BODY), cookie_file=str(jar))

    sent = server.requests[0].header("Cookie") or ""
    assert sorted(sent.split("; ")) == ["hidden=yes", "mine=yes"]
    assert jar.read_text().count("\n") == 5, "the user's file is only read"


# -- other ways to log in, and what else is said ---------------------------------------------------------------------


class RequireDigest(Fault):
    """Answers 401 with a challenge unless the request answers that (RFC 7616, MD5 without qop)."""

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        sent = question.request.header("Authorization") or ""
        fields = dict(re.findall(r'(\w+)="([^"]*)"', sent))
        one = hashlib.md5(f"ann:files:{PASSWORD}".encode()).hexdigest()
        two = hashlib.md5(f"GET:{question.request.target}".encode()).hexdigest()
        right = hashlib.md5(f"{one}:abc:{two}".encode()).hexdigest()
        if sent.startswith("Digest") and fields.get("response") == right:
            return answer
        refused = message(question.request, 401, b"Who is it?\n")
        return refused.with_header("WWW-Authenticate", 'Digest realm="files", nonce="abc"')


async def test_a_server_that_wants_a_digest_gets_one(server: FaultyServer, bench: Bench) -> None:
    url = server.add("/file.bin", BODY, faults=[RequireDigest()])

    done = await bench.fetch(url, user=f"ann:{PASSWORD}")

    assert await bench.publish(done) == BODY.read()


async def test_a_wrong_digest_ends(server: FaultyServer, bench: Bench) -> None:
    url = server.add("/file.bin", BODY, faults=[RequireDigest()])

    done = await bench.fetch(url, user="ann:wrong")

    assert done.code == "http_401"
    assert len(server.requests) <= 4


async def test_a_server_that_hides_what_it_has_is_logged_in_to_at_once(server: FaultyServer, bench: Bench) -> None:
    url = server.add("/file.bin", BODY, faults=[RequireBasic("ann", PASSWORD, refuse_with=404)])

    done = await bench.fetch(url, user=f"ann:{PASSWORD}")

    assert await bench.publish(done) == BODY.read()


async def test_what_a_request_says_of_itself_can_be_chosen(server: FaultyServer, bench: Bench) -> None:
    options = {
        "user_agent": "Tester/1",
        "referer": "http://from.here/",
        "headers": (("Accept", "x/y"), ("X-Müsli", "grün")),
    }

    await bench.fetch(server.add("/file.bin", BODY), **options)  # type: ignore[arg-type]

    record = server.requests[0]
    assert (record.agent, record.header("Referer"), record.header("Accept")) == ("Tester/1", "http://from.here/", "x/y")


async def test_by_itself_it_says_who_it_is(server: FaultyServer, bench: Bench) -> None:
    await bench.fetch(server.add("/file.bin", BODY))

    assert re.fullmatch(r"argosy/\d+\.\d+\.\d+\S*", server.requests[0].agent or "")
    assert server.requests[0].header("Accept-Encoding") == "identity"


# -- nothing is told -------------------------------------------------------------------------------------------------

PROXIES = [
    f"socks9://ann:{PASSWORD}@127.0.0.1:9",
    f"http://ann:{PASSWORD}@127.0.0.1:99999",
    f"http://ann:{PASSWORD} {PASSWORD}@127.0.0.1:9",
    f"http://ann:{PASSWORD}@127.0.0.1:1",
    f"socks5h://ann:{PASSWORD}@127.0.0.1:1",
    f"http://ann:{PASSWORD}@no-such-host.invalid:9",
]
URLS = [
    f"http://ann:{PASSWORD}@127.0.0.1:1/x?token={PASSWORD}",
    f"https://ann:{PASSWORD}@127.0.0.1:1/x",
    f"ftp://ann:{PASSWORD}@127.0.0.1:1/x",
    f"sftp://ann:{PASSWORD}@127.0.0.1:1/x",
    f"http://ann:{PASSWORD}/@127.0.0.1:1/x",
    f"http://ann:{PASSWORD}@no-such-host.invalid/x",
]


@pytest.mark.parametrize(
    ("url", "proxy"), [(url, None) for url in URLS] + [("http://127.0.0.1:1/x", proxy) for proxy in PROXIES]
)
async def test_no_error_tells_a_password(bench: Bench, url: str, proxy: str | None) -> None:
    done = await bench.fetch(url, proxy=proxy)

    assert done.error is not None
    assert PASSWORD not in repr(done.error.failure())
    assert PASSWORD not in repr(done.desk.warnings)


async def test_no_warning_of_a_mirror_tells_a_password(server: FaultyServer, bench: Bench) -> None:
    good = server.add("/file.bin", BODY)

    done = await bench.fetch(f"http://ann:{PASSWORD}@127.0.0.1:1/file.bin?key={PASSWORD}", good)

    assert await bench.publish(done) == BODY.read()
    assert done.warnings == ["mirror_failed"]
    assert PASSWORD not in repr(done.desk.warnings)
