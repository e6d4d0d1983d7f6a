"""A server that half the world runs, with the settings that clients stumble over."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from ..harness import Bench, is_paused
from .conftest import FILE, TEXT
from .servers.nginx import Line, Nginx

PATH = "/file.bin"
MEGABYTE = 1_000_000


@pytest.fixture
def path(root: Path, request: pytest.FixtureRequest) -> str:
    """A name for the file that no other test asks for, so that the log tells one test's requests."""
    name = re.sub(r"\W+", "-", request.node.name) + ".bin"
    if not (root / name).exists():
        (root / name).symlink_to(root / "file.bin")
    return f"/{name}"


def logged(web: Nginx, path: str, enough: Callable[[list[Line]], bool] = bool) -> list[Line]:
    """The log, once it tells enough: nginx writes it when an answer has ended, not before."""
    deadline = time.monotonic() + 5
    while not enough(web.log(path)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return web.log(path)


async def test_a_file_comes_whole_over_several_connections(web: Nginx, bench: Bench, path: str) -> None:
    done = await bench.fetch(web.url("slow", path), connections=8)

    assert await bench.publish(done) == FILE
    lines = logged(web, path, lambda lines: len(lines) > 1)
    assert 1 < len({line.connection for line in lines}) <= 8
    assert all(line.if_range for line in lines if line.range not in ("-", "bytes=0-"))


async def test_a_paused_file_goes_on_where_it_stopped(web: Nginx, bench: Bench, path: str) -> None:
    first = await bench.fetch(web.url("slow", path), stop_after=MEGABYTE)
    assert is_paused(first)

    second = await bench.resume(first)

    assert await bench.publish(second) == FILE
    last = logged(web, path, lambda lines: len(lines) == 2)[-1]
    assert last.status == 206
    assert last.if_range.startswith("\\x22") or last.if_range.startswith('"')
    assert len(FILE) - last.bytes >= first.received - 1024 > 0


async def test_http2_is_spoken_where_the_server_can(web: Nginx, bench: Bench, path: str, ca_file: str) -> None:
    done = await bench.fetch(web.url("tls", path), ca_file=ca_file)

    assert await bench.publish(done) == FILE
    assert {line.protocol for line in logged(web, path)} == {"HTTP/2.0"}


@pytest.mark.parametrize(("version", "spoken"), [("1.1", "HTTP/1.1"), ("2", "HTTP/2.0")])
async def test_the_version_of_http_can_be_chosen(
    web: Nginx, bench: Bench, path: str, ca_file: str, version: str, spoken: str
) -> None:
    done = await bench.fetch(web.url("tls", path), ca_file=ca_file, http_version=version, connections=4)

    assert await bench.publish(done) == FILE
    assert {line.protocol for line in logged(web, path)} == {spoken}


async def test_where_one_connection_is_allowed_one_is_used(web: Nginx, bench: Bench, path: str) -> None:
    done = await bench.fetch(web.url("single", path), connections=8)

    assert await bench.publish(done) == FILE
    lines = logged(web, path, lambda lines: any(line.status in (200, 206) for line in lines))
    assert 0 < sum(line.status == 503 for line in lines) <= 3, "a server that refuses is not asked again and again"
    assert sum(line.bytes for line in lines if line.status != 503) < len(FILE) + MEGABYTE


async def test_a_server_without_ranges_is_believed(web: Nginx, bench: Bench, path: str) -> None:
    first = await bench.fetch(web.url("unranged", path), stop_after=MEGABYTE, connections=4)
    second = await bench.resume(first) if is_paused(first) else first

    assert await bench.publish(second) == FILE
    assert {line.status for line in logged(web, path)} == {200}


async def test_a_file_is_not_compressed_on_its_way(web: Nginx, bench: Bench) -> None:
    done = await bench.fetch(web.url("gzip", "/text.txt"))

    assert await bench.publish(done) == TEXT


async def test_even_if_compression_is_asked_for_the_file_is_what_it_is(web: Nginx, bench: Bench) -> None:
    done = await bench.fetch(web.url("gzip", "/text.txt?asked"), headers=(("Accept-Encoding", "gzip"),))

    assert await bench.publish(done) == TEXT


async def test_an_empty_file_is_a_file(web: Nginx, bench: Bench) -> None:
    done = await bench.fetch(web.url("plain", "/empty.bin"), connections=4)

    assert await bench.publish(done) == b""


async def test_a_login_is_sent_unasked(web: Nginx, bench: Bench, path: str) -> None:
    done = await bench.fetch(web.url("login", path), user="ann:open sesame")

    assert await bench.publish(done) == FILE
    assert [(line.status, line.user) for line in logged(web, path)] == [(206, "ann")]


async def test_a_wrong_login_is_told(web: Nginx, bench: Bench, path: str) -> None:
    done = await bench.fetch(web.url("login", path), user="ann:wrong")

    assert done.code == "http_401"
    assert "wrong" not in f"{done.error} {done.error and done.error.hint}"


async def test_a_client_certificate_is_shown(
    web: Nginx, bench: Bench, path: str, ca_file: str, authority: trustme.CA, tmp_path: Path
) -> None:
    client = authority.issue_cert("ann@example.com")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    client.cert_chain_pems[0].write_to_path(str(certificate))
    client.private_key_pem.write_to_path(str(key))

    without = await bench.fetch(web.url("client", path), ca_file=ca_file)
    shown = await bench.fetch(
        web.url("client", path), ca_file=ca_file, client_cert=str(certificate), client_key=str(key)
    )

    assert without.state is None
    assert await bench.publish(shown) == FILE
