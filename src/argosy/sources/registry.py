"""Which source understands what."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.core.redact import redacted_url
from argosy.core.types import FileSpec, TaskSpec
from argosy.errors import UsageError
from argosy.sources.http import UrlSource
from argosy.sources.port import Source


class SourceRegistry:
    """Asked in order; the first that accepts has it."""

    def __init__(self, sources: Sequence[Source] = ()) -> None:
        self._sources: tuple[Source, ...] = (*sources, UrlSource())

    def source_for(self, text: str) -> Source:
        """Return who understands ``text``. Raises UsageError if nobody does."""
        for source in self._sources:
            if source.accepts(text):
                return source
        shown = redacted_url(text)[:200]
        hint = f"did you mean https://{shown}?" if "." in shown and "://" not in shown else "a URL is needed"
        raise UsageError(f"nothing here can fetch {shown!r}", hint=hint, code="unknown_source")

    def describe(self, text: str) -> FileSpec | None:
        """Return the one file ``text`` is, None if its source has to look. Raises UsageError."""
        return self.source_for(text).describe(text)

    async def resolve(self, spec: TaskSpec) -> Sequence[FileSpec]:
        return await self.source_for(spec.source).resolve(spec)
