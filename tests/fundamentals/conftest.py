"""What the tests of the runtime share: a runtime on a script instead of a network, on either store."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from argosy.core.limits import Limits
from argosy.engines.registry import Registry
from argosy.runtime.manager import Runtime
from argosy.store.memory import MemoryStore
from argosy.store.port import Store
from argosy.store.sqlite import SqliteStore
from argosy.testing.engine import Play, Script, ScriptedEngine

LIMITS = Limits(max_running=4, connections_per_host=64)


class Scripted(Protocol):
    """``async with scripted(play_or_script, **of_the_runtime) as runtime``; the engine is ``scripted.engine``."""

    engine: ScriptedEngine

    def __call__(self, script: Script | Play | None = None, **options: Any) -> Any: ...


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "argosy.db")


@pytest.fixture
def scripted(tmp_path: Path) -> Scripted:
    @asynccontextmanager
    async def run(script: Script | Play | None = None, **options: Any) -> AsyncIterator[Runtime]:
        run.engine = ScriptedEngine(script)  # type: ignore[attr-defined]
        options.setdefault("limits", LIMITS)
        options.setdefault("directory", tmp_path / "out")
        async with Runtime(tmp_path, engines=lambda: Registry([run.engine]), **options) as runtime:  # type: ignore[attr-defined]
            yield runtime

    return run  # type: ignore[return-value]


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """No thread of ours outlives the runtime it belonged to."""
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("argosy")]
    assert left == []
