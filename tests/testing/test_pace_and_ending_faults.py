from __future__ import annotations

import ssl
import time
from pathlib import Path

import pycurl
import pytest
import trustme

from argosy.testing.faults import (
    BEFORE_HEAD,
    Chunked,
    CloseAfter,
    ConnectionLimit,
    Cut,
    Delay,
    Drip,
    HangUp,
    Stall,
    Throttle,
    beginning_at,
    covering,
    on_connection,
    ranged,
)
from argosy.testing.server import Body, FaultyServer

from .wire import Reply, ask, connected, read_answer, read_to_end, read_to_silence, send

MIB = 1 << 20


@pytest.mark.parametrize(("reset", "ended"), [(False, "eof"), (True, "reset")])
@pytest.mark.parametrize("count", [0, 1, 3333, 9999])
def test_a_connection_is_cut_after_exactly_so_many_bytes(
    server: FaultyServer, body: Body, count: int, reset: bool, ended: str
) -> None:
    server.add("/f", body, faults=[Cut(count, reset=reset)])
    with connected(server) as sock:
        send(sock, "/f")
        reply = read_to_end(sock)
    assert (reply["Content-Length"], reply.body, reply.ended) == ("10000", body.read(0, count), ended)
    (record,) = server.requests
    assert (record.bytes_sent, record.outcome) == (count, "cut")


@pytest.mark.parametrize("reset", [False, True])
def test_a_cut_far_into_a_large_body_loses_nothing_of_what_came_before(server: FaultyServer, reset: bool) -> None:
    large = Body.generated(20 * MIB, seed=4)
    server.add("/f", large, faults=[Cut(17 * MIB + 5, reset=reset)])
    with connected(server) as sock:
        send(sock, "/f")
        assert read_to_end(sock).body == large.read(0, 17 * MIB + 5)


def test_each_of_the_first_tries_is_cut_and_the_file_comes_by_resuming(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Cut(3000, reset=True, times=3)])
    received = b""
    while len(received) < body.size:
        with connected(server) as sock:
            send(sock, "/f", f"Range: bytes={len(received)}-", "Connection: close")
            received += read_to_end(sock).body
    assert received == body.read()
    assert [record.bytes_sent for record in server.requests] == [3000, 3000, 3000, 1000]
    assert server.bytes_sent("/f") == body.size


def test_a_cut_beyond_the_end_comes_after_the_whole_body(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Cut(10**9)])
    with connected(server) as sock:
        send(sock, "/f")
        reply = read_to_end(sock)
    assert (reply.body, reply.ended) == (body.read(), "eof")


def test_a_cut_counts_chunked_bytes_as_sent(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Chunked(1000), Cut(15)])
    assert ask(server, "/f").body == b"3e8\r\n" + body.read(0, 10)


@pytest.mark.parametrize(("reset", "ended"), [(False, "eof"), (True, "reset")])
def test_a_connection_ends_without_an_answer(server: FaultyServer, body: Body, reset: bool, ended: str) -> None:
    server.add("/f", body, faults=[HangUp(reset=reset, times=1)])
    reply = ask(server, "/f")
    assert (reply.raw, reply.ended) == (b"", ended)
    assert ask(server, "/f").body == body.read()


@pytest.mark.parametrize(("announce", "told"), [(False, None), (True, "close")])
def test_a_connection_is_closed_after_a_right_answer(
    server: FaultyServer, body: Body, announce: bool, told: str | None
) -> None:
    server.add("/f", body, faults=[CloseAfter(announce=announce)])
    with connected(server) as sock:
        send(sock, "/f")
        reply = read_answer(sock)
        assert (reply.body, reply["Connection"]) == (body.read(), told)
        assert sock.recv(1) == b""


@pytest.mark.parametrize(("reset", "raw_start", "ended"), [(False, b"HTTP/1.1 503", "eof"), (True, b"", "reset")])
def test_more_than_the_allowed_connections_are_refused(
    server: FaultyServer, body: Body, reset: bool, raw_start: bytes, ended: str
) -> None:
    server.add("/f", body, faults=[Stall(10), ConnectionLimit(1, reset=reset)])
    with connected(server) as first:
        send(first, "/f", "Connection: close")
        server.wait_for_bytes(10)
        refused = ask(server, "/f")
        assert (refused.raw[:12], refused.ended) == (raw_start, ended)
        server.release()
        assert read_to_end(first).body == body.read()
    server.wait_until_idle()
    assert ask(server, "/f").body == body.read()


def test_answers_come_late(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Delay(0.15)])
    started = time.monotonic()
    assert ask(server, "/f").body == body.read()
    assert time.monotonic() - started >= 0.15


@pytest.mark.parametrize(
    ("at", "seen"), [(BEFORE_HEAD, None), (0, 0), (4000, 4000)], ids=["before the head", "after the head", "midway"]
)
def test_a_stall_lasts_until_it_is_released(server: FaultyServer, body: Body, at: int, seen: int | None) -> None:
    server.add("/f", body, faults=[Stall(at)])
    with connected(server) as sock:
        send(sock, "/f", "Connection: close")
        before = read_to_silence(sock, seen)
        assert before.ended == "silence"
        assert (before.raw == b"") if seen is None else (before.body == body.read(0, seen))
        server.release()
        assert Reply(before.raw + read_to_end(sock).raw, "").body == body.read()
    (record,) = server.wait_until_idle()
    assert (record.outcome, record.bytes_sent) == ("answered", 10_000)


