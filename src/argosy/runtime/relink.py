"""Links that have expired: the source is asked again, and the file goes on from another URL with what is here of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from argosy.core.types import FileSpec, FileState
from argosy.errors import ArgosyError, AuthError, ServerRefused
from argosy.runtime.manifest import Manifest
from argosy.runtime.web import TaskWeb
from argosy.runtime.yard import Job, Yard

EXPIRED: Final = frozenset({"http_401", "http_403", "http_404", "http_410"})
"""What servers answer to a link that is good no more."""


class Relinker:
    """Asks the source of one attempt at most once, however many of its links have expired at the same time."""

    def __init__(self, job: Job, yard: Yard, manifest: Manifest) -> None:
        self._job = job
        self._yard = yard
        self._manifest = manifest
        self._asked: asyncio.Future[Sequence[FileSpec]] | None = None

    async def fresh(self, state: FileState, error: ArgosyError) -> FileState | None:
        """Return the file with other links, if that is what the error asks for and the source has any."""
        spec = self._job.task.spec
        if spec.files or not isinstance(error, (AuthError, ServerRefused)) or error.detail_code not in EXPIRED:
            return None
        if self._asked is None:
            web = TaskWeb(self._yard.engines, spec.options)
            self._asked = asyncio.ensure_future(self._yard.sources.resolve(spec, web))
        try:
            found = await asyncio.shield(self._asked)
        except ArgosyError:
            return None  # the error that led here says more
        urls = self._links(state, found)
        if urls == state.urls:
            return None
        renewed = self._manifest.files[state.index].having(urls=urls)
        self._manifest.note(renewed)
        return renewed

    def _links(self, state: FileState, found: Sequence[FileSpec]) -> tuple[str, ...]:
        """Return where the file is now: found by its path, or by its place if the source names no paths."""
        for file in found:
            if file.path == state.path:
                return file.urls
        alike = len(found) == len(self._manifest.files) and found[state.index].path is None
        return found[state.index].urls if alike else state.urls
