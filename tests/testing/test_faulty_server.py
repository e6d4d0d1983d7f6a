from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import trustme

from argosy.testing import faults as all_faults
from argosy.testing.faults import (
    Cut,
    Stall,
    Status,
    after,
    always,
    conditional,
    first,
    head,
    nth,
    ranged,
    with_header,
)
from argosy.testing.server import Answer, Body, Fault, FaultyServer, Question, Request

from .wire import ask, connected, read_answer, read_to_end, send


def server_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "faulty-server"]


def test_nothing_is_left_after_stop_even_when_clients_hang(body: Body) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(tls)
    before = len(server_threads())
    with warnings.catch_warnings(record=True) as leaks:
        warnings.simplefilter("always", ResourceWarning)
        with FaultyServer() as server, FaultyServer(ssl_context=tls) as secure:
            server.add("/f", body, faults=[Stall(100)])
            with connected(server) as stalled, connected(server) as idle, connected(secure) as mute:
                send(stalled, "/f")
                server.wait_for_bytes(100)
                server.stop()
                secure.stop()
                assert read_to_end(stalled).ended == "reset"
                assert read_to_end(idle).ended == "reset"
                assert read_to_end(mute).ended == "reset"
        gc.collect()
    assert [str(leak.message) for leak in leaks] == []
    assert len(server_threads()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


async def test_it_is_an_async_context_manager_too(body: Body) -> None:
    async with FaultyServer() as server:
        server.add("/f", body)
        reply = await asyncio.to_thread(ask, server, "/f")
    assert reply.body == body.read()
    assert "stopped" in repr(server)


def test_a_stopped_server_starts_again_with_its_files_at_its_port(body: Body) -> None:
    server = FaultyServer()
    with server:
        url = server.add("/f", body)
    with server:
        assert server.url("/f") == url
        assert ask(server, "/f").body == body.read()


def test_starting_twice_and_using_a_stopped_network_are_errors() -> None:
    with FaultyServer() as server, pytest.raises(RuntimeError, match="running"):
        server.start()
    with pytest.raises(RuntimeError, match="not running"):
        server.go_down()
    server.stop()


def test_a_taken_port_is_an_error_and_leaves_no_thread() -> None:
    before = len(server_threads())
    with pytest.raises(OSError, match="assign"):
        FaultyServer(host="192.0.2.1").start()
    assert len(server_threads()) == before


def test_it_listens_on_ipv6() -> None:
    with FaultyServer(host="::1") as server:
        url = server.add("/f", b"abc")
        assert url == f"http://[::1]:{server.port}/f"
        with socket.create_connection(("::1", server.port), timeout=5) as sock:
            send(sock, "/f")
            assert read_answer(sock).body == b"abc"


def test_an_error_in_a_fault_is_raised_by_stop() -> None:
    @dataclass(frozen=True, slots=True)
    class Broken(Fault):
        def bend_answer(self, question: Question, answer: Answer) -> Answer:
            raise ZeroDivisionError

    server = FaultyServer().start()
    server.add("/f", b"abc", faults=[Broken()])
    assert ask(server, "/f").raw == b""
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        server.stop()
    assert "stopped" in repr(server)


def test_an_error_of_the_test_itself_is_not_hidden() -> None:
    server = FaultyServer()

    def failing_test() -> None:
        with server:
            server.add("/f", b"abc", faults=[all_faults.ChangeWhileSending(b"longer", 1)])
            ask(server, "/f")
            raise KeyError

    with pytest.raises(KeyError):
        failing_test()


def test_a_fault_of_your_own_bends_what_it_likes(server: FaultyServer) -> None:
    @dataclass(frozen=True, slots=True)
    class Upper(Fault):
        def bend_answer(self, question: Question, answer: Answer) -> Answer:
            return answer.with_payload(Body.of(answer.payload.read().upper()))

    server.add("/f", b"abc", faults=[Upper(when=ranged)])
    assert (ask(server, "/f").body, ask(server, "/f", "Range: bytes=1-").body) == (b"abc", b"BC")


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        (Status(500), "xxxxx"),
        (Status(500, times=2), "xx..."),
        (Status(500, times=0), "....."),
        (Status(500, skip=3), "...xx"),
        (Status(500, skip=1, times=2), ".xx.."),
        (Status(500, when=nth(1, 4)), "x..x."),
        (Status(500, when=first(3)), "xxx.."),
        (Status(500, when=after(3)), "...xx"),
        (Status(500, when=~nth(2) & first(4), skip=1), "..xx."),
        (Status(500, when=nth(1) | nth(5)), "x...x"),
        (Status(500, when=lambda request: request.number == 3), "..x.."),
    ],
)
def test_a_fault_strikes_the_requests_it_is_meant_for(server: FaultyServer, fault: Fault, struck: str) -> None:
    server.add("/f", b"abc", faults=[fault])
    assert "".join("x" if ask(server, "/f").status == 500 else "." for _ in range(5)) == struck


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        (always, "abcd"),
        (ranged, "bc"),
        (conditional, "c"),
        (head, "d"),
        (with_header("X-Y"), "d"),
        (with_header("x-y", "other"), ""),
    ],
    ids=repr,
)
def test_predicates_look_at_the_request(when: all_faults.When, matches: str) -> None:
    requests = {
        "a": Request("GET", "/"),
        "b": Request("GET", "/", headers=(("range", "bytes=0-"),)),
        "c": Request("GET", "/", headers=(("Range", "bytes=0-"), ("If-Range", '"v"'))),
        "d": Request("HEAD", "/", headers=(("X-Y", "z"),)),
    }
    assert "".join(name for name, request in requests.items() if when(request)) == matches


