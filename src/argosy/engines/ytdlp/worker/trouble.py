"""Which kind of failure an exception of yt-dlp's is."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Any, Final

from yt_dlp.networking.exceptions import HTTPError, RequestError, SSLError, TransportError
from yt_dlp.utils import (
    ContentTooShortError,
    DownloadError,
    GeoRestrictedError,
    PostProcessingError,
    UnavailableVideoError,
    UnsupportedError,
    UserNotLive,
)

_SAID: Final = (
    ("format", re.compile(r"requested format is not available|no video formats found", re.IGNORECASE)),
    ("drm", re.compile(r"\bDRM\b", re.IGNORECASE)),
    (
        "login",
        re.compile(
            r"sign in|log ?in|logged[- ]in|account|password|cookies|members[- ]only|private video|authentication",
            re.IGNORECASE,
        ),
    ),
    (
        "program",
        re.compile(
            r"ffmpeg (?:is not|not) (?:installed|found)|ffprobe and ffmpeg not found|ffmpeg.*could not be found",
            re.IGNORECASE,
        ),
    ),
    (
        "geo",
        re.compile(
            r"not (?:made )?(?:this video )?available (?:in|from) your (?:country|location)|geo.?restrict",
            re.IGNORECASE,
        ),
    ),
    (
        "gone",
        re.compile(
            r"unavailable|has been removed|no longer available|does not exist|deleted|terminated", re.IGNORECASE
        ),
    ),
    ("none", re.compile(r"unsupported url|no media found|no video could be found|not a valid url", re.IGNORECASE)),
)
"""In this order: what yt-dlp says of its own accord, where the exception's kind tells nothing."""


def trouble_of(error: BaseException) -> dict[str, Any]:
    """Return kind, message and, where a server gave one, status."""
    chain = list(_chain(error))
    said = {"message": str(chain[0])[:2000]}
    for each in chain:
        match each:
            case HTTPError():
                return said | {"kind": "http", "status": each.status}
            case GeoRestrictedError():
                return said | {"kind": "geo"}
            case UserNotLive():
                return said | {"kind": "live"}
            case UnsupportedError():
                return said | {"kind": "none"}
            case SSLError():
                return said | {"kind": "tls"}
            case OSError() if each.errno in (errno.ENOSPC, errno.EDQUOT):
                return said | {"kind": "disk_full"}
            case OSError() if each.errno in (errno.EACCES, errno.EROFS, errno.EIO, errno.EFBIG) and each.filename:
                return said | {"kind": "disk"}
    for kind, pattern in _SAID:
        if pattern.search(said["message"]):
            return said | {"kind": kind}
    if any(
        isinstance(each, (TransportError, RequestError, ContentTooShortError, TimeoutError, ConnectionError))
        for each in chain
    ):
        return said | {"kind": "network"}
    if any(isinstance(each, UnavailableVideoError) for each in chain):
        return said | {"kind": "gone"}
    return said | {"kind": "joining" if any(isinstance(each, PostProcessingError) for each in chain) else "other"}


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and all that led to it."""
    left, seen = [error], set()
    while left:
        each = left.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = each.exc_info[1] if isinstance(each, DownloadError) and each.exc_info else None
        left += [
            cause
            for cause in (inner, getattr(each, "cause", None), each.__cause__, each.__context__)
            if isinstance(cause, BaseException)
        ]
