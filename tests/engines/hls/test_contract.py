"""The engine of streams keeps the promises of all engines."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from argosy.core.types import TransferOptions
from argosy.engines.curl import CurlEngine
from argosy.engines.hls.engine import HlsEngine
from argosy.testing.engine_contract import EngineContract, Subject
from argosy.testing.server import Body, FaultyServer

SEGMENTS = 12


class TestHls(EngineContract):
    @pytest.fixture
    async def subject(self, server: FaultyServer) -> AsyncIterator[Subject]:
        body = Body.generated(600_000, seed=9)
        content = body.read(0, body.size)
        size = body.size // SEGMENTS
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1"]
        for number in range(SEGMENTS):
            server.add(f"/s/seg{number}.ts", content[number * size : (number + 1) * size])
            lines += ["#EXTINF:1,", f"seg{number}.ts"]
        url = server.add("/s/film.m3u8", "\n".join([*lines, "#EXT-X-ENDLIST", ""]).encode())
        curl = CurlEngine()
        yield Subject(HlsEngine(curl), url, content, TransferOptions(remux=False))
        await curl.close()
