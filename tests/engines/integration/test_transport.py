"""Connections that cannot be made, fall silent, break, or are slower than the others."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from argosy.testing.faults import (
    BEFORE_HEAD,
    CloseAfter,
    ConnectionLimit,
    Cut,
    Drip,
    HangUp,
    Stall,
    Throttle,
    nth,
    on_connection,
)
from argosy.testing.server import Body, FaultyServer

from ..harness import Bench, is_paused

BODY = Body.generated(3_000_000, seed=3)
FILE = BODY.read()
BACKLOG = 0


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@contextmanager
def black_hole(host: str, port: int = 0) -> Iterator[int]:
    """A port that answers no SYN: a listening socket whose queue is full."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket(family))
        listening.bind((host, port))
        listening.listen(BACKLOG)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket(family))
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


# -- no connection ---------------------------------------------------------------------------------------------------


async def test_a_refused_connection_is_told_and_worth_a_retry(bench: Bench) -> None:
    done = await bench.fetch(f"http://127.0.0.1:{unused_port()}/file.bin")

    assert done.code == "connection_refused"
    assert done.error is not None
    assert done.error.retryable
    assert done.error.hint


async def test_a_host_that_never_answers_is_given_up_in_time(bench: Bench) -> None:
    with black_hole("127.0.0.1") as port:
        done = await bench.fetch(f"http://127.0.0.1:{port}/file.bin", connect_timeout_s=0.5)

    assert done.code == "timeout"
    assert done.error is not None
    assert done.error.retryable


async def test_a_name_that_does_not_exist_is_told(bench: Bench) -> None:
    done = await bench.fetch("http://no-such-host.invalid/file.bin", connect_timeout_s=8.0)

    assert done.code == "dns"
    assert done.error is not None
    assert done.error.retryable


async def test_where_only_one_kind_of_address_answers_that_one_is_used(server: FaultyServer, bench: Bench) -> None:
    url = server.add("/file.bin", BODY).replace("127.0.0.1", "localhost")

    with socket.socket(socket.AF_INET6) as probe:
        if probe.connect_ex(("::1", server.port)) == errno.EADDRNOTAVAIL:
            pytest.skip("this machine has no IPv6")
    with black_hole("::1", server.port):
        done = await bench.fetch(url)

    assert await bench.publish(done) == FILE


# -- silence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_bytes", [BEFORE_HEAD, 0])
async def test_silence_is_a_stall(server: FaultyServer, bench: Bench, after_bytes: int) -> None:
    url = server.add("/file.bin", BODY, faults=[Stall(after_bytes)])

    done = await bench.fetch(url)

    assert done.code == "stalled"
    assert done.error is not None
    assert done.error.retryable


async def test_what_came_before_a_silence_is_kept(server: FaultyServer, bench: Bench) -> None:
    url = server.add("/file.bin", BODY, faults=[Stall(1_000_000, times=1)])

    done = await bench.fetch(url)

    assert await bench.publish(done) == FILE
    assert [record.range for record in server.requests] == ["bytes=0-", "bytes=998976-"]


async def test_a_trickle_is_a_stall_too(server: FaultyServer, bench: Bench) -> None:
    url = server.add("/file.bin", BODY, faults=[Drip(0.1)])

    done = await bench.fetch(url)

    assert done.code == "stalled"


# -- broken connections ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("connections", [1, 4])
async def test_a_connection_that_breaks_again_and_again_costs_next_to_nothing(
    server: FaultyServer, bench: Bench, reset: bool, connections: int
) -> None:
    url = server.add("/file.bin", BODY, faults=[Cut(400_000, reset=reset, times=5)])

    done = await bench.fetch(url, connections=connections)

    assert await bench.publish(done) == FILE
    assert server.bytes_sent() < BODY.size + 5 * 1024 * 1024


@pytest.mark.parametrize("reset", [False, True])
async def test_a_server_that_hangs_up_at_once_is_worth_a_retry(server: FaultyServer, bench: Bench, reset: bool) -> None:
    url = server.add("/file.bin", BODY, faults=[HangUp(reset=reset)])

    done = await bench.fetch(url)

    assert done.code == "reset"
    assert done.error is not None
    assert done.error.retryable


async def test_a_kept_connection_that_the_server_closes_is_replaced_without_a_word(
    server: FaultyServer, bench: Bench
) -> None:
    urls = [server.add(f"/{n}.bin", b"%d" % n * 1000, faults=[CloseAfter()]) for n in range(10)]

    for number, url in enumerate(urls):
        done = await bench.fetch(url)
        assert await bench.publish(done) == b"%d" % number * 1000
        assert done.warnings == []

    assert [len(server.requests_to(f"/{n}.bin")) for n in range(10)] == [1] * 10


async def test_a_network_that_goes_and_comes_back_costs_nothing(server: FaultyServer, bench: Bench) -> None:
    url = server.add("/file.bin", BODY, faults=[Throttle(4_000_000)])
    fetching = asyncio.create_task(bench.fetch(url))
    while server.bytes_sent() < 1_000_000:
        await asyncio.sleep(0.01)
    server.go_down()
    cut = await fetching
    assert cut.error is not None
    assert cut.error.retryable
    assert cut.received > 500_000

    again = await bench.resume(cut)
    assert again.code == "connection_refused"
    assert again.received == cut.received

    server.come_up()
    server.set_faults("/file.bin")
    done = await bench.resume(again)

    assert await bench.publish(done) == FILE
    assert server.requests[-1].bytes_sent <= BODY.size - cut.received + 1024


# -- unequal connections ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True])
async def test_a_server_that_allows_few_connections_gets_few(server: FaultyServer, bench: Bench, reset: bool) -> None:
    limit = ConnectionLimit(1, reset=reset)
    url = server.add("/file.bin", BODY, faults=[limit, Throttle(3_000_000)])

    done = await bench.fetch(url, connections=8)

    assert await bench.publish(done) == FILE
    refused = [record for record in server.requests if record.bytes_sent == 0 or record.status == 503]
    assert len(refused) <= 3, "a server that refuses is not asked again and again"
    assert done.warnings == []


async def test_a_slow_connection_among_fast_ones_is_relieved_of_its_work(server: FaultyServer, bench: Bench) -> None:
    """Seven at 1 MB/s and one at 20 kB/s: an eighth of the file would take the slow one twelve seconds."""
    slow = 3
    body = Body.generated(8_000_000, seed=4)
    url = server.add(
        "/file.bin",
        body,
        faults=[Throttle(1_000_000, when=~on_connection(slow)), Throttle(20_000, when=on_connection(slow))],
    )

    done = await bench.fetch(url, connections=8, stall_timeout_s=5.0)

    assert done.state is not None
    by_connection = {record.connection: 0 for record in server.requests}
    for record in server.requests:
        by_connection[record.connection] += record.bytes_sent
    assert len(by_connection) >= 4
    assert by_connection[slow] < body.size / 20
    assert sum(by_connection.values()) < body.size * 1.25, "little is sent twice"


async def test_one_slow_answer_after_a_pause_does_not_hold_up_the_rest(server: FaultyServer, bench: Bench) -> None:
    url = server.add("/file.bin", BODY, faults=[Throttle(1_500_000), Stall(0, when=nth(3), seconds=None)])

    first = await bench.fetch(url, stop_after=400_000)
    assert is_paused(first)
    done = await bench.resume(first, connections=4)

    assert done.state is not None
    assert await bench.publish(done) == FILE
