"""Pages of video sites: ``video:https://…``, looked at by the engine that fetches them too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from argosy.core.names import safe_path
from argosy.core.redact import redacted_url
from argosy.core.types import FileSpec, TaskSpec
from argosy.errors import BadResponse, UsageError
from argosy.sources.http import check
from argosy.sources.port import Plain, Web
from argosy.sources.selection import selected

PREFIXES: Final = ("video:", "yt:")
LARGEST_LISTING: Final = 64 * 1024 * 1024


def page_of(text: str) -> str:
    """Return the address of the page. Raises UsageError for what is none."""
    prefix, _, rest = text.strip().partition(":")
    page = rest.strip() if f"{prefix.lower()}:" in PREFIXES else text.strip()
    check(page)
    if urlsplit(page).scheme.lower() not in ("http", "https"):
        raise UsageError(
            f"not a page: {redacted_url(page)[:200]!r}", hint="write video: before its https:// address", code="scheme"
        )
    return page


class VideoSource(Plain):
    """A page with a video, or with many."""

    name = "video"

    def accepts(self, text: str) -> bool:
        return text.lower().startswith(PREFIXES)

    def describe(self, text: str) -> FileSpec | None:
        page_of(text)
        return None

    async def resolve(self, spec: TaskSpec, web: Web) -> Sequence[FileSpec]:
        page = page_of(spec.source)
        data = await web.read(f"video:{page}", limit=LARGEST_LISTING)
        keeps = selected(spec.include, spec.exclude)
        try:
            told = [(str(each["url"]), "/".join(safe_path(str(each["path"])))) for each in json.loads(data)]
        except (ValueError, KeyError, TypeError) as error:
            raise BadResponse("what is on the page cannot be told", code="video_site") from error
        found = [FileSpec((url,), path) for url, path in told if keeps(path)]
        if not found:
            raise UsageError(
                f"{redacted_url(page)} has no such video", hint="see --include and --exclude", code="nothing_selected"
            )
        return found
