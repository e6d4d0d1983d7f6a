"""HTTP/3, spoken with a server that speaks nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pycurl
import pytest
import trustme

from ..harness import Bench, is_paused
from .conftest import FILE
from .servers import Running, running

HTTP3 = 1 << 25  # CURL_VERSION_HTTP3
pytestmark = pytest.mark.skipif(not pycurl.version_info()[4] & HTTP3, reason="this libcurl was built without HTTP/3")


@pytest.fixture(scope="module")
def server(root: Path, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("quic")
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    files = {"certificate": folder / "certificate.pem", "key": folder / "key.pem"}
    with running("quic.py", folder, root=root, **files) as started:
        yield started


async def test_a_file_comes_whole(server: Running, bench: Bench, ca_file: str) -> None:
    done = await bench.fetch(
        f"https://127.0.0.1:{server.port}/file.bin", ca_file=ca_file, http_version="3", connect_timeout_s=5.0
    )

    assert await bench.publish(done) == FILE
    assert server.events[-1]["agent"].startswith("argosy/")


async def test_a_paused_file_goes_on_where_it_stopped(server: Running, bench: Bench, ca_file: str) -> None:
    options: dict[str, Any] = {"ca_file": ca_file, "http_version": "3", "connect_timeout_s": 5.0}
    first = await bench.fetch(f"https://127.0.0.1:{server.port}/file.bin", stop_after=1, **options)
    assert is_paused(first)

    second = await bench.resume(first, **options)

    assert await bench.publish(second) == FILE
    assert server.events[-1]["range"].startswith("bytes=")
    assert server.events[-1]["range"] != "bytes=0-"


async def test_a_certificate_is_verified_here_too(server: Running, bench: Bench) -> None:
    done = await bench.fetch(f"https://127.0.0.1:{server.port}/file.bin", http_version="3")

    assert done.state is None
