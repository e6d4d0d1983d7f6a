"""Streams: ``https://…/x.m3u8``, and ``hls:https://…`` where the address does not show it.

The engine that fetches them looks at the playlist and says which files it becomes: one, or the picture and each sound
track and each language's subtitles for itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import urldefrag, urlencode, urlsplit

from argosy.core.redact import redacted_url
from argosy.core.types import FileSpec, TaskSpec
from argosy.errors import BadResponse, UsageError
from argosy.sources.http import check
from argosy.sources.port import Plain, Web

PREFIX: Final = "hls:"
ENDINGS: Final = (".m3u8", ".m3u")
LARGEST_LISTING: Final = 1024 * 1024


def is_playlist(text: str) -> bool:
    """Tell whether a URL is that of a playlist, by its look."""
    path = text.partition("?")[0].partition("#")[0].lower()
    return path.startswith(("http://", "https://")) and path.endswith(ENDINGS)


def is_hls(text: str) -> bool:
    """Tell whether this is what a person writes for a stream whose playlist they know."""
    return text.lower().startswith(PREFIX) or is_playlist(text)


def address_of(text: str) -> str:
    """Return where the playlist is. Raises UsageError."""
    text = text.strip()
    address = text[len(PREFIX) :].strip() if text.lower().startswith(PREFIX) else text
    if check(address).scheme.lower() not in ("http", "https"):
        raise UsageError(
            f"not a stream: {redacted_url(text)[:200]!r}", hint="write hls: before its https:// address", code="scheme"
        )
    return urldefrag(address).url


class HlsSource(Plain):
    """A stream, finished or live."""

    name = "hls"
    takes_name = True

    def accepts(self, text: str) -> bool:
        return is_hls(text)

    def describe(self, text: str) -> FileSpec | None:
        address_of(text)
        return None

    async def resolve(self, spec: TaskSpec, web: Web) -> Sequence[FileSpec]:
        address = address_of(spec.source)
        asked = f"{PREFIX}{address}#{urlencode({'name': spec.name})}" if spec.name else f"{PREFIX}{address}"
        data = await web.read(asked, limit=LARGEST_LISTING)
        try:
            told = [(str(each["url"]), bool(each["usual"])) for each in json.loads(data)]
        except (ValueError, KeyError, TypeError) as error:
            raise BadResponse("what the stream has cannot be told", code="playlist") from error
        if len(told) > 1:
            return [FileSpec((url,)) for url, _ in told]
        ((url, usual),) = told
        return [FileSpec((address if usual and is_playlist(address) else url,), spec.name)]


def is_stream(source: str) -> bool:
    """Tell whether what a person wrote may be a live stream, which can be finished before it ends."""
    return is_playlist(source) or source.lower().startswith((PREFIX, "video:", "yt:")) or _is_page(source)


def _is_page(source: str) -> bool:
    host = urlsplit(source).hostname or ""
    return host.removeprefix("www.").removeprefix("m.") in ("youtube.com", "youtu.be", "vimeo.com", "twitch.tv")
