"""One file of a video page as one URL, so that it can be kept like any other: ``video+https://…#video&how=file&…``.

Before the ``#`` is where the bytes are, or the page for what only yt-dlp can fetch; behind it what else must be known. What
is a secret there stands where secrets of URLs are looked for when they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qsl, quote

How = Literal["file", "playlist", "fetch"]
PAGES: Final = ("video:", "yt:")
"""What a person writes before the address of a page."""
MARK: Final = "#video&"
_PREFIX: Final = "video+"
_HEADER: Final = "header."


@dataclass(frozen=True, slots=True)
class Link:
    """Where a file is. ``file``: at ``url``; ``playlist``: an M3U8 is there; ``fetch``: on the page ``url``, by yt-dlp."""

    how: How
    url: str
    video: str = ""
    """The site's id of it."""
    format: str = ""
    """The site's ids of what is fetched, joined by ``+``: another attempt must not go on with something else."""
    item: int = 0
    """Of a page with several videos: which one, from 1."""
    subtitle: str = ""
    """The language, if it is not the video itself."""
    own: bool = False
    """Whether ``url`` is on the page's own host, which the person's credentials are for."""
    headers: tuple[tuple[str, str], ...] = ()
    """What the site wants to be sent, beside what is usual."""
    cookie: str = ""
    fragment: str = ""
    """What stands behind the ``#`` of the page's own address."""

    def text(self) -> str:
        told = [("how", self.how), ("video", self.video), ("format", self.format), ("item", str(self.item or ""))]
        told += [("subtitle", self.subtitle), ("own", "1" if self.own else ""), ("fragment", self.fragment)]
        told += [(_HEADER + name, value) for name, value in self.headers]
        told.append(("cookie", self.cookie))
        return _PREFIX + self.url + MARK + "&".join(f"{name}={quote(value, safe='')}" for name, value in told if value)


def is_ours(url: str) -> bool:
    """Tell whether the URL is one of these, or that of a page with its prefix."""
    return url.lower().startswith((*PAGES, "video+http://", "video+https://"))


def parse(text: str) -> Link | None:
    """Return the link, None for the address of a page."""
    if not text.startswith(_PREFIX) or MARK not in text:
        return None
    url, _, rest = text.removeprefix(_PREFIX).partition(MARK)
    told = dict(parse_qsl(rest, keep_blank_values=True))
    how: How = "file" if told.get("how") == "file" else "playlist" if told.get("how") == "playlist" else "fetch"
    return Link(
        how, url, told.get("video", ""), told.get("format", ""), int(told.get("item") or 0), told.get("subtitle", ""),
        told.get("own") == "1",
        tuple((name.removeprefix(_HEADER), value) for name, value in told.items() if name.startswith(_HEADER)),
        told.get("cookie", ""), told.get("fragment", ""),
    )  # fmt: skip


def page_of(text: str) -> str:
    """Return the address of a page without our prefix."""
    for prefix in PAGES:
        if text.lower().startswith(prefix):
            return text[len(prefix) :].strip()
    return text
