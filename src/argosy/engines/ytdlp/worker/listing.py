"""What is on a page: a line for each video, with where its bytes are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from yt_dlp.utils import determine_ext

from argosy.engines.ytdlp.worker.channel import Channel
from argosy.engines.ytdlp.worker.site import MOST_VIDEOS, Info, Site, joins, site
from argosy.engines.ytdlp.worker.trouble import trouble_of

AT_ONCE_S: Final = 60.0
"""After so long the other videos of a playlist are named only, and looked at when their turn has come."""
DEEPEST: Final = 4
"""Playlists within playlists."""
PLAYLIST_BYTES: Final = 1024 * 1024
UNSENT: Final = frozenset(
    {"cookie", "host", "range", "content-length", "connection", "accept-encoding", "transfer-encoding", "te"}
)
PLAIN: Final = ("http", "https")


def listed(order: dict[str, Any], channel: Channel) -> None:
    """Tell every video, then what went wrong if there was none."""
    more = {
        "extract_flat": "in_playlist", "ignoreerrors": True, "writesubtitles": bool(order["subtitles"]),
        "writeautomaticsub": bool(order["subtitles"]) and "all" not in order["subtitles"],
        "subtitleslangs": order["subtitles"] or None, "writethumbnail": order["thumbnail"],
    }  # fmt: skip
    with site(order, channel, **more) as ydl:
        count = 0
        for found in Listing(ydl, order).of(order["url"], None, 0):
            channel.tell(**found)
            count += 1
            if count >= MOST_VIDEOS or (count > 1 and order["alone"]):
                return
        if not count:
            channel.tell(error=trouble_of(ydl.last) if ydl.last else {"kind": "none"})


class Listing:
    """One walk over a page and what it leads to."""

    def __init__(self, ydl: Site, order: dict[str, Any]) -> None:
        self._ydl = ydl
        self._order = order
        # What comes beside the videos can only be named when they have been looked at.
        self._until = time.monotonic() + AT_ONCE_S if not (order["subtitles"] or order["thumbnail"]) else float("inf")

    def of(self, url: str, key: str | None, depth: int) -> Iterator[Info]:
        """Yield what is at ``url``, nothing if that cannot be told."""
        info = self._ydl.extract_info(url, download=False, ie_key=key)
        if info is None:
            return
        if info.get("_type", "video") == "video":
            yield from self._video(info, url, 0)
            return
        for place, entry in enumerate(info.get("entries") or (), 1):
            if entry is None or depth >= DEEPEST:
                continue
            if entry.get("_type", "video") == "video":
                yield from self._video(entry, url, place)
            elif entry.get("url"):
                yield from self._entry(entry, depth)

    def _entry(self, entry: Info, depth: int) -> Iterator[Info]:
        """Yield the videos that an entry of a playlist leads to; of one that cannot be told now, what it is called."""
        named = {"title": entry.get("title") or "", "id": str(entry.get("id") or entry["url"]), "page": entry["url"]}
        web = urlsplit(entry["url"]).scheme in PLAIN
        found = False
        if time.monotonic() < self._until or not web:
            for each in self.of(entry["url"], entry.get("ie_key"), depth + 1):
                found = True
                yield each
        if not found and web:
            yield {"later": named}

    def _video(self, info: Info, page: str, place: int) -> Iterator[Info]:
        parts = info.get("requested_formats") or [info]
        if len(parts) > 1 and not joins():
            yield {"error": {"kind": "program"}}
            return
        told = {
            "title": info.get("title") or "", "id": str(info.get("id") or ""), "ext": info.get("ext") or "",
            "format": str(info.get("format_id") or ""), "page": page, "item": place,
        }  # fmt: skip
        where = self._where(parts[0], live=bool(info.get("is_live"))) if len(parts) == 1 else {"how": "fetch"}
        beside = {"subtitles": list(self._subtitles(info)), "thumbnail": self._thumbnail(info)}
        yield {"video": told | beside | where}

    def _where(self, part: Info, *, live: bool) -> Info:
        """Return how the bytes are to be had, and where."""
        url, protocol = str(part.get("url") or ""), str(part.get("protocol") or "")
        fetch: Info = {"how": "fetch"}
        if urlsplit(url).scheme not in PLAIN or part.get("request_data") or part.get("impersonate"):
            return fetch
        how = {"http": "file", "https": "file", "m3u8": "playlist", "m3u8_native": "playlist"}.get(protocol)
        if how is None or (how == "file" and (live or part.get("fragments"))):
            return fetch
        sent = {"url": url, "headers": _headers(part), "cookie": self._ydl.cookiejar.get_cookie_header(url) or ""}
        if how == "file":
            return {"how": how} | sent
        if (
            sent["cookie"]
            or part.get("hls_aes")
            or part.get("extra_param_to_segment_url")
            or not urlsplit(url).path.endswith(".m3u8")
        ):
            return fetch
        ending = self._ending(url, part)
        return fetch if ending is None else {"how": how, "ext": ending} | sent

    def _ending(self, url: str, part: Info) -> str | None:
        """Return what kind of file a playlist's segments make, None if our engine cannot read them."""
        from yt_dlp.networking import Request  # noqa: PLC0415 - few pages have playlists

        try:
            with self._ydl.urlopen(Request(url, headers=part.get("http_headers") or {})) as answer:
                text = answer.read(PLAYLIST_BYTES).decode(errors="replace")
        except Exception:  # noqa: BLE001 - whatever it is, who fetches it will meet it again
            return None
        if not text.startswith("#EXTM3U") or "METHOD=SAMPLE-AES" in text or "KEYFORMAT=" in text:
            return None
        return "mp4" if "#EXT-X-MAP" in text else "ts"

    def _subtitles(self, info: Info) -> Iterator[Info]:
        for language, track in (info.get("requested_subtitles") or {}).items():
            told = {"language": language, "ext": track.get("ext") or "vtt"}
            plain = track.get("url") and not track.get("data") and str(track.get("protocol") or "https") in PLAIN
            yield told | (self._where(track | {"protocol": "https"}, live=False) if plain else {"how": "fetch"})

    def _thumbnail(self, info: Info) -> Info | None:
        url = info.get("thumbnail")
        if not self._order["thumbnail"] or not url or urlsplit(url).scheme not in PLAIN:
            return None
        where = self._where({"url": url, "protocol": "https", "http_headers": info.get("http_headers")}, live=False)
        return where | {"ext": determine_ext(url, "jpg")}


def _headers(part: Info) -> dict[str, str]:
    told = part.get("http_headers") or {}
    return {name: str(value) for name, value in told.items() if name.lower() not in UNSENT}
