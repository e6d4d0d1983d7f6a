"""What the tests of the runtime share: a runtime on a script instead of a network, on either store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from argosy import Runtime
from argosy.store.memory import MemoryStore
from argosy.store.port import Store
from argosy.store.sqlite import SqliteStore
from argosy.testing.scripted import Scripted
from argosy.testing.server import FaultyServer


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "argosy.db")


@pytest.fixture
def scripted(tmp_path: Path) -> Scripted:
    return Scripted(tmp_path)


class Real:
    """Runtimes that fetch from real servers: ``async with real() as runtime``; downloads go to ``out``."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.out = folder / "out"

    def __call__(self, **options: Any) -> Runtime:
        return Runtime(self.home, directory=self.out, **options)

    def names(self) -> set[str]:
        """Everything in the folder, finished or not."""
        return {path.name for path in self.out.rglob("*")} if self.out.exists() else set()


@pytest.fixture
def real(tmp_path: Path) -> Real:
    return Real(tmp_path)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """No thread of ours outlives the runtime it belonged to."""
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("argosy")]
    assert left == []
