"""Which engine fetches which URL."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.engines.port import Engine
from argosy.errors import UsageError


class Registry:
    """The engines of a runtime, asked in order."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._engines = tuple(engines)

    def engine_for(self, url: str, name: str | None = None) -> Engine:
        """Return the engine called ``name``, else the first that accepts the URL. Raises UsageError."""
        for engine in self._engines:
            if engine.name == name or (name is None and engine.accepts(url)):
                return engine
        known = ", ".join(engine.name for engine in self._engines)
        if name is not None:
            raise UsageError(f"there is no engine called {name}", hint=f"known: {known}", code="unknown_engine")
        raise UsageError(
            f"nothing here can fetch {url.split(':', 1)[0]}: URLs", hint="http, https, ftp, ftps and sftp URLs can be fetched",
            code="unsupported_url",
        )  # fmt: skip

    async def close(self) -> None:
        for engine in self._engines:
            await engine.close()
