"""A server for the programs and texts of the repository, and a place outside of it to run them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy.testing.server import FaultyServer

from .checkout import Outside


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes a minute or so; leave it out with -m 'not slow'")


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    folder, home = tmp_path / "folder", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    return Outside(folder, home)
