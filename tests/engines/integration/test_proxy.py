"""Between us and the server stands another: HTTP proxies with and without tunnels, SOCKS, and none."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from argosy.testing.server import Body, FaultyServer

from ..harness import Bench
from .servers import Running, running

BODY = Body.generated(700_000, seed=7)
LOGIN = {"user": "ann", "password": "open-sesame"}
Secure = Callable[..., FaultyServer]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("proxy.py", tmp_path_factory.mktemp("proxy")) as started:
        yield started


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy that wants to know who asks."""
    with running("proxy.py", tmp_path_factory.mktemp("guarded"), **LOGIN) as started:
        yield started


@pytest.fixture
def seen(proxy: Running) -> Callable[[], list[dict[str, object]]]:
    """What the proxy has been asked for since the test began."""
    before = len(proxy.events)
    return lambda: proxy.events[before:]


Seen = Callable[[], list[dict[str, object]]]


async def test_a_proxy_is_asked_for_the_url(server: FaultyServer, bench: Bench, proxy: Running, seen: Seen) -> None:
    url = server.add("/file.bin", BODY)

    done = await bench.fetch(url, proxy=f"http://127.0.0.1:{proxy.port}", connections=4)

    assert await bench.publish(done) == BODY.read()
    assert {event["target"] for event in seen()} == {url}


async def test_a_secure_url_goes_through_a_tunnel_that_sees_no_secret(
    secure: Secure, bench: Bench, proxy: Running, seen: Seen, ca_file: str
) -> None:
    with secure() as server:
        url = server.add("/file.bin", BODY)

        done = await bench.fetch(
            url, proxy=f"http://127.0.0.1:{proxy.port}", ca_file=ca_file, user="ann:secret",
            headers=(("X-Secret", "secret"),), cookie="a=secret",
        )  # fmt: skip

        assert await bench.publish(done) == BODY.read()
    (event,) = seen()
    assert (event["method"], event["target"]) == ("CONNECT", f"127.0.0.1:{server.port}")
    assert set(event["headers"]) <= {"host", "user-agent", "proxy-connection", ""}  # type: ignore[call-overload]


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_socks_is_spoken(server: FaultyServer, bench: Bench, proxy: Running, seen: Seen, scheme: str) -> None:
    """Who asks for ``socks5h`` has the name looked up by the proxy."""
    url = server.add("/file.bin", BODY)
    if scheme == "socks5h":
        url = url.replace("127.0.0.1", "localhost")

    done = await bench.fetch(url, proxy=f"{scheme}://127.0.0.1:{proxy.told['socks']}")

    assert await bench.publish(done) == BODY.read()
    assert {event["socks"] for event in seen()} == {"localhost" if scheme == "socks5h" else "127.0.0.1"}


@pytest.mark.parametrize("kind", ["http", "socks5h"])
async def test_credentials_for_the_proxy_are_given_in_its_url(
    server: FaultyServer, bench: Bench, guarded: Running, kind: str
) -> None:
    url = server.add("/file.bin", BODY)
    port = guarded.port if kind == "http" else guarded.told["socks"]

    done = await bench.fetch(url, proxy=f"{kind}://ann:open-sesame@127.0.0.1:{port}")

    assert await bench.publish(done) == BODY.read()
    assert server.requests[0].header("Proxy-Authorization") is None


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_proxy_that_refuses_our_credentials_is_told(
    server: FaultyServer, secure: Secure, bench: Bench, guarded: Running, ca_file: str, encrypted: bool
) -> None:
    with secure() as other:
        url = (other if encrypted else server).add("/file.bin", BODY)

        done = await bench.fetch(url, proxy=f"http://ann:wrong-word@127.0.0.1:{guarded.port}", ca_file=ca_file)

    assert done.code == "http_407"
    assert done.error is not None
    assert not done.error.retryable
    assert "wrong-word" not in repr(done.error.failure())


async def test_a_socks_proxy_that_refuses_our_credentials_is_told(
    server: FaultyServer, bench: Bench, guarded: Running
) -> None:
    url = server.add("/file.bin", BODY)

    done = await bench.fetch(url, proxy=f"socks5h://ann:wrong-word@127.0.0.1:{guarded.told['socks']}")

    assert done.code == "proxy"
    assert done.error is not None
    assert "wrong-word" not in repr(done.error.failure())


@pytest.mark.parametrize(("status", "retried"), [(403, False), (502, True), (503, True)])
async def test_a_proxy_that_refuses_a_tunnel_is_told(
    secure: Secure, bench: Bench, tmp_path: Path, ca_file: str, status: int, retried: bool
) -> None:
    with secure() as server, running("proxy.py", tmp_path, refuse=status) as refusing:
        url = server.add("/file.bin", BODY)

        done = await bench.fetch(url, proxy=f"http://127.0.0.1:{refusing.port}", ca_file=ca_file)

    assert done.code == "proxy"
    assert done.error is not None
    assert done.error.retryable == retried
    assert str(status) in done.error.message


async def test_a_tunnel_that_is_cut_goes_on_where_it_was_cut(
    secure: Secure, bench: Bench, tmp_path: Path, ca_file: str
) -> None:
    with secure() as server, running("proxy.py", tmp_path, cut_after=300_000, cuts=1) as cutting:
        url = server.add("/file.bin", BODY)

        done = await bench.fetch(url, proxy=f"http://127.0.0.1:{cutting.port}", ca_file=ca_file)

        assert await bench.publish(done) == BODY.read()
        assert len(server.requests) == 2
    assert done.warnings == []


@pytest.mark.parametrize("kind", ["http", "socks5h"])
async def test_a_proxy_that_is_down_is_told(server: FaultyServer, bench: Bench, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

    done = await bench.fetch(server.add("/file.bin", BODY), proxy=f"{kind}://127.0.0.1:{port}")

    assert done.code == "proxy"
    assert done.error is not None
    assert done.error.retryable
    assert "--proxy" in done.error.hint


async def test_the_environment_can_name_the_proxy_and_who_needs_none(
    server: FaultyServer, bench: Bench, proxy: Running, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.add("/file.bin", BODY)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")

    await bench.fetch(url)
    assert len(seen()) == 1

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    await bench.fetch(url)
    assert len(seen()) == 1


async def test_no_proxy_at_all_can_be_asked_for(
    server: FaultyServer, bench: Bench, proxy: Running, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")

    await bench.fetch(server.add("/file.bin", BODY), proxy="")

    assert seen() == []
