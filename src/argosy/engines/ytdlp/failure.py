"""What the worker says went wrong, as one of our errors."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, Final

from argosy.core.answer import Head, refusal
from argosy.core.names import terminal_safe
from argosy.core.redact import redacted
from argosy.errors import (
    ArgosyError,
    AuthError,
    BadResponse,
    DiskFull,
    LocalError,
    NetworkError,
    ServerRefused,
    TlsError,
    UsageError,
)

LAST_WORDS: Final = 300
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_REPORT: Final = re.compile(
    r";? ?please report this issue on .*|\. ?Confirm you are on the latest version.*", re.DOTALL
)


def failure_of(told: Mapping[str, Any]) -> ArgosyError:
    """Return the error; ``told`` has ``kind``, ``message``, and ``status`` where a server gave one."""
    kind, said = str(told.get("kind", "")), said_of(told.get("message"))
    status = told.get("status")
    if kind == "http" and isinstance(status, int) and 400 <= status < 600:
        return refusal(Head(status), now=time.time())
    return _of_the_site(kind, said) or _of_this_machine(kind, said) or BadResponse(
        f"yt-dlp could not fetch the video{said}", hint="a newer one may: pip install --upgrade 'yt-dlp[default]'", code="video_site"
    )  # fmt: skip


def _of_the_site(kind: str, said: str) -> ArgosyError | None:
    match kind:
        case "network":
            return NetworkError(f"the video site did not answer{said}", code="connect")
        case "tls":
            return TlsError(f"the video site's certificate is not trusted{said}")
        case "login":
            return AuthError(
                f"the video site wants a login{said}",
                hint="give your browser's cookies with --cookies FILE",
                code="login_required",
            )
        case "geo":
            return ServerRefused(f"the video is not offered in this country{said}", code="geo_restricted")
        case "drm":
            return ServerRefused(f"the video is protected and cannot be fetched{said}", code="drm")
        case "gone":
            return ServerRefused(f"the video is not there{said}", code="video_unavailable")
        case "live":
            return ServerRefused(f"the stream has not begun, or is over{said}", code="not_live")
        case "none":
            return BadResponse(f"there is no video on that page{said}", code="no_video")
        case "format":
            return BadResponse("the page has no video of that quality", hint="try --quality best", code="no_format")
        case "many":
            return UsageError(
                "there are several videos on that page", hint="write video: before its address", code="many_videos"
            )
        case "changed":
            return BadResponse("the page has another video now", hint="add it again", code="source_changed")
    return None


def _of_this_machine(kind: str, said: str) -> ArgosyError | None:
    match kind:
        case "program":
            return LocalError(
                f"ffmpeg is needed to join picture and sound{said}", hint="install ffmpeg, or choose a lower --quality",
                code="missing_program",
            )  # fmt: skip
        case "joining":
            return LocalError(f"picture and sound could not be joined{said}", code="joining")
        case "disk_full":
            return DiskFull(
                "no space left for the video", hint="free some space; the download goes on where it stopped"
            )
        case "disk":
            return LocalError(f"the video could not be written{said}")
    return None


def said_of(message: object) -> str:
    """Return what yt-dlp said as the rest of a sentence, harmless and without secrets; nothing if it said nothing."""
    text = _REPORT.sub("", _COLOUR.sub("", str(message or ""))).removeprefix("ERROR: ").strip()
    line = " ".join(text.split())[:LAST_WORDS]
    return f": {redacted(terminal_safe(line))}" if line else ""
