"""Streams, a server, an engine, and a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from argosy.destinations.flusher import Flusher
from argosy.destinations.local import LocalDestination
from argosy.engines.curl import CurlEngine
from argosy.engines.hls.engine import HlsEngine

from .stream import MODERN, PICTURE, SECRET, SOUND, Stream, made


@pytest.fixture(scope="session")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("streams")


@pytest.fixture(scope="session")
def plain(streams: Path) -> Stream:
    return made(streams / "plain", "-hls_segment_filename", "seg%03d.ts")


@pytest.fixture(scope="session")
def encrypted(streams: Path) -> Stream:
    key, info = streams / "key.bin", streams / "key.info"
    key.write_bytes(SECRET)
    info.write_text(f"key.bin\n{key}\n")
    stream = made(streams / "encrypted", "-hls_key_info_file", str(info), "-hls_segment_filename", "seg%03d.ts")
    (stream.folder / "key.bin").write_bytes(SECRET)
    return stream


@pytest.fixture(scope="session")
def ranged(streams: Path) -> Stream:
    return made(streams / "ranged", "-hls_flags", "single_file", "-hls_segment_filename", "seg000.ts")


@pytest.fixture(scope="session")
def modern(streams: Path) -> Stream:
    """H.264 with frames out of order, and AAC."""
    return made(streams / "modern", "-hls_segment_filename", "seg%03d.ts", codecs=MODERN)


@pytest.fixture(scope="session")
def picture(streams: Path) -> Stream:
    return made(streams / "picture", "-hls_segment_filename", "seg%03d.ts", inputs=PICTURE, codecs=MODERN[:-2])


@pytest.fixture(scope="session")
def sound(streams: Path) -> Stream:
    """Sound without a container."""
    return made(streams / "sound", "-hls_segment_filename", "seg%03d.aac", inputs=SOUND, codecs=MODERN[-2:])


@pytest.fixture
async def destination(tmp_path: Path) -> AsyncIterator[LocalDestination]:
    executor = ThreadPoolExecutor(2)
    yield LocalDestination(str(tmp_path / "downloads"), flusher=Flusher(executor), executor=executor)
    executor.shutdown()


@pytest.fixture
async def engine() -> AsyncIterator[HlsEngine]:
    curl = CurlEngine()
    yield HlsEngine(curl)
    await curl.close()