def test_a_bounded_stall_ends_by_itself(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Stall(5000, seconds=0.15)])
    started = time.monotonic()
    assert ask(server, "/f").body == body.read()
    assert time.monotonic() - started >= 0.15


def test_a_client_that_leaves_a_stall_is_noticed_at_once(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Stall(5000)])
    with connected(server) as sock:
        send(sock, "/f")
        server.wait_for_bytes(5000)
    (record,) = server.wait_until_idle()
    assert (record.outcome, record.bytes_sent) == ("left", 5000)
    server.wait_until(lambda: server.connections_open() == 0)


def test_bytes_drip(server: FaultyServer) -> None:
    server.add("/f", b"abcdef", faults=[Drip(interval_s=0.03, piece_bytes=2)])
    started = time.monotonic()
    assert ask(server, "/f").body == b"abcdef"
    assert time.monotonic() - started >= 0.06


def test_a_throttled_answer_takes_its_time_and_arrives_whole(server: FaultyServer) -> None:
    body = Body.generated(200_000, seed=1)
    server.add("/f", body, faults=[Throttle(1_000_000)])
    started = time.monotonic()
    assert ask(server, "/f").body == body.read()
    assert 0.17 <= time.monotonic() - started < 2


def test_one_connection_is_slow_among_fast_ones(server: FaultyServer, body: Body) -> None:
    server.add("/f", body, faults=[Stall(100, when=on_connection(2))])
    assert ask(server, "/f").body == body.read()
    assert ask(server, "/f", silent_after=100).body == body.read(0, 100)
    assert ask(server, "/f").body == body.read()


def test_one_part_of_a_file_is_slow(server: FaultyServer, body: Body) -> None:
    server.add("/begin", body, faults=[Stall(0, when=beginning_at(5000, 6000))])
    server.add("/cover", body, faults=[Stall(0, when=ranged & covering(5500))])
    for path in ("/begin", "/cover"):
        assert ask(server, path, "Range: bytes=0-4999").body == body.read(0, 5000)
        assert ask(server, path, "Range: bytes=5000-5999", silent_after=0).body == b""
        assert ask(server, path, "Range: bytes=6000-").body == body.read(6000)
    assert ask(server, "/begin", "Range: bytes=4000-").body == body.read(4000)
    assert ask(server, "/cover", "Range: bytes=4000-", silent_after=0).body == b""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # some builds of Python set it: they would miss a truncation
    return context


def test_a_file_comes_over_tls(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    body = Body.generated(5 * MIB, seed=2)
    with FaultyServer(ssl_context=server_tls, name="localhost") as server:
        assert server.add("/f", body) == f"https://localhost:{server.port}/f"
        reply = ask(server, "/f", tls=client_tls)
        assert (reply.body, reply.ended) == (body.read(), "eof")
        assert server.bytes_sent() == body.size


@pytest.mark.parametrize(
    ("fault", "ended"),
    [
        (Cut(4 * MIB), "eof"),
        (Cut(4 * MIB, close_notify=False), "truncated"),
        (Cut(4 * MIB, reset=True), "truncated"),  # Python's ssl does not tell an RST from a FIN; libcurl does, below
    ],
    ids=["close_notify", "truncated", "reset"],
)
def test_a_connection_is_cut_over_tls(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, fault: Cut, ended: str
) -> None:
    body = Body.generated(5 * MIB, seed=2)
    with FaultyServer(ssl_context=server_tls, name="localhost") as server:
        server.add("/f", body, faults=[fault])
        reply = ask(server, "/f", tls=client_tls)
        assert (reply.body, reply.ended) == (body.read(0, 4 * MIB), ended)


@pytest.mark.parametrize(
    ("reset", "complaint"), [(True, "reset by peer"), (False, "unexpected eof")], ids=["reset", "truncated"]
)
def test_a_reset_over_tls_is_a_reset_of_the_connection(
    authority: trustme.CA, server_tls: ssl.SSLContext, tmp_path: Path, reset: bool, complaint: str
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with FaultyServer(ssl_context=server_tls, name="localhost") as server:
        url = server.add("/f", Body.generated(MIB), faults=[Cut(1000, reset=reset, close_notify=False)])
        curl = pycurl.Curl()
        curl.setopt(curl.URL, url)
        curl.setopt(curl.CAINFO, str(tmp_path / "ca.pem"))
        curl.setopt(curl.WRITEFUNCTION, len)
        with pytest.raises(pycurl.error) as cut:
            curl.perform()
        curl.close()
        assert complaint in cut.value.args[1]


def test_a_client_that_distrusts_the_certificate_leaves_and_others_are_served(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    with FaultyServer(ssl_context=server_tls, name="localhost") as server:
        url = server.add("/f", b"abc")
        curl = pycurl.Curl()
        curl.setopt(curl.URL, url)
        with pytest.raises(pycurl.error) as refused:
            curl.perform()
        curl.close()
        assert refused.value.args[0] == pycurl.E_PEER_FAILED_VERIFICATION
        assert ask(server, "/f", tls=client_tls).body == b"abc"
        assert len(server.requests) == 1
