"""Sources that need nobody but a web server keep the promises of all sources; the others do so beside their own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from argosy.sources.hls import HlsSource
from argosy.sources.http import UrlSource
from argosy.testing.server import FaultyServer
from argosy.testing.source_contract import SourceContract, SourceSubject

MASTER = (
    b'#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",LANGUAGE="en",URI="a.m3u8"\n'
    b'#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nv.m3u8\n'
)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


class TestUrl(SourceContract):
    @pytest.fixture
    def subject(self) -> SourceSubject:
        return SourceSubject(UrlSource(), "https://example.org/a.bin", "https://")


class TestStream(SourceContract):
    @pytest.fixture
    def subject(self, server: FaultyServer) -> SourceSubject:
        return SourceSubject(HlsSource(), server.add("/film.m3u8", MASTER), "hls:ftp://example.org/x")


class TestStreamByItsPrefix(SourceContract):
    @pytest.fixture
    def subject(self, server: FaultyServer) -> SourceSubject:
        return SourceSubject(HlsSource(), f"hls:{server.add('/play', MASTER)}", "hls:nothing")
