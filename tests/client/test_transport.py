"""Requests that go wrong in every way: what is tried again, what is not, and who gets to see the token."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from argosy.client.address import Address, root_of
from argosy.client.failure import Unreachable
from argosy.client.transport import Transport, pause_s
from argosy.errors import (
    ArgosyError,
    AuthError,
    BadResponse,
    Conflict,
    IllegalTransition,
    IntegrityError,
    ServerBusy,
    StoreError,
    TlsError,
    UnknownTask,
    UsageError,
)

from .scripted import Say, Scripted, hanging_up, refusing, saying, streaming

TOKEN = "the-secret-token"


@pytest.fixture
async def transports() -> AsyncIterator[list[Transport]]:
    made: list[Transport] = []
    yield made
    for transport in made:
        await transport.close()


async def asking(transports: list[Transport], server: Scripted, tries: int = 4) -> Transport:
    transport = Transport(Address(server.url, TOKEN), tries=tries)
    transports.append(transport)
    return transport


async def test_a_request_has_the_token_and_says_who_asks(transports: list[Transport]) -> None:
    async with Scripted([saying({"a": 1})]) as server:
        answer = await (await asking(transports, server)).ask("POST", "/v1/x", [("q", "ä &")], content={"b": 2})
        assert answer.json() == {"a": 1}
        (asked,) = server.asked
    assert (asked.method, asked.path, asked.content) == ("POST", "/v1/x?q=%C3%A4+%26", {"b": 2})
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["user-agent"].startswith("argosy/")


async def test_connections_are_kept(transports: list[Transport]) -> None:
    peers = set()

    async def say(asked: object, writer: asyncio.StreamWriter) -> None:
        peers.add(writer.get_extra_info("peername"))
        await saying({})(asked, writer)  # type: ignore[arg-type]

    async with Scripted([say]) as server:
        transport = await asking(transports, server)
        for _ in range(5):
            await transport.ask("GET", "/")
    assert len(peers) == 1


async def test_a_lost_answer_is_asked_for_again_where_that_is_safe(transports: list[Transport]) -> None:
    async with Scripted([hanging_up, hanging_up, saying({})]) as server:
        await (await asking(transports, server)).ask("GET", "/")
        assert len(server.asked) == 3


async def test_a_lost_answer_to_a_command_is_not_asked_for_again(transports: list[Transport]) -> None:
    async with Scripted([hanging_up, saying({})]) as server:
        with pytest.raises(Unreachable):
            await (await asking(transports, server)).ask("POST", "/", content={})
        assert len(server.asked) == 1


async def test_a_command_with_a_key_is_asked_again_under_the_same_key(transports: list[Transport]) -> None:
    async with Scripted([hanging_up, saying({})]) as server:
        transport = await asking(transports, server)
        await transport.ask("POST", "/", content={}, headers={"Idempotency-Key": "k1"}, again=True)
        assert [asked.headers["idempotency-key"] for asked in server.asked] == ["k1", "k1"]


@pytest.mark.parametrize(
    "busy", [refusing(429, "too_many"), refusing(503, "store_busy"), refusing(409, "idempotency_busy")]
)
async def test_who_is_busy_is_asked_again(transports: list[Transport], busy: Say) -> None:
    async with Scripted([busy, saying({})]) as server:
        assert (await (await asking(transports, server)).ask("GET", "/")).status == 200


async def test_patience_has_an_end(transports: list[Transport]) -> None:
    async with Scripted([refusing(503, "store_busy")]) as server:
        with pytest.raises(StoreError):
            await (await asking(transports, server, tries=2)).ask("GET", "/")
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("status", "code", "kind", "exit_code"),
    [
        (401, "unauthorized", AuthError, 4),
        (403, "forbidden", AuthError, 4),
        (404, "unknown_task", UnknownTask, 2),
        (404, "not_found", UsageError, 2),
        (409, "illegal_transition", IllegalTransition, 2),
        (409, "conflict", Conflict, 8),
        (409, "ambiguous", UsageError, 2),
        (422, "invalid", UsageError, 2),
        (429, "too_many", ServerBusy, 5),
        (500, "internal", StoreError, 8),
        (503, "store_corrupt", StoreError, 8),
    ],
)
async def test_a_problem_is_the_error_it_stands_for(
    transports: list[Transport], status: int, code: str, kind: type[ArgosyError], exit_code: int
) -> None:
    more = {"exit_code": 2} if code == "ambiguous" else {}
    async with Scripted([refusing(status, code, **more)]) as server:
        with pytest.raises(ArgosyError) as caught:
            await (await asking(transports, server, tries=1)).ask("GET", "/")
    error = caught.value
    assert (type(error), error.detail_code, error.exit_code) == (kind, code, exit_code)
    assert (error.message, error.hint) == ("no", "try")


async def test_a_problem_may_say_with_what_the_command_is_to_end(transports: list[Transport]) -> None:
    async with Scripted([refusing(500, "checksum", exit_code=7)]) as server:
        with pytest.raises(IntegrityError):
            await (await asking(transports, server, tries=1)).ask("GET", "/")


async def test_what_was_not_understood_is_named(transports: list[Transport]) -> None:
    errors = [{"pointer": "/size", "detail": "too large"}]
    async with Scripted([refusing(422, "invalid", errors=errors)]) as server:
        with pytest.raises(UsageError, match="/size: too large"):
            await (await asking(transports, server)).ask("GET", "/")


async def test_a_redirect_is_not_followed_and_the_token_stays(transports: list[Transport]) -> None:
    async with Scripted([saying({})]) as elsewhere, Scripted([]) as server:
        server.answers.append(saying({}, 302, Location=elsewhere.url))
        with pytest.raises(BadResponse, match="elsewhere"):
            await (await asking(transports, server)).ask("GET", "/")
        assert elsewhere.asked == []


@pytest.mark.parametrize(
    "other", [saying(b"<html>", kind="text/html"), saying(b"", 404, "text/html"), saying(b"no", 200, "text/plain")]
)
async def test_who_is_no_service_of_ours_is_told_apart(transports: list[Transport], other: Say) -> None:
    async with Scripted([other]) as server:
        with pytest.raises(BadResponse):
            (await (await asking(transports, server)).ask("GET", "/")).json()


async def test_nobody_there_is_said_so(transports: list[Transport]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    transport = Transport(Address(f"http://127.0.0.1:{port}", TOKEN), tries=2)
    transports.append(transport)
    with pytest.raises(Unreachable, match="nobody answers") as caught:
        await transport.ask("POST", "/", content={})
    assert (caught.value.exit_code, caught.value.detail_code) == (8, "unreachable")
    assert TOKEN not in repr(caught.value) + str(caught.value)


async def test_who_never_answers_is_not_waited_for_for_ever(transports: list[Transport]) -> None:
    async def silent(asked: object, writer: object) -> None:
        await asyncio.get_running_loop().create_future()

    async with Scripted([silent]) as server:
        with pytest.raises(Unreachable, match="in time"):
            await (await asking(transports, server)).ask("GET", "/", within_s=0.2)
        assert len(server.asked) == 1


async def test_a_proxy_of_the_environment_does_not_see_what_goes_to_this_machine(
    transports: list[Transport], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Scripted([saying({})]) as proxy, Scripted([saying({})]) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("all_proxy", proxy.url)
        await (await asking(transports, server)).ask("GET", "/")
        assert (len(proxy.asked), len(server.asked)) == (0, 1)


async def test_a_unix_socket_carries_the_same(transports: list[Transport], tmp_path: Path) -> None:
    path = tmp_path / "s"

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(converse, path)
    async with server:
        transport = Transport(Address("http://localhost", TOKEN, str(path)))
        transports.append(transport)
        assert (await transport.ask("GET", "/")).json() == {}


async def test_a_certificate_is_checked_against_the_ca_that_was_named(
    transports: list[Transport], tmp_path: Path
) -> None:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with Scripted([saying({})], tls=context) as server:
        files = (str(tmp_path / "ca.pem"), None)
        transports += [Transport(Address(server.url, TOKEN, ca_file=ca_file), tries=1) for ca_file in files]
        assert (await transports[0].ask("GET", "/")).json() == {}
        with pytest.raises(TlsError):
            await transports[1].ask("GET", "/")
        assert len(server.asked) == 1


async def test_closing_ends_what_is_under_way() -> None:
    async def silent(asked: object, writer: object) -> None:
        await asyncio.get_running_loop().create_future()

    async with Scripted([silent]) as server:
        transport = Transport(Address(server.url, TOKEN))
        waiting = asyncio.create_task(transport.ask("GET", "/"))
        while not server.asked:
            await asyncio.sleep(0)
        await transport.close()
        with pytest.raises(StoreError, match="closed"):
            await waiting


def test_an_address_shows_no_token() -> None:
    assert TOKEN not in repr(Address("http://x", TOKEN)) + repr(Transport(Address("http://x", TOKEN)))


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("https://d.example.org/", "https://d.example.org"),
        ("https://d.example.org:443", "https://d.example.org"),
        ("d.example.org:8970", "http://d.example.org:8970"),
        ("HTTP://D.Example.org/argosy/", "http://d.example.org/argosy"),
        ("http://[::1]:8970", "http://[::1]:8970"),
    ],
)
def test_an_address_is_kept_in_one_form(text: str, root: str) -> None:
    assert root_of(text) == root


@pytest.mark.parametrize("text", ["", "ftp://x", "http://", "http://u:p@x/", "http://x/?token=1", "http://x:y/"])
def test_what_is_no_address_is_refused_without_its_secrets(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        root_of(text)
    assert "u:p" not in str(caught.value)


def test_pauses_grow_and_differ_and_heed_a_wish() -> None:
    assert all(pause_s(n) <= 5.0 for n in range(1, 20))
    assert min(pause_s(5) for _ in range(50)) > max(pause_s(1) for _ in range(50))
    assert len({pause_s(3) for _ in range(20)}) > 1
    assert pause_s(1, 2.0) == 2.0
    assert pause_s(1, 3600.0) == 5.0


async def test_a_request_begun_in_the_turn_in_which_another_was_cut_is_answered(transports: list[Transport]) -> None:
    async with Scripted([streaming(then="open"), saying({})]) as server:
        transport = await asking(transports, server)

        async def ask_something_else_when_cut() -> int:
            try:
                return (await transport.ask("GET", "/slow")).status
            except asyncio.CancelledError:
                return (await transport.ask("GET", "/next", within_s=10)).status

        asking_on = asyncio.create_task(ask_something_else_when_cut())
        async with asyncio.timeout(10):
            while not server.asked:
                await asyncio.sleep(0)
        asking_on.cancel()
        assert await asking_on == 200
