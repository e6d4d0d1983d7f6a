"""Requests that mean harm: too large, too deep, too slow, too many, or two things at once. The daemon goes on serving others."""

from __future__ import annotations

import gzip
import json
import resource
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from argosy.service.daemon.crowd import Crowd
from argosy.service.daemon.protocol import HEAD_S
from argosy.service.security.limits import BODY_BYTES, PAUSE_S

from .daemon import Answer, Daemon
from .wire import connected, head_of, parsed, spoken

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for all of this: none of it may hurt it."""
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    daemon = Daemon(home, tmp_path_factory.mktemp("downloads"))
    yield daemon.start()
    assert daemon.request("GET", "/v1/session").status == 200, "it serves no more"
    daemon.clear_away()


def resident_bytes(daemon: Daemon) -> int:
    pages = int(Path(f"/proc/{daemon.pid}/statm").read_text().split()[1])
    return pages * 4096


def head(service: Daemon, method: str = "POST", path: str = "/v1/tasks", *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{service.port}", f"Authorization: Bearer {service.token}",
             "Content-Type: application/json", *more]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode()


def posted(service: Daemon, body: bytes, **headers: str) -> Answer:
    return service.request("POST", "/v1/tasks", headers={"Content-Type": "application/json", **headers}, body=body)


# -- size ----------------------------------------------------------------------------------------------


def test_a_body_of_a_gigabyte_is_refused_by_its_claim_alone(service: Daemon) -> None:
    for path in ("/v1/tasks", "/v1/login", "/nowhere"):
        answer = spoken(service, head(service, "POST", path, f"Content-Length: {1024 * MIB}"))
        assert (answer.status, answer.json()["code"]) == (413, "too_large")
        assert answer.headers["connection"] == "close"


def test_who_shows_no_token_is_not_read_either(service: Daemon) -> None:
    request = head(service, "POST", "/v1/tasks", f"Content-Length: {1024 * MIB}").replace(b"Authorization", b"X")
    assert spoken(service, request).status == 413


def test_a_client_that_waits_to_be_asked_is_not_asked_for_a_large_body(service: Daemon) -> None:
    request = head(service, "POST", "/v1/tasks", f"Content-Length: {BODY_BYTES + 1}", "Expect: 100-continue")
    assert spoken(service, request).status == 413


@pytest.mark.parametrize("token", [True, False])
def test_a_body_without_end_is_cut_off_and_held_in_no_memory(service: Daemon, token: bool) -> None:
    before = resident_bytes(service)
    start = head(service, "POST", "/v1/tasks", "Transfer-Encoding: chunked")
    chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
    with closing(connected(service)) as connection:
        connection.sendall(start if token else start.replace(b"Authorization", b"X"))
        try:
            for _ in range(256):
                connection.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        else:
            pytest.fail("it read all of it")
    assert resident_bytes(service) - before < 64 * MIB


def test_a_body_just_too_large_is_answered_and_not_just_cut_off(service: Daemon) -> None:
    answer = posted(service, b" " * (BODY_BYTES + 1))
    assert (answer.status, answer.json()["code"]) == (413, "too_large")


def test_a_chunked_body_just_too_large_is_answered_too(service: Daemon) -> None:
    chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
    request = head(service, "POST", "/v1/tasks", "Transfer-Encoding: chunked") + chunk * 9 + b"0\r\n\r\n"
    assert spoken(service, request).status == 413


def test_a_compressed_body_is_not_unpacked(service: Daemon) -> None:
    bomb = gzip.compress(b" " * 100 * MIB)
    before = resident_bytes(service)
    answer = posted(service, bomb, **{"Content-Encoding": "gzip"})
    assert (answer.status, answer.json()["code"]) == (415, "media_type")
    assert resident_bytes(service) - before < 32 * MIB


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"source":' * 100_000 + b"1" + b"}" * 100_000,
     b'{"source": ' + b"9" * 100_000 + b"}", b'{"source": "\\ud800"}', b"\xff\xfe", b"NaN", b"", b"null", b'{"source": NaN}',
     b'{"source": 1e999}', b'{"a": 1, "a": 2}', b'{"source": "\x00"}'],
)  # fmt: skip
def test_json_that_is_deep_or_broken_is_the_caller_s_fault(service: Daemon, body: bytes) -> None:
    answer = posted(service, body)
    assert answer.status in (400, 422)
    assert answer.json()["code"] == ("bad_json" if answer.status == 400 else "invalid")


def test_a_hundred_thousand_urls_are_answered_in_time_and_others_meanwhile(service: Daemon) -> None:
    urls = [f"http://127.0.0.1:9/{n}" for n in range(100_000)]
    answer = posted(service, json.dumps({"source": urls}).encode())
    assert answer.status in (202, 413, 422)
    started = time.monotonic()
    assert service.request("GET", "/v1/session").status == 200
    assert time.monotonic() - started < 5


def test_a_flood_of_headers_is_refused(service: Daemon) -> None:
    many = [f"X-{n}: {n}" for n in range(1000)]
    large = ["X-Large: " + "a" * 100_000]
    for headers in (many, large):
        assert spoken(service, head(service, "GET", "/v1/session", *headers)).status in (400, 431)
    assert spoken(service, head(service, "GET", "/v1/session?" + "a" * 10_000)).status in (400, 414, 431)
    assert spoken(service, head(service, "GET", "/" + "a" * 100_000)).status in (400, 414, 431)


def test_a_head_without_end_is_held_in_no_memory(service: Daemon) -> None:
    before = resident_bytes(service)
    with closing(connected(service)) as connection:
        connection.sendall(head(service, "GET", "/v1/session")[:-2] + b"X-Large: ")
        try:
            for _ in range(128):
                connection.sendall(b"a" * MIB)
        except (BrokenPipeError, ConnectionResetError):
            pass
        else:
            pytest.fail("it read all of it")
    assert resident_bytes(service) - before < 32 * MIB


# -- time and number -----------------------------------------------------------------------------------


def closed_within(connections: list[socket.socket], seconds: float) -> int:
    """Return how many the daemon has closed by then; it may answer first."""
    deadline = time.monotonic() + seconds
    closed = 0
    with selectors.DefaultSelector() as waiting:
        for each in connections:
            waiting.register(each, selectors.EVENT_READ, each)
        while waiting.get_map() and time.monotonic() < deadline:
            for key, _ in waiting.select(timeout=0.2):
                each = key.data
                try:
                    over = not each.recv(65_536)
                except ConnectionResetError:
                    over = True
                if over:
                    closed += 1
                    waiting.unregister(each)
    return closed


def test_heads_and_bodies_that_trickle_lose_their_connections(service: Daemon) -> None:
    starts = [
        b"", b"GET /v1/tasks HTTP/1.1\r\nHost: localhost\r\nX-a: b\r\n", b"\r\n\r\n",
        head(service, "POST", "/v1/tasks", "Content-Length: 1000") + b"{",
        head(service, "POST", "/v1/tasks", "Transfer-Encoding: chunked") + b"5\r\n{",
    ]  # fmt: skip
    with ExitStack() as all_of_them:
        slow = [all_of_them.enter_context(closing(connected(service))) for _ in starts]
        for connection, start in zip(slow, starts, strict=True):
            connection.sendall(start)
        assert closed_within(slow, max(HEAD_S, PAUSE_S) + 10) == len(starts)


@pytest.fixture
def ten_thousand() -> Iterator[int]:
    """So many sockets this process may have beside its own, as the daemon sees to for itself; fewer only if the system says so."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(soft, min(hard, 12_000))
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    yield min(10_000, allowed - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ten_thousand_silent_connections_keep_nobody_out(service: Daemon, ten_thousand: int) -> None:
    before = resident_bytes(service)
    with ExitStack() as all_of_them:
        for _ in range(ten_thousand):
            all_of_them.enter_context(closing(connected(service)))
        for _ in range(3):
            assert service.request("GET", "/v1/session").status == 200
        assert resident_bytes(service) - before < 512 * MIB


def test_of_too_many_connections_the_longest_idle_one_goes_and_none_that_is_answered() -> None:
    crowd: Crowd[str] = Crowd(3)
    for name in ("first", "second", "third"):
        assert crowd.leaver(present=0) is None
        crowd.idles(name)
    crowd.is_busy("first")
    crowd.idles("second")
    assert [crowd.leaver(present=3) for _ in range(3)] == ["third", "second", None]


# -- two meanings --------------------------------------------------------------------------------------

SMUGGLED = b"GET /v1/tokens HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Content-Length: 6\r\nContent-Length: 0",
        "Content-Length: 6, 0",
        "Content-Length: +6",
        "Content-Length: 0x6",
        "Content-Length: -1",
        "Content-Length: 6 6",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        " Transfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "Transfer\x00-Encoding: chunked",
        "X: a\rTransfer-Encoding: chunked",
        "X: a\nTransfer-Encoding: chunked\r\nContent-Length: 6",
    ],
)
def test_a_request_with_two_possible_ends_is_refused_and_nothing_after_it_is_heard(
    service: Daemon, framing: str
) -> None:
    start = head(service, "POST", "/v1/tasks", framing)
    with closing(connected(service)) as connection:
        connection.sendall(start + b"0\r\n\r\nG" + SMUGGLED)
        answered = b""
        connection.settimeout(5)
        try:
            while more := connection.recv(65_536):
                answered += more
        except (TimeoutError, ConnectionResetError):
            pass
    assert answered.count(b"HTTP/1.1 ") == 1
    assert answered.split()[1] in (b"400", b"413", b"415")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/tokens/..%2f..%2fhealth", "/health/..%2fv1/tokens", "//v1/tokens", "/v1//tokens", "/v1/./tokens", "/health/../v1/tokens",
        "/v1/%2e%2e/v1/tokens", "/%2e/v1/tokens", "/v1%2ftokens", "/v1\\tokens", "/v1%5ctokens", "/v1/tokens%00", "/v1/tokens%0a",
        "/v1/tokens;x=/health", "/health;/../v1/tokens", "/login/..;/v1/tokens", "/v1/tokens/", "/V1/tokens", "/v1/tokens%20",
        "/login/%c0%ae%c0%ae/v1/tokens", "/login/%252e%252e/v1/tokens", "/health%3f/../v1/tokens",
        "/v1/tokens?/health", "/login%2fx", "/.", "/..",
    ],
)  # fmt: skip
def test_no_way_of_writing_an_address_goes_round_the_gate(service: Daemon, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost:{service.port}\r\n\r\n".encode()
    answer = spoken(service, request)
    assert answer.status in (400, 401) or (answer.status == 404 and path.startswith("/login/"))
    assert b"tokens" not in answer.body.replace(b"/v1/tokens", b"")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "OPTIONS", "PROPFIND", "get", "DELETE", "PATCH", "PUT", "HEAD"])
