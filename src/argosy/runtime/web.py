"""What a source asks the network with, for one task."""

from __future__ import annotations

from argosy.core.types import TransferOptions
from argosy.errors import UsageError
from argosy.runtime.ports import Engines, Reader
from argosy.sources.port import Headers


class TaskWeb:
    """Reads documents as the task's files are read: the same credentials, proxies and address guard."""

    def __init__(self, engines: Engines, options: TransferOptions) -> None:
        self._engines = engines
        self._options = options

    async def read(self, url: str, *, limit: int, headers: Headers = (), body: bytes | None = None) -> bytes:
        """See :class:`argosy.sources.port.Web`."""
        engine = self._engines.engine_for(url, public_only=self._options.public_only)
        if not isinstance(engine, Reader):
            raise UsageError(f"the engine {engine.name} reads no documents", code="unsupported_url")
        return await engine.read(url, self._options, limit, headers=headers, body=body)
