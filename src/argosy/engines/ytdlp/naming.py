"""What a video is called on the disk: ``Title [id].mp4``, the same each time the page is asked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from argosy.core.names import numbered, safe_name
from argosy.errors import BadResponse

TITLE_BYTES: Final = 120
"""Of a title, so that there is always room for the id behind it."""
ID_BYTES: Final = 48
_MOVING: Final = "mp4 m4v mkv webm mov avi flv 3gp 3g2 ts mts m2ts mpg mpeg ogv wmv asf f4v divx"
_SOUND: Final = "mp3 m4a m4b aac opus ogg oga flac wav weba mka ac3 eac3 aiff aif wma alac caf"
_TEXT: Final = "vtt srt ass ssa ttml dfxp lrc sbv srv1 srv2 srv3 json3"
_STILL: Final = "jpg jpeg png webp gif avif"
MEDIA: Final = frozenset(f"{_MOVING} {_SOUND} {_TEXT} {_STILL}".split())
"""What may come out of a video page. Programs, links and scripts may not, whatever a page calls a video."""
UNKNOWN: Final = frozenset({"", "unknown_video", "unknown"})


def path_of(title: str, video: str, ending: str) -> str:
    """Return the name, jailed. Raises BadResponse for an ending that no video has; an empty one is left out."""
    stem = f"{_cut(title, TITLE_BYTES).strip() or 'video'} [{_cut(video, ID_BYTES)}]"
    name = safe_name(stem.replace("/", "_").replace("\\", "_"), default="video")
    return f"{name}.{ending}" if ending else name


def ending_of(told: str) -> str:
    """Return how the name of something the site calls ``told`` ends. Raises BadResponse if it is no video, sound, picture
    or text.
    """
    ending = told.lower().lstrip(".")
    if ending in UNKNOWN:
        return "mp4"
    if ending not in MEDIA:
        raise BadResponse(f"the page calls a {ending[:20]!r} file a video, which it is not", code="unsafe_extension")
    return ending


def unlike(path: str, taken: Collection[str]) -> str:
    """Return the path, numbered if it is taken."""
    n, name = 0, path
    while name in taken:
        n += 1
        name = numbered(path, n)
    return name


def _cut(text: str, size: int) -> str:
    return text.encode(errors="replace")[:size].decode(errors="ignore")
