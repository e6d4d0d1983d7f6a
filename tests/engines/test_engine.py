"""The engine's small questions, and what counts as a URL of ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argosy.core.header import Validators
from argosy.core.types import FileState
from argosy.engines.curl import CurlEngine
from argosy.engines.curl.origin import Origin, Proof, check_url, wired
from argosy.engines.hls.engine import HlsEngine
from argosy.engines.registry import Registry
from argosy.engines.wget.engine import WgetEngine
from argosy.errors import BadResponse, ServerRefused, UsageError
from argosy.testing.engine import ScriptedEngine
from argosy.testing.faults import (
    BEFORE_HEAD,
    EndEarlier,
    HangUp,
    NoETag,
    NoValidators,
    Redirect,
    Stall,
    Status,
    UnknownTotal,
)
from argosy.testing.server import Body, Fault, FaultyServer

from .harness import OPTIONS, PATH, Bench

BODY = Body.generated(600_000, seed=1)
OTHER = Body.generated(600_000, seed=2)
IMPATIENT = replace(OPTIONS, stall_timeout_s=0.2, connect_timeout_s=0.2)


@pytest.mark.parametrize("faults", [[], [NoETag()]], ids=repr)
async def test_an_unchanged_file_is_recognised_without_its_body(
    faults: list[Fault], server: FaultyServer, bench: Bench
) -> None:
    url = server.add(PATH, BODY, faults=faults)
    state = (await bench.fetch(url)).kept
    assert await bench.engine.unchanged(state, OPTIONS)
    assert server.requests[-1].status == 304
    server.replace(PATH, OTHER, last_modified="Sat, 03 Jan 2026 03:04:05 GMT")
    assert not await bench.engine.unchanged(state, OPTIONS)


@pytest.mark.parametrize(
    "faults", [[NoValidators()], [Status(500)], [HangUp()], [Stall(BEFORE_HEAD)], [Redirect(None)]], ids=repr
)
async def test_in_doubt_a_file_has_changed(faults: list[Fault], server: FaultyServer, bench: Bench) -> None:
    state = (await bench.fetch(server.add(PATH, BODY))).kept
    server.set_faults(PATH, *faults)
    if isinstance(faults[0], NoValidators):
        state = replace(state, etag=None, last_modified=None)
    assert not await bench.engine.unchanged(state, IMPATIENT)


async def test_a_small_document_is_read_through_redirects(server: FaultyServer, bench: Bench) -> None:
    server.add("/sums", b"abc  file\n")
    url = server.add("/link", b"", faults=[Redirect("/sums")])
    assert await bench.engine.read(url, OPTIONS, 10) == b"abc  file\n"


async def test_a_document_that_is_not_small_or_not_there_is_not_read(server: FaultyServer, bench: Bench) -> None:
    with pytest.raises(BadResponse) as raised:
        await bench.engine.read(server.add("/sums", b"abc  file\n"), OPTIONS, 9)
    assert raised.value.detail_code == "too_large"
    with pytest.raises(ServerRefused):
        await bench.engine.read(server.url("/missing"), OPTIONS, 100)


async def test_an_answer_that_can_never_be_used_is_not_asked_for_without_end(
    server: FaultyServer, bench: Bench
) -> None:
    url = server.add(PATH, BODY, faults=[NoValidators(), EndEarlier(200_000), UnknownTotal()])
    attempt = await bench.fetch(url)
    assert attempt.code == "bad_range"
    assert len(server.requests) < 15


def test_the_registry_finds_an_engine_by_url_or_by_name() -> None:
    engine = CurlEngine()
    registry = Registry([engine])
    assert registry.engine_for("https://example.org/x") is engine
    assert registry.engine_for("anything", "curl") is engine
    with pytest.raises(UsageError):
        registry.engine_for("gopher://example.org/")
    with pytest.raises(UsageError):
        registry.engine_for("https://example.org/x", "wget")


def test_for_others_than_the_owner_only_engines_that_say_so_are_found() -> None:
    registry = Registry([CurlEngine()], lambda: {"wget": WgetEngine, "hls": lambda: HlsEngine(CurlEngine())})
    assert registry.engine_for("https://example.org/x", public_only=True).name == "curl"
    assert registry.engine_for("https://example.org/x", "hls", public_only=True).name == "hls"
    assert registry.engine_for("https://example.org/x", "wget").name == "wget"
    for engine in (WgetEngine(), ScriptedEngine()):
        with pytest.raises(UsageError) as refused:
            Registry([engine]).engine_for("https://example.org/x", engine.name, public_only=True)
        assert refused.value.detail_code == "unguarded_engine"


@pytest.mark.parametrize(
    ("url", "fit"),
    [
        ("HTTP://h/x", "http://h/x"),
        ("https://h/a b?q=ü#frag", "https://h/a%20b?q=%C3%BC"),
        ("https://h/already%20done", "https://h/already%20done"),
        (" https://h/x\n", "https://h/x"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("https://user:p%40ss@h/~x;y=1,(2)", "https://user:p%40ss@h/~x;y=1,(2)"),
    ],
)
def test_a_url_is_made_fit_for_the_wire(url: str, fit: str) -> None:
    assert wired(url) == fit
    assert wired(fit) == fit


@pytest.mark.parametrize("url", ["http://h/x", "HTTPS://h", "ftp://h/x", "sftp://u@h/x", "http://[::1]/"])
def test_these_urls_are_ours(url: str) -> None:
    assert check_url(url) is None


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "x", "", "http:///x", "http://[x/", "http://h:x/", "gopher://h/"]
)
def test_these_are_not(url: str) -> None:
    assert check_url(url) is not None


def test_an_origin_moved_on_is_not_moved_again_by_a_late_redirect() -> None:
    origin = Origin("https://h/a")
    origin.follow("https://h/a", "/b")
    origin.follow("https://h/a", "/c")
    assert origin.url == "https://h/b"
    assert origin.ask_again("https://h/b")
    assert origin.url == "https://h/a"
    assert not origin.ask_again("https://h/a")
    origin.follow("https://h/a", "/d")
    assert not origin.ask_again("https://h/d")
    origin.arrived()
    assert origin.ask_again("https://h/d")
    assert origin.ask_again("https://h/d")  # somebody else did already


def test_credentials_stay_with_their_origin_and_https_stays_https() -> None:
    origin = Origin("https://user:pw@h/a")
    assert (origin.trusted, origin.host) == (True, "h")
    origin.follow(origin.url, "https://elsewhere/x")
    assert not origin.trusted
    with pytest.raises(BadResponse):
        origin.follow(origin.url, "http://elsewhere/x")


def test_the_ladder_of_proofs_has_an_end() -> None:
    both, tag = Validators('"x"', "date", strong_date=False), Validators('"x"')
    origin = Origin("https://h/a")
    seen: list[tuple[Proof, str | None]] = [(origin.proof, origin.if_range(both))]
    while origin.weaken(both):
        seen.append((origin.proof, origin.if_range(both)))
    assert seen == [(Proof.TAG, '"x"'), (Proof.DATE, "date"), (Proof.COMPARE, None)]
    short = Origin("https://h/a")
    assert short.weaken(tag)
    assert short.if_range(tag) is None


async def test_an_unknown_task_state_without_extents_begins_anew(server: FaultyServer, bench: Bench) -> None:
    url = server.add(PATH, BODY)
    stale = FileState("0" * 32, 0, (url,), path="file.bin", etag='"stale"', size=12)
    attempt = await bench.attempt(stale)
    assert await bench.publish(attempt) == BODY.read()
    assert server.requests[0].if_range is None
    assert attempt.warnings == ["size_differs"]
