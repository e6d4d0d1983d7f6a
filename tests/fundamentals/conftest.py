"""What the tests of the runtime share: a runtime on a script instead of a network, on either store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy.testing.scripted import Scripted


@pytest.fixture
def scripted(tmp_path: Path) -> Scripted:
    return Scripted(tmp_path)


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """No thread of ours outlives the runtime it belonged to."""
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("argosy")]
    assert left == []