def test_no_method_goes_round_the_gate(service: Daemon, method: str) -> None:
    with closing(connected(service)) as connection:
        connection.sendall(f"{method} /v1/tokens HTTP/1.1\r\nHost: localhost:{service.port}\r\n\r\n".encode())
        assert parsed(head_of(connection)).status in (400, 401, 405)


def test_head_needs_what_get_needs(service: Daemon) -> None:
    for path in ("/v1/tasks/x", "/v1/tokens", "/openapi.json", "/v1/session"):
        assert (
            service.request("HEAD", path, token=None).status == service.request("GET", path, token=None).status == 401
        )


INJECTIONS = [
    "' OR 1=1 --",
    "1; DROP TABLE tasks",
    "%27%20UNION%20SELECT%201--",
    "\x00",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "a" * 5000,
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_text_meant_for_a_database_is_only_text(service: Daemon, text: str) -> None:
    coded = "".join(f"%{byte:02x}" for byte in text.encode())
    for path in (
        f"/v1/tasks?order_by={coded}",
        f"/v1/tasks?q={coded}&status={coded}&page_token={coded}",
        f"/v1/log?task_id={coded}",
    ):
        with closing(connected(service)) as connection:
            connection.sendall(head(service, "GET", path))
            assert parsed(head_of(connection)).status < 500
    with closing(connected(service)) as connection:
        connection.sendall(head(service, "GET", f"/v1/tasks/{coded}"))
        assert parsed(head_of(connection)).status < 500


def test_a_frame_of_a_gigabyte_ends_the_websocket(daemons: Callable[..., Daemon]) -> None:
    service = daemons().start()
    handshake = head(service, "GET", "/ws", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip
    with closing(connected(service)) as connection:
        connection.sendall(handshake.replace(b"Content-Type: application/json\r\n", b""))
        assert parsed(head_of(connection)).status == 101
        connection.sendall(b"\x81\xff" + (1024 * MIB).to_bytes(8, "big") + b"\x00" * 4)
        connection.settimeout(10)
        heard = b""
        while more := connection.recv(65_536):
            heard += more
    assert (1009).to_bytes(2, "big") in heard
