"""yt-dlp as we let it work: no settings of anybody's, no plug-ins, no other programs than ffmpeg, no files but in one folder."""

from __future__ import annotations

import io
import os
import re
import sys
from http.cookiejar import Cookie
from typing import Any, Final
from urllib.parse import urlsplit

os.environ["YTDLP_NO_PLUGINS"] = "1"

from yt_dlp import YoutubeDL
from yt_dlp.globals import plugin_dirs
from yt_dlp.postprocessor.ffmpeg import FFmpegMergerPP

from argosy.engines.ytdlp.worker.channel import Channel, Voice

plugin_dirs.value = []

MOST_VIDEOS: Final = 5000
TRIES: Final = 3
Params = dict[str, Any]
Info = dict[str, Any]


class Site(YoutubeDL):  # type: ignore[misc]  # ships no types
    """Remembers why something failed where it goes on with the next thing."""

    def __init__(self, params: Params) -> None:
        self.last: BaseException | None = None
        super().__init__(params, auto_init="no_verbose_header")

    def trouble(self, message: str | None = None, tb: str | None = None, is_error: bool = True) -> None:  # noqa: FBT002 - its own
        if is_error:
            self.last = sys.exc_info()[1] or RuntimeError(message or "")
        super().trouble(message, tb, is_error)

    def save_cookies(self) -> None:
        """Leave the person's cookies as they are."""


def site(order: dict[str, Any], channel: Channel, **more: Any) -> Site:  # noqa: ANN401 - yt-dlp's
    """Return yt-dlp for one order."""
    net = order["net"]
    params: Params = {
        "quiet": True, "noprogress": True, "no_color": True, "logger": Voice(channel), "color": "never",
        "noplaylist": True, "playlistend": MOST_VIDEOS, "cachedir": False, "updatetime": False, "overwrites": None,
        "enable_file_urls": False, "allow_playlist_files": False, "postprocessors": [], "fixup": "detect_or_warn",
        "external_downloader": {"default": "native"}, "hls_prefer_native": True, "skip_unavailable_fragments": False,
        "socket_timeout": net["timeout_s"], "retries": TRIES, "fragment_retries": TRIES, "extractor_retries": TRIES,
        "file_access_retries": TRIES, "concurrent_fragment_downloads": net["connections"],
        "js_runtimes": {"deno": {}, "node": {}}, "remote_components": set(),
        "nocheckcertificate": net["insecure"], "client_certificate": net["client_cert"],
        "client_certificate_key": net["client_key"], "http_headers": _headers(net),
        "format": formats(order),
    }  # fmt: skip
    if net["proxy"] is not None:
        params["proxy"] = net["proxy"]
    if net["user"]:
        params["username"], _, params["password"] = net["user"].partition(":")
    if net["netrc_file"]:
        params |= {"usenetrc": True, "netrc_location": net["netrc_file"]}
    if net["cookies"] is not None:
        params["cookiefile"] = io.StringIO(net["cookies"])
    made = Site(params | more)
    _give(made, net["cookie"], order["url"])
    return made


def _headers(net: dict[str, Any]) -> dict[str, str]:
    named = {"User-Agent": net["user_agent"], "Referer": net["referer"]}
    return {**net["headers"], **{name: value for name, value in named.items() if value}}


def _give(made: Site, cookie: str | None, url: str) -> None:
    """Give the page's host the cookies that the person wrote, and no other host."""
    host = urlsplit(url).hostname or ""
    domain = host if "." in host else f"{host}.local"
    for pair in (cookie or "").split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            made.cookiejar.set_cookie(
                Cookie(0, name, value, None, False, domain, False, False, "/", True, False, None, False, None, None, {})
            )


def joins() -> bool:
    """Tell whether picture and sound that come apart can be joined."""
    return bool(FFmpegMergerPP(None).available)


def formats(order: dict[str, Any]) -> str:
    """Return what yt-dlp is to choose: what was chosen before, as long as it is on offer, else what is wanted."""
    wanted = _wanted(order["quality"], joined=joins())
    pinned = order.get("pinned") or ""
    return f"{pinned}/{wanted}" if re.fullmatch(r"[\w.-]+(?:\+[\w.-]+)?", pinned) else wanted


def _wanted(quality: str, *, joined: bool) -> str:
    if quality == "best":
        return "bv*+ba/b" if joined else "b/bv*+ba"
    if quality == "worst":
        return "wv*+wa/w" if joined else "w/wv*+wa"
    number = float(quality[:-1])
    if quality.endswith("p"):
        limit = f"[height<=?{int(number)}]"
    else:
        limit = f"[tbr<=?{int(number * (1000 if quality.endswith('M') else 1))}]"
    return f"bv*{limit}+ba/b{limit}/wv*+wa/w" if joined else f"b{limit}/w/bv*{limit}+ba"