def test_faults_of_the_server_strike_every_path() -> None:
    with FaultyServer(faults=[Status(503, times=1)]) as server:
        server.add("/a", b"a")
        server.add("/b", b"b", faults=[Cut(0, skip=1)])
        assert [ask(server, path).status for path in ("/a", "/a", "/b")] == [503, 200, 503]
        assert ask(server, "/b").body == b""


def test_faults_are_set_anew_while_it_runs(server: FaultyServer, body: Body) -> None:
    server.add("/f", body)
    assert ask(server, "/f").status == 200
    server.set_faults("/f", Status(404, times=1))
    assert [ask(server, "/f").status for _ in range(2)] == [404, 200]


def test_every_fault_is_exported_documented_and_frozen() -> None:
    faults = [thing for thing in vars(all_faults).values() if isinstance(thing, type) and issubclass(thing, Fault)]
    assert len(faults) > 50
    for fault in faults:
        assert fault.__name__ in all_faults.__all__
        assert fault.__doc__
        assert not fault.__doc__.startswith(f"{fault.__name__}(")
        assert fault.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_the_log_tells_the_exact_requests(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, etag="v1")
    with connected(server) as sock:
        send(sock, "/f", "Range: bytes=10-19", 'If-Range: "v1"', "User-Agent: me")
        read_answer(sock)
    ask(server, "/missing")
    ask(server, "/f?q=1", method="HEAD")
    one, missing, last = server.requests
    assert (one.method, one.path, one.range, one.if_range) == ("GET", "/f", "bytes=10-19", '"v1"')
    assert (one.status, one.bytes_sent, one.connection, one.agent, one.outcome) == (206, 10, 1, "me", "answered")
    assert (missing.status, missing.order, missing.connection) == (404, 2, 2)
    assert (last.method, last.number, last.bytes_sent, last.header("host")) == ("HEAD", 2, 0, "localhost")
    assert one.ended_s is not None
    assert one.started_s <= one.ended_s <= missing.started_s
    assert repr(one) == "<1: GET /f bytes=10-19 -> 206, 10 bytes, answered>"
    assert server.requests_to("/f") == [one, last]
    assert server.bytes_sent("/f") == 10


def test_what_a_client_has_received_is_in_the_log(server: FaultyServer) -> None:
    body = Body.generated(3_000_000, seed=1)
    server.add("/f", body)
    with connected(server) as sock:
        for count in range(1, 20):
            send(sock, "/f")
            read_answer(sock)
            assert server.bytes_sent() == count * body.size
            assert server.requests[-1].outcome == "answered"


