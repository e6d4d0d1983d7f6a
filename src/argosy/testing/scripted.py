"""A whole runtime on a script instead of a network: real router, scheduler, workers, store and files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from argosy.core.limits import Limits
from argosy.engines.registry import Registry
from argosy.runtime.manager import Runtime
from argosy.testing.engine import Play, Script, ScriptedEngine

LIMITS: Final = Limits(max_running=4, connections_per_host=64)


class Scripted:
    """``async with scripted(play_or_script, **of_the_runtime) as runtime``; downloads go to ``out``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.out = home / "out"
        self.engine = ScriptedEngine()
        """That of the runtime made last."""

    @asynccontextmanager
    async def __call__(self, script: Script | Play | None = None, **options: Any) -> AsyncIterator[Runtime]:  # noqa: ANN401 - as Runtime
        engine = self.engine = ScriptedEngine(script)
        options.setdefault("limits", LIMITS)
        options.setdefault("directory", self.out)
        async with Runtime(self.home, engines=lambda: Registry([engine]), **options) as runtime:
            yield runtime
