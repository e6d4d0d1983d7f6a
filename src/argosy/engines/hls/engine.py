"""The engine: a playlist's segments, fetched some ahead, decrypted, and appended in order."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from argosy.core.names import safe_name
from argosy.core.types import FileState, TransferOptions
from argosy.engines.hls import playlist
from argosy.engines.hls.playlist import Master, Media
from argosy.engines.hls.recording import Recording
from argosy.engines.port import Desk
from argosy.errors import BadResponse

ENDINGS: Final = (".m3u8", ".m3u")
NAMELESS: Final = frozenset({"index", "playlist", "master", "manifest", "chunklist", "stream", "video", "live", "prog_index"})
"""What playlists are called whatever they are of: then their folder tells more."""
MOST_MASTERS: Final = 3


class Reader(Protocol):
    """What brings playlists, keys and segments."""

    async def read(self, url: str, options: TransferOptions, limit: int, *, span: tuple[int, int] | None = None) -> bytes: ...

    async def close(self) -> None: ...


def claims(url: str) -> bool:
    """Tell whether a URL is that of a playlist, by its look."""
    return url.lower().startswith(("http://", "https://")) and urlsplit(url).path.lower().endswith(ENDINGS)


class HlsEngine:
    """HTTP Live Streaming, finished or live. Lives on the transfer loop."""

    name = "hls"

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def accepts(self, url: str) -> bool:
        return claims(url)

    async def fetch(self, state: FileState, options: TransferOptions, desk: Desk) -> FileState:
        desk.cancel.check()
        url, media = await self._media(state.urls[0], options)
        named = state if state.path is not None else state.having(path=name_of(state.urls[0], media))
        return await Recording(self._reader, url, media, named, options, desk).run()

    async def _media(self, url: str, options: TransferOptions) -> tuple[str, Media]:
        """Return the playlist of segments, through as many choices as lead to it."""
        for _ in range(MOST_MASTERS):
            found = playlist.read(await self._reader.read(url, options, playlist.LARGEST_BYTES), url)
            if isinstance(found, Media):
                return url, found
            url = _chosen(found, options)
        raise BadResponse("playlists that lead to playlists without end", code="playlist")

    async def close(self) -> None:
        """The reader is somebody else's."""


def _chosen(master: Master, options: TransferOptions) -> str:
    return playlist.chosen(master, options.quality).url


def name_of(url: str, media: Media) -> str:
    """Return what the recording is called: after the playlist, or after its folder where the playlist's name tells nothing."""
    path = PurePosixPath(unquote(urlsplit(url).path))
    stem = path.stem if path.stem.lower() not in NAMELESS or not path.parent.name else path.parent.name
    return safe_name(f"{stem}{_ending(media)}", default="recording.ts")


def _ending(media: Media) -> str:
    """Return how a file of these segments is called, so that players know it."""
    if not media.segments:
        return ".ts"
    first = media.segments[0]
    if first.init is not None:
        return ".mp4"
    ending = PurePosixPath(urlsplit(first.piece.url).path).suffix.lower()
    return ending if ending in (".aac", ".mp3", ".ac3", ".vtt", ".webvtt") else ".ts"
