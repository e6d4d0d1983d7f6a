"""Whom we talk to is verified unless the user says otherwise, and an end without a farewell is no end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from argosy.testing.faults import Chunked, CloseDelimited, Cut, ExtraBytes, IgnoreRanges, Redirect, Stall, Throttle
from argosy.testing.server import Body, FaultyServer

from ..harness import Bench, is_paused

BODY = Body.generated(500_000, seed=5)
Secure = Callable[..., FaultyServer]


async def fetched(server: FaultyServer, bench: Bench, **options: object) -> str | bytes | None:
    """The published bytes, or the code of the failure."""
    url = server.add("/file.bin", BODY)
    done = await bench.fetch(url, **options)  # type: ignore[arg-type]
    assert (done.state is None) == (done.error is not None)
    return done.code if done.state is None else await bench.publish(done)


async def test_a_certificate_of_a_trusted_authority_is_accepted(secure: Secure, bench: Bench, ca_file: str) -> None:
    with secure(name="localhost") as server:
        assert await fetched(server, bench, ca_file=ca_file) == BODY.read()


async def test_a_certificate_that_has_expired_is_refused(
    secure: Secure, bench: Bench, ca_file: str, authority: trustme.CA
) -> None:
    expired = authority.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    with secure(expired) as server:
        assert await fetched(server, bench, ca_file=ca_file) == "tls"
        assert server.requests == []


async def test_a_certificate_for_another_host_is_refused(
    secure: Secure, bench: Bench, ca_file: str, authority: trustme.CA
) -> None:
    with secure(authority.issue_cert("elsewhere.example")) as server:
        assert await fetched(server, bench, ca_file=ca_file) == "tls"
        assert server.requests == []


@pytest.mark.parametrize("named", [True, False])
async def test_a_certificate_of_an_unknown_authority_is_refused(
    secure: Secure, bench: Bench, ca_file: str, named: bool
) -> None:
    with secure(trustme.CA().issue_cert("127.0.0.1")) as server:
        assert await fetched(server, bench, ca_file=ca_file if named else None) == "tls"


async def test_a_refusal_says_what_can_be_done(secure: Secure, bench: Bench) -> None:
    with secure(trustme.CA().issue_cert("127.0.0.1")) as server:
        done = await bench.fetch(server.add("/file.bin", BODY))

    assert done.error is not None
    assert not done.error.retryable
    assert "--cacert" in done.error.hint


async def test_whoever_says_so_trusts_anybody(secure: Secure, bench: Bench) -> None:
    with secure(trustme.CA().issue_cert("elsewhere.example")) as server:
        assert await fetched(server, bench, insecure=True) == BODY.read()


@pytest.mark.parametrize("name", ["CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_the_environment_can_name_the_authorities(
    secure: Secure, bench: Bench, ca_file: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, ca_file)
    with secure() as server:
        assert await fetched(server, bench) == BODY.read()


async def test_a_file_of_authorities_that_is_not_there_is_told(bench: Bench, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/file.bin"

        done = await bench.fetch(url, ca_file=str(tmp_path / "nothing.pem"))

    assert done.code == "tls"
    assert "CA file" in str(done.error)


async def test_a_body_cut_without_a_farewell_goes_on_where_it_was_cut(
    secure: Secure, bench: Bench, ca_file: str
) -> None:
    with secure() as server:
        url = server.add("/file.bin", BODY, faults=[Cut(300_000, close_notify=False, times=1)])

        done = await bench.fetch(url, ca_file=ca_file)

        assert await bench.publish(done) == BODY.read()
        assert len(server.requests) == 2


@pytest.mark.parametrize("framing", [CloseDelimited(), Chunked()])
async def test_without_a_length_an_end_without_a_farewell_is_not_believed(
    secure: Secure, bench: Bench, ca_file: str, framing: CloseDelimited | Chunked
) -> None:
    with secure() as server:
        url = server.add("/file.bin", BODY, faults=[IgnoreRanges(), framing, Cut(300_000, close_notify=False)])

        done = await bench.fetch(url, ca_file=ca_file)

    assert done.state is None
    assert done.error is not None
    assert done.error.retryable


async def test_a_certificate_that_turns_bad_between_attempts_stops_the_download(
    secure: Secure, bench: Bench, ca_file: str, authority: trustme.CA
) -> None:
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2)]
    authority.issue_cert("127.0.0.1").configure_cert(contexts[0])
    trustme.CA().issue_cert("127.0.0.1").configure_cert(contexts[1])
    with FaultyServer(ssl_context=contexts[0]) as good, FaultyServer(ssl_context=contexts[1]) as bad:
        url = good.add("/file.bin", BODY, faults=[Throttle(1_000_000)])
        first = await bench.fetch(url, ca_file=ca_file, stop_after=100_000)
        assert is_paused(first)
        bad.add("/file.bin", BODY)
        moved = replace(first.kept, urls=(bad.url("/file.bin"),))
        second = await bench.attempt(moved, ca_file=ca_file)
        assert second.code == "tls"
        assert bad.requests == []
        assert second.received == first.received


@pytest.mark.parametrize("size", [100, 20_000, 500_000])
@pytest.mark.parametrize(
    "extra", [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", b"\r\n", b"x" * 1000], ids=["answer", "line", "text"]
)
async def test_what_lies_in_a_connection_before_it_is_used_again_is_no_answer(
    secure: Secure, bench: Bench, ca_file: str, extra: bytes, size: int
) -> None:
    """It comes in records of its own, while nobody asks for anything."""
    body = Body.generated(size, seed=6)
    with secure() as server:
        url = server.add("/file.bin", body, faults=[ExtraBytes(extra), Stall(size, seconds=0.05)])
        for number in (1, 2, 3):
            done = await bench.fetch(url, ca_file=ca_file)
            assert await bench.publish(done) == body.read()
            await asyncio.to_thread(server.wait_for_bytes, number * (size + len(extra)))
        assert server.connections == len(server.requests) == 3


async def test_what_belongs_to_tls_itself_costs_no_connection(secure: Secure, bench: Bench, ca_file: str) -> None:
    with secure() as server:
        for number in range(5):
            url = server.add(f"/{number}.bin", BODY)
            assert await bench.publish(await bench.fetch(url, ca_file=ca_file)) == BODY.read()
        assert server.connections == 1


@pytest.mark.parametrize("offset", [0, 200_000])
async def test_nobody_is_led_from_https_to_http(
    secure: Secure, server: FaultyServer, bench: Bench, ca_file: str, offset: int
) -> None:
    """Whoever listens on the way would see the link, and could change the file."""
    plain = server.add("/file.bin", BODY)
    with secure() as safe:
        url = safe.add("/file.bin", BODY, faults=[Stall(offset)] if offset else [])
        begun = await bench.fetch(url, ca_file=ca_file, stop_after=offset) if offset else None
        safe.set_faults("/file.bin", Redirect(plain))
        done = await (bench.fetch(url, ca_file=ca_file) if begun is None else bench.resume(begun, ca_file=ca_file))
    assert done.code == "redirect"
    assert done.error is not None
    assert not done.error.retryable
    assert done.received == offset
    assert server.requests == []


async def test_from_http_to_https_anybody_may_be_led(
    secure: Secure, server: FaultyServer, bench: Bench, ca_file: str
) -> None:
    with secure() as safe:
        url = server.add("/file.bin", b"", faults=[Redirect(safe.add("/file.bin", BODY))])
        assert await bench.publish(await bench.fetch(url, ca_file=ca_file)) == BODY.read()
