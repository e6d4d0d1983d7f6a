"""A task that may reach public addresses only: every connection is looked at, however its address was written.

``HERE`` stands for a network that is allowed; everything else on this machine is refused.
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from argosy.core.addresses import Addresses
from argosy.core.types import FileState
from argosy.engines.curl import CurlEngine
from argosy.errors import AddressRefused, ArgosyError, NetworkError
from argosy.testing.faults import Redirect
from argosy.testing.server import Body, FaultyServer

from .harness import OPTIONS, PATH, TASK, Bench
from .integration.servers import Running, running

HERE = "127.0.0.2"
BODY = Body.generated(300_000, seed=3)
GUARDED = replace(OPTIONS, public_only=True)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench whose owner allows ``HERE``."""
    bench = Bench(tmp_path / "downloads", options=GUARDED)
    bench.engine = CurlEngine(Addresses((ip_network(HERE),)))
    yield bench
    await bench.close()


@pytest.fixture
def here() -> Iterator[FaultyServer]:
    with FaultyServer(host=HERE) as running:
        yield running


@pytest.fixture
def inside(server: FaultyServer) -> FaultyServer:
    """A server that must not be reached."""
    server.add(PATH, BODY)
    return server


def connections(server: FaultyServer) -> int:
    return len({record.connection for record in server.requests})


WRITTEN = (
    "http://127.0.0.1:{port}", "http://localhost:{port}", "http://localhost.:{port}", "http://127.1:{port}",
    "http://2130706433:{port}", "http://0x7f000001:{port}", "http://0177.0.0.1:{port}", "http://0.0.0.0:{port}",
    "http://[::ffff:127.0.0.1]:{port}", "http://[::ffff:7f00:1]:{port}", "http://[::]:{port}",
    "http://1.1.1.1@127.0.0.1:{port}", "http://1.1.1.1:80@127.0.0.1:{port}", "HTTP://127.0.0.1:{port}",
    "ftp://127.0.0.1:{port}", "sftp://127.0.0.1:{port}", "https://127.0.0.1:{port}",
)  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN)
async def test_a_closed_address_is_refused_however_it_is_written(
    written: str, inside: FaultyServer, bench: Bench
) -> None:
    attempt = await bench.fetch(written.format(port=inside.port) + PATH)
    assert (attempt.code, attempt.connections) == ("address", 0)
    assert isinstance(attempt.error, AddressRefused)
    assert not attempt.error.retryable
    assert "--allow-network" in attempt.error.hint
    assert inside.requests == []


async def test_a_refusal_does_not_tell_what_the_name_means(inside: FaultyServer, bench: Bench) -> None:
    attempt = await bench.fetch(f"http://localhost:{inside.port}{PATH}")
    assert attempt.error is not None
    assert "127" not in attempt.error.message + attempt.error.hint


async def test_the_loopback_of_ipv6_is_closed_too(bench: Bench) -> None:
    with FaultyServer(host="::1") as server:
        url = server.add(PATH, BODY)
        assert (await bench.fetch(url)).code == "address"
        assert server.requests == []


async def test_an_allowed_network_is_reached(here: FaultyServer, bench: Bench) -> None:
    done = await bench.fetch(here.add(PATH, BODY), connections=4)
    assert await bench.publish(done) == BODY.read()


async def test_a_redirect_to_a_closed_address_is_refused(
    here: FaultyServer, inside: FaultyServer, bench: Bench
) -> None:
    url = here.add(PATH, b"", faults=[Redirect(inside.url(PATH))])
    assert (await bench.fetch(url)).code == "address"
    assert len(here.requests) == 1
    assert inside.requests == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1:1/", "dict://127.0.0.1:1/", "data:,x"])
async def test_a_redirect_to_another_kind_of_place_is_refused(target: str, here: FaultyServer, bench: Bench) -> None:
    url = here.add(PATH, b"", faults=[Redirect(target)])
    attempt = await bench.fetch(url)
    assert attempt.error is not None
    assert not attempt.error.retryable
    assert attempt.received == 0


async def test_a_mirror_at_a_closed_address_is_left_out(here: FaultyServer, inside: FaultyServer, bench: Bench) -> None:
    done = await bench.fetch(inside.url(PATH), here.add(PATH, BODY))
    assert await bench.publish(done) == BODY.read()
    assert inside.requests == []


async def test_lists_of_checksums_and_questions_are_looked_at_too(inside: FaultyServer, bench: Bench) -> None:
    with pytest.raises(AddressRefused):
        await bench.engine.read(inside.url(PATH), GUARDED, 1_000_000)
    state = FileState(TASK, 0, (inside.url(PATH),), size=BODY.size, etag='"x"')
    assert not await bench.engine.unchanged(state, GUARDED)
    assert inside.requests == []


async def test_an_open_connection_of_a_trusted_task_is_not_lent_to_another(inside: FaultyServer, bench: Bench) -> None:
    trusted = await bench.fetch(inside.url(PATH), public_only=False)
    assert await bench.publish(trusted) == BODY.read()
    asked = len(inside.requests)
    assert (await bench.fetch(inside.url(PATH))).code == "address"
    assert len(inside.requests) == asked
    again = await bench.fetch(inside.url(PATH), public_only=False)
    assert await bench.publish(again) == BODY.read()


async def test_an_address_that_may_be_reached_but_is_not_there_is_an_ordinary_failure(bench: Bench) -> None:
    with socket.create_server((HERE, 0)) as closed:
        port = closed.getsockname()[1]
    attempt = await bench.fetch(f"http://{HERE}:{port}/")
    assert attempt.code == "connection_refused"
    assert isinstance(attempt.error, NetworkError)


# -- proxies -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("proxy.py", tmp_path_factory.mktemp("proxy")) as started:
        yield started


async def test_a_proxy_of_the_environment_is_not_used(
    here: FaultyServer, bench: Bench, proxy: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    before = len(proxy.events)
    done = await bench.fetch(here.add(PATH, BODY))
    assert await bench.publish(done) == BODY.read()
    assert len(proxy.events) == before


async def test_a_proxy_that_somebody_asks_for_must_be_at_an_open_address(
    here: FaultyServer, bench: Bench, proxy: Running
) -> None:
    before = len(proxy.events)
    attempt = await bench.fetch(here.add(PATH, BODY), proxy=f"http://127.0.0.1:{proxy.port}")
    assert attempt.code == "address"
    assert len(proxy.events) == before


async def behind(bench: Bench, proxy: Running, url: str) -> ArgosyError | None:
    """Return what became of the URL where the owner has set the proxy."""
    setting = f"http://127.0.0.1:{proxy.port}"
    await bench.engine.close()
    bench.engine = CurlEngine(Addresses((ip_network(HERE),)), setting)
    return (await bench.fetch(url, proxy=setting)).error


async def test_the_owners_proxy_may_be_anywhere_and_no_address_is_exempt_from_it(
    here: FaultyServer, bench: Bench, proxy: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    before = len(proxy.events)
    url = here.add(PATH, BODY)
    assert await behind(bench, proxy, url) is None
    assert [event["target"] for event in proxy.events[before:]] == [url]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "a.localhost.", "2130706433", "0x7f.1", "[::1]", "10.0.0.1"]
)
async def test_the_owners_proxy_is_not_asked_for_a_closed_address(host: str, bench: Bench, proxy: Running) -> None:
    before = len(proxy.events)
    refused = await behind(bench, proxy, f"http://{host}:9/")
    assert refused is not None
    assert refused.detail_code == "address"
    assert json.dumps(proxy.events[before:]) == "[]"
