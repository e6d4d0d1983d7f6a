"""Fetching what only yt-dlp can: into one folder, where it finds again what an earlier run has left."""

from __future__ import annotations

from typing import Any

from argosy.engines.ytdlp.worker.channel import Channel
from argosy.engines.ytdlp.worker.site import Info, site
from argosy.engines.ytdlp.worker.trouble import trouble_of

NAME = "media.%(ext)s"


def fetched(order: dict[str, Any], channel: Channel) -> None:
    """Tell the path of the file once it is whole."""
    watch = Watch(order, channel)
    more = {
        "outtmpl": {"default": NAME}, "paths": {"home": order["folder"]}, "match_filter": watch.check,
        "progress_hooks": [watch.hear], "postprocessor_hooks": [watch.join],
    }  # fmt: skip
    if order["item"]:
        more |= {"playlist_items": str(order["item"])}
    if order["subtitle"]:
        languages = {"writesubtitles": True, "writeautomaticsub": True, "subtitleslangs": [order["subtitle"]]}
        more |= languages | {"skip_download": True}
    with site(order, channel, **more) as ydl:
        info = ydl.extract_info(order["url"], download=True)
        while info is not None and info.get("_type", "video") != "video":
            info = next((entry for entry in info.get("entries") or () if entry is not None), None)
        if watch.changed or info is None:
            channel.tell(
                error={"kind": "changed"} if watch.changed else trouble_of(ydl.last) if ydl.last else {"kind": "none"}
            )
            return
        channel.tell(file=_path(info, order["subtitle"]), format=str(info.get("format_id") or ""))


def _path(info: Info, subtitle: str) -> str:
    if subtitle:
        return str(((info.get("requested_subtitles") or {}).get(subtitle) or {}).get("filepath") or "")
    return str(((info.get("requested_downloads") or [{}])[0]).get("filepath") or "")


class Watch:
    """What happens while it fetches."""

    def __init__(self, order: dict[str, Any], channel: Channel) -> None:
        self._video = order["video"]
        self._channel = channel
        self._received: dict[str, int] = {}
        self._totals: dict[str, int | None] = {}
        self.changed = False

    def check(self, info: Info, *, incomplete: bool = False) -> str | None:
        """Tell yt-dlp to leave a video alone that is not the one that was meant."""
        if incomplete or not self._video or str(info.get("id") or "") == self._video:
            return None
        self.changed = True
        return "another video"

    def hear(self, told: Info) -> None:
        name = str(told.get("filename") or "")
        total = told.get("total_bytes") or told.get("total_bytes_estimate")
        self._received[name] = max(self._received.get(name, 0), int(told.get("downloaded_bytes") or 0))
        self._totals[name] = int(total) if total else None
        parts = len((told.get("info_dict") or {}).get("requested_formats") or [None])
        known = [each for each in self._totals.values() if each]
        whole = sum(known) if len(known) >= parts else None
        self._channel.progress(sum(self._received.values()), whole, last=told.get("status") == "finished")

    def join(self, told: Info) -> None:
        """Say that something is under way of which nothing is heard for a while."""
        self._channel.tell(busy=told.get("status") in ("started", "processing"))
