"""Playlists as values: what there is to choose from, and which segments come in which order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from argosy.errors import BadResponse, UsageError

LARGEST_BYTES: Final = 16 * 1024 * 1024
"""Of a playlist."""
MOST_SEGMENTS: Final = 200_000
MOST_LINES: Final = 8 * MOST_SEGMENTS
LONGEST_LINE: Final = 256 * 1024
LONGEST_TARGET_S: Final = 60.0
"""However long segments are said to be: a live playlist is looked at again after that."""
USUAL_TARGET_S: Final = 6.0
IV_BYTES: Final = 16
TARGET: Final = "#EXT-X-TARGETDURATION:"
UNUSED: Final = (
    "#EXT-X-PART:",
    "#EXT-X-PRELOAD-HINT:",
    "#EXT-X-RENDITION-REPORT:",
    "#EXT-X-PART-INF:",
    "#EXT-X-DATERANGE:",
)
"""Tags of low latency and of advertising: what they tell of comes as whole segments later."""
_RANGE: Final = re.compile(r"(\d+)(?:@(\d+))?")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes ``[first, end)`` of a resource."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Key:
    """How a segment is encrypted; ``iv`` None: its sequence number."""

    method: str
    url: str
    iv: bytes | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to fetch: a resource, or a part of one."""

    url: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment, with what is needed before it can be used."""

    sequence: int
    piece: Piece
    seconds: float
    key: Key | None = None
    init: Piece | None = None
    discontinuity: bool = False
    gap: bool = False
    """The server says that it is missing."""


@dataclass(frozen=True, slots=True)
class Media:
    """Segments in order. ``ended``: there will be no more."""

    segments: tuple[Segment, ...]
    ended: bool
    target_s: float


@dataclass(frozen=True, slots=True)
class Rendition:
    """An audio track or subtitles apart from the picture."""

    kind: str
    group: str
    name: str
    language: str | None
    url: str | None
    default: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """One quality of the same thing."""

    url: str
    bandwidth: int
    height: int | None
    audio: str | None
    """Group of the audio tracks it goes with."""
    subtitles: str | None


@dataclass(frozen=True, slots=True)
class Master:
    """What there is to choose from."""

    variants: tuple[Variant, ...]
    renditions: tuple[Rendition, ...]


def read(data: bytes, url: str) -> Media | Master:
    """Return what the playlist at ``url`` says. Raises BadResponse for what is none, UsageError without the extra."""
    lines = _lines(data)
    try:
        import m3u8  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError("playlists need m3u8", hint="pip install 'argosy[hls]'", code="missing_extra") from None
    try:
        return _valued(
            m3u8.loads("\n".join(line for line in lines if not line.startswith(TARGET))), _target_s(lines), url
        )
    except BadResponse:
        raise
    except Exception as error:
        raise BadResponse(f"the playlist makes no sense: {type(error).__name__}", code="playlist") from error


def _target_s(lines: list[str]) -> float:
    """Return how long segments are at most, as the playlist says: by the standard in whole seconds, but not by everybody."""
    told = next((float(line[len(TARGET) :]) for line in lines if line.startswith(TARGET)), 0.0)
    return min(told, LONGEST_TARGET_S) if told > 0 else USUAL_TARGET_S


def _valued(parsed: Any, target_s: float, url: str) -> Media | Master:  # noqa: ANN401 - m3u8 ships no types
    if parsed.is_variant:
        return Master(tuple(_variants(parsed, url)), tuple(_renditions(parsed, url)))
    return Media(tuple(_segments(parsed, url)), bool(parsed.is_endlist), target_s)


def _lines(data: bytes) -> list[str]:
    """Return the lines that count."""
    if len(data) > LARGEST_BYTES:
        raise BadResponse(f"a playlist of more than {LARGEST_BYTES:,} bytes", code="playlist")
    lines = [line.strip() for line in data.decode("utf-8-sig", errors="replace").split("\n")]
    if next(filter(None, lines), "")[:7] != "#EXTM3U":
        raise BadResponse(
            "not a playlist: it does not begin with #EXTM3U", hint="is this URL a web page?", code="playlist"
        )
    if max(map(len, lines)) > LONGEST_LINE:
        raise BadResponse("a playlist with a line without end", code="playlist")
    lines = [line for line in lines if line and not line.startswith(UNUSED) and (line[0] != "#" or line[:4] == "#EXT")]
    if len(lines) > MOST_LINES or sum(line[0] != "#" for line in lines) > MOST_SEGMENTS:
        raise BadResponse(f"a playlist of more than {MOST_SEGMENTS:,} segments", code="playlist")
    return lines


def joined(base: str, uri: str) -> str:
    """Return where a URI of a playlist leads. Raises BadResponse where no playlist may lead: to files, to other schemes,
    or from https to http.
    """
    url = urljoin(base, uri.strip())
    scheme, wanted = urlsplit(base).scheme, urlsplit(url).scheme
    if wanted not in ("http", "https") or (scheme == "https" and wanted == "http") or not urlsplit(url).hostname:
        raise BadResponse(
            f"the playlist leads to {wanted or 'no'} address, which is not followed", code="playlist_address"
        )
    return url


def _variants(parsed: Any, url: str) -> Iterator[Variant]:  # noqa: ANN401 - m3u8 ships no types
    for each in parsed.playlists:
        if not each.uri:
            raise BadResponse("a variant of the playlist leads nowhere", code="playlist")
        told = each.stream_info
        resolution = told.resolution or (None, None)
        yield Variant(
            joined(url, each.uri), int(told.average_bandwidth or told.bandwidth or 0),
            int(resolution[1]) if resolution[1] else None, told.audio, told.subtitles,
        )  # fmt: skip


def _renditions(parsed: Any, url: str) -> Iterator[Rendition]:  # noqa: ANN401 - as above
    for each in parsed.media:
        yield Rendition(
            (each.type or "").upper(), each.group_id or "", each.name or "", each.language,
            joined(url, each.uri) if each.uri else None, (each.default or "").upper() == "YES",
        )  # fmt: skip


def _segments(parsed: Any, url: str) -> Iterator[Segment]:  # noqa: ANN401 - as above
    before: tuple[str, int] = ("", 0)
    first = int(parsed.media_sequence or 0)
    for place, each in enumerate(parsed.segments):
        if not each.uri:
            raise BadResponse(f"segment {first + place} of the playlist leads nowhere", code="playlist")
        where = joined(url, each.uri)
        span = _span(each.byterange, before[1] if before[0] == where else 0)
        before = (where, span.end) if span is not None else ("", 0)
        init = each.init_section
        yield Segment(
            first + place,
            Piece(where, span),
            float(each.duration or 0.0),
            _key(each.key, url),
            None if init is None else Piece(joined(url, init.uri), _span(init.byterange, 0)),
            bool(each.discontinuity),
            bool(getattr(each, "gap_tag", None)),
        )


def _span(text: str | None, following: int) -> Span | None:
    """Return the bytes of a ``BYTERANGE``; without an offset they follow those before (RFC 8216 4.3.2.2)."""
    if not text:
        return None
    match = _RANGE.fullmatch(text.strip().strip('"'))
    if match is None:
        raise BadResponse(f"a byte range that makes no sense: {text[:40]!r}", code="playlist")
    start = following if match[2] is None else int(match[2])
    return Span(start, start + int(match[1]))


def _key(key: Any, url: str) -> Key | None:  # noqa: ANN401 - m3u8 ships no types
    if key is None or (key.method or "NONE").upper() == "NONE":
        return None
    iv = None
    if key.iv:
        digits = key.iv.lower().removeprefix("0x")
        try:
            iv = bytes.fromhex(digits.zfill(2 * IV_BYTES))
        except ValueError:
            iv = b""
        if len(iv) != IV_BYTES:
            raise BadResponse(f"the playlist's IV is no number of {8 * IV_BYTES} bits", code="playlist")
    if (key.keyformat or "identity").lower() != "identity":  # its address is one for a licence's program
        return Key(f"{key.method.upper()} ({key.keyformat})", "", iv)
    return Key(key.method.upper(), joined(url, key.uri or ""), iv)