def test_waiting_ends_with_the_requests_or_a_timeout(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Stall(100)])
    with pytest.raises(TimeoutError):
        server.wait_for_requests(1, timeout_s=0.05)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(server.wait_for_requests, 2, path="/f")
        answers = [pool.submit(ask, server, "/f") for _ in range(2)]
        assert [record.path for record in waiting.result()] == ["/f", "/f"]
        with pytest.raises(TimeoutError):
            server.wait_until_idle(timeout_s=0.05)
        server.release()
        assert [answer.result().body for answer in answers] == [body.read()] * 2
    assert len(server.wait_until_idle()) == 2


def test_open_connections_are_counted_now_and_at_most(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Stall(100)])
    server.add("/g", body)
    with connected(server) as one, connected(server) as two, connected(server):
        send(one, "/f")
        send(two, "/f")
        server.wait_until(lambda: server.connections_open("/f") == 2)
        server.wait_until(lambda: server.connections_open() == 3)
        assert ask(server, "/g").status == 200
    server.wait_until(lambda: server.connections_open() == 0)
    assert (server.max_open("/f"), server.max_open("/g"), server.max_open(), server.connections) == (2, 1, 4, 4)


def test_more_connections_than_allowed_are_reset(body: Body) -> None:
    with FaultyServer(max_connections=1) as server:
        server.add("/f", body)
        with connected(server) as sock:
            send(sock, "/f")
            read_answer(sock)
            assert ask_or_reset(server) == "reset"
        server.wait_until(lambda: server.connections_open() == 0)
        assert ask_or_reset(server) == "eof"


def ask_or_reset(server: FaultyServer) -> str:
    try:
        return ask(server, "/f").ended
    except ConnectionError:
        return "reset"


def test_the_network_goes_down_and_comes_back(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Stall(100, times=2)])
    with connected(server) as sock:
        send(sock, "/f")
        server.wait_for_bytes(100)
        server.drop_connections()
        assert read_to_end(sock).ended == "reset"
    with connected(server) as sock:
        send(sock, "/f")
        server.wait_for_bytes(200)
        server.go_down()
        assert read_to_end(sock).ended == "reset"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
    server.come_up()
    assert ask(server, "/f").body == body.read()


def test_a_small_send_buffer_keeps_the_count_close_to_what_was_read() -> None:
    body = Body.generated(50_000_000, seed=1)
    with FaultyServer(send_buffer_bytes=16_384) as server:
        server.add("/f", body)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            sock.connect(("127.0.0.1", server.port))
            send(sock, "/f")
            server.wait_for_requests(1)
        (record,) = server.wait_until_idle()
        assert record.outcome == "left"
        assert record.bytes_sent < 1_000_000


def test_many_clients_at_once_are_served_rightly(server: FaultyServer) -> None:
    bodies = [Body.generated(300_000 + seed, seed) for seed in range(20)]
    for number, body in enumerate(bodies):
        server.add(f"/{number}", body)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: ask(server, f"/{number}").body, range(20)))
    assert replies == [body.read() for body in bodies]
    assert server.bytes_sent() == sum(body.size for body in bodies)
    assert [record.order for record in server.requests] == list(range(1, 21))


def test_the_example_in_the_docstring_holds(server: FaultyServer) -> None:
    body = Body.generated(size=5_000_000, seed=1)
    server.add("/file.bin", body, faults=[Cut(after_bytes=1_000_000, reset=True, times=2)])
    received = ask(server, "/file.bin").body
    while len(received) < body.size:
        received += ask(server, "/file.bin", f"Range: bytes={len(received)}-").body
    assert received == body.read()
    assert [record.range for record in server.requests] == [None, "bytes=1000000-", "bytes=2000000-"]
    assert server.bytes_sent("/file.bin") == body.size


def test_a_path_must_begin_with_a_slash(server: FaultyServer) -> None:
    with pytest.raises(ValueError, match="begins with"):
        server.add("f", b"")
