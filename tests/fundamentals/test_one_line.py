"""``argosy.get``: one download in one line, from a real server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import argosy
from argosy.errors import UsageError

CONTENT = bytes(range(256)) * 2048


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/data.bin"
    server.shutdown()
    thread.join()
    server.server_close()


def test_get_returns_the_path_of_the_whole_file(url: str, tmp_path: Path) -> None:
    path = argosy.get(url, tmp_path / "out", home=tmp_path)
    assert path == tmp_path / "out" / "data.bin"
    assert path.read_bytes() == CONTENT


async def test_get_works_in_a_thread_beside_a_running_loop(url: str, tmp_path: Path) -> None:
    path = await asyncio.to_thread(argosy.get, url, tmp_path / "out", home=tmp_path)
    assert path.read_bytes() == CONTENT


async def test_get_inside_a_running_loop_says_what_to_write_instead(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        argosy.get(url, tmp_path, home=tmp_path)
    assert "aget" in caught.value.hint


async def test_aget_is_the_same_for_async_code(url: str, tmp_path: Path) -> None:
    path = await argosy.aget(url, tmp_path / "out", home=tmp_path, name="named.bin")
    assert path == tmp_path / "out" / "named.bin"


def test_all_that_is_exported_exists_and_there_is_not_too_much_of_it() -> None:
    assert len(argosy.__all__) <= 25
    assert all(getattr(argosy, name) is not None for name in argosy.__all__)
