"""What the worker is told to do, as JSON on its stdin: no secret is among the words that ``ps`` shows."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path
from typing import Any, Final

from argosy.core.types import TransferOptions
from argosy.engines.ytdlp.link import Link
from argosy.errors import LocalError, UsageError

OLDEST: Final = (2026, 7, 4)
"""Of yt-dlp: earlier ones let a page run programs or read cookies (CVE-2026-50019, -50023, -50574, -55404)."""
EXTRA: Final = "pip install 'argosy[youtube]'"
MOST_CONNECTIONS: Final = 8
COOKIES_BYTES: Final = 4 * 1024 * 1024
PLAIN: Final = frozenset({"accept", "accept-language", "user-agent", "referer"})
"""Headers that every host a site sends us to may see."""
_LANGUAGE: Final = re.compile(r"[\w-]{1,40}")
_QUALITY: Final = re.compile(r"best|worst|\d{1,5}p|\d{1,6}(?:\.\d{1,3})?[kM]")

Order = dict[str, Any]


def check_installed() -> None:
    """Return if yt-dlp is here and no older than may be. Raises UsageError with what to do."""
    try:
        found = importlib.metadata.version("yt-dlp")
    except importlib.metadata.PackageNotFoundError:
        raise UsageError("video sites need yt-dlp", hint=EXTRA, code="missing_extra") from None
    check_version(found)


def check_version(found: str) -> None:
    """Return if that version may be used. Raises UsageError."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", found)[:3])
    if numbers < OLDEST:
        raise UsageError(
            f"yt-dlp {found} has known holes and is not used", hint="pip install --upgrade 'yt-dlp[default]'",
            code="outdated_program",
        )  # fmt: skip


def listing(page: str, options: TransferOptions, *, alone: bool, pinned: str = "") -> Order:
    """Return the order to tell what is on the page; ``alone``: it must be one video. Raises UsageError."""
    return {
        "do": "list", "url": page, "alone": alone, "quality": _quality(options.quality), "pinned": pinned,
        "subtitles": [_language(each) for each in options.subtitles], "thumbnail": options.thumbnail,
        "net": _net(options),
    }  # fmt: skip


def fetching(link: Link, folder: str, options: TransferOptions) -> Order:
    """Return the order to fetch what ``link`` names into the folder. Raises UsageError."""
    page = f"{link.url}#{link.fragment}" if link.fragment else link.url
    return {
        "do": "fetch", "url": page, "item": link.item, "video": link.video, "pinned": link.format,
        "quality": _quality(options.quality), "subtitle": link.subtitle, "folder": folder, "net": _net(options),
    }  # fmt: skip


def _quality(text: str) -> str:
    if not _QUALITY.fullmatch(text):
        raise UsageError(f"not a quality: {text!r}", hint="write best, worst, 720p, or bits a second such as 2M")
    return text


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise UsageError(f"not a language: {text[:40]!r}", hint="write such as en, pt-BR, or all")
    return text


def _net(options: TransferOptions) -> Order:
    """Return how the network is to be reached. Raises UsageError for what would get to hosts that it is not for."""
    kept = [name for name, _ in options.headers if name.lower() not in PLAIN]
    if kept:
        raise UsageError(
            f"the header {kept[0]} cannot be kept to the page's host",
            hint="log in with --cookies FILE or --cookie instead",
        )
    return {
        "headers": dict(options.headers), "user_agent": options.user_agent, "referer": options.referer,
        "user": options.user, "cookie": options.cookie, "cookies": _cookies(options.cookie_file),
        "netrc_file": options.netrc_file, "proxy": options.proxy, "insecure": options.insecure,
        "client_cert": options.client_cert, "client_key": options.client_key,
        "timeout_s": max(options.connect_timeout_s, options.stall_timeout_s),
        "connections": min(options.first_connections, MOST_CONNECTIONS),
    }  # fmt: skip


def _cookies(path: str | None) -> str | None:
    """Return what the file holds: yt-dlp, given a file's name, would write it anew."""
    if path is None:
        return None
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.read(COOKIES_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        raise LocalError(f"cannot read the cookies in {path}: {error}") from error
