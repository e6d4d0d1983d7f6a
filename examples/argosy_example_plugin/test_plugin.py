"""Does the plug-in keep its promises? ``pytest examples/argosy_example_plugin``, once the package is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from argosy_example_plugin.books import BookSource
from argosy_example_plugin.drawer import DrawerSource
from argosy_example_plugin.mover import DrawerEngine

from argosy.testing.engine_contract import EngineContract, Subject
from argosy.testing.server import FaultyServer
from argosy.testing.source_contract import SourceContract, SourceSubject


class TestBooks(SourceContract):  # noqa: D101 - the promises are those of the contracts
    @pytest.fixture
    def subject(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[SourceSubject]:
        with FaultyServer() as server:
            formats = {"text/html": server.url("/1.html"), "application/epub+zip": server.url("/1.epub")}
            server.add("/books/1342", json.dumps({"formats": formats}).encode())
            monkeypatch.setenv("ARGOSY_GUTENDEX", server.origin)
            yield SourceSubject(BookSource(), "gutenberg:1342", "gutenberg:none", unwanted="*.html")


class TestDrawerSource(SourceContract):  # noqa: D101
    @pytest.fixture
    def subject(self) -> SourceSubject:
        return SourceSubject(DrawerSource(), "drawer:data.bin")


class TestDrawerEngine(EngineContract):  # noqa: D101
    @pytest.fixture
    def subject(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
        monkeypatch.setenv("ARGOSY_DRAWER", str(tmp_path))
        content = bytes(range(256)) * 2048
        (tmp_path / "data.bin").write_bytes(content)
        return Subject(DrawerEngine(), "drawer:data.bin", content)
