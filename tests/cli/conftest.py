"""A command, and servers for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy.testing import faults
from argosy.testing.server import FaultyServer

from .command import BODY, Argosy


@pytest.fixture
def argosy(tmp_path: Path) -> Iterator[Argosy]:
    home, folder = tmp_path / "home", tmp_path / "downloads"
    home.mkdir()
    folder.mkdir()
    command = Argosy(home, folder)
    yield command
    command.stop()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
def slow(server: FaultyServer) -> str:
    """The URL of a file of 4 MiB that takes about half a minute over eight connections."""
    return server.add("/slow.bin", BODY[:1024] * 4096, faults=[faults.Throttle(16_384)])
