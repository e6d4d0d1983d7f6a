"""What of a file is to be answered to a GET or HEAD with conditions and a range (RFC 9110 13 and 14). Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from argosy.core.header import parse_http_date
from argosy.errors import ArgosyError

_RANGE: Final = re.compile(r"bytes[ \t]*=(.*)", re.IGNORECASE)
_SPEC: Final = re.compile(r"[ \t]*([0-9]{0,19})[ \t]*-[ \t]*([0-9]{0,19})[ \t]*")
_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')
LONGEST: Final = 8192
"""Characters of a header that are looked at."""


class RangeRefused(ArgosyError):
    """No byte of the file is within the range, or several ranges were asked for at once."""

    code = "range"


class PreconditionFailed(ArgosyError):
    """The file is another version than the client wants to go on with."""

    code = "precondition_failed"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a file. ``etag`` is strong, with its quotes; ``modified`` epoch seconds."""

    size: int
    etag: str
    modified: float


@dataclass(frozen=True, slots=True)
class Portion:
    """The bytes from ``start`` to before ``stop``, with the status that says so; 304: none, the client has them."""

    status: int
    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


def portion(version: Version, headers: Mapping[str, str]) -> Portion:
    """Return what to send. ``headers`` are those of the request, in lower case. Raises PreconditionFailed, RangeRefused."""
    wanted = headers.get("if-match")
    if wanted is not None and not _lists(wanted, version.etag, weak=False):
        raise PreconditionFailed("the file is not the one that If-Match names", hint="it was downloaded anew")
    if _has_it(version, headers):
        return Portion(304, 0, 0)
    whole = Portion(200, 0, version.size)
    asked = headers.get("range")
    if asked is None or not _may_continue(version, headers.get("if-range")):
        return whole
    return _ranged(asked[:LONGEST], version.size) or whole


def _has_it(version: Version, headers: Mapping[str, str]) -> bool:
    known = headers.get("if-none-match")
    if known is not None:
        return _lists(known, version.etag, weak=True)
    since = parse_http_date(headers.get("if-modified-since", ""))
    return since is not None and math.floor(version.modified) <= since


def _lists(text: str, etag: str, *, weak: bool) -> bool:
    if text.strip() == "*":
        return True
    return any(match[1] == etag and (weak or not match[0].startswith("W/")) for match in _TAG.finditer(text[:LONGEST]))


def _may_continue(version: Version, if_range: str | None) -> bool:
    """Whether what the client has is of this version (RFC 9110 13.1.5); a weak tag never proves that."""
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range.strip() == version.etag
    return parse_http_date(if_range) == math.floor(version.modified)


def _ranged(text: str, size: int) -> Portion | None:
    """Return the range asked for, None for what is no range of bytes and must be ignored (RFC 9110 14.2)."""
    asked = _RANGE.fullmatch(text.strip())
    if asked is None:
        return None
    specs = [_SPEC.fullmatch(spec) for spec in asked[1].split(",")]
    if not all(spec is not None and (spec[1] or spec[2]) for spec in specs):
        return None
    if len(specs) > 1:
        raise RangeRefused("one range at a time", hint="ask for each range by itself")
    (spec,) = specs
    assert spec is not None
    first, last = spec[1], spec[2]
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    if start >= stop:
        raise RangeRefused(f"the file has {size:,} bytes", hint="ask for a range within it")
    return Portion(206, start, stop)
