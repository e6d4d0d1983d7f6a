"""The head of an HTTP answer as values: where its bytes belong, how many there are, and which version they are.

Strict on purpose. A range that cannot be trusted must not be recombined (RFC 9110 14.4), a validator that is not
one must not be echoed, so whatever is malformed is None here, or ``BadResponse`` where nothing safe can follow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum

from argosy.errors import BadResponse
from argosy.value import dataclass

LARGEST_BYTES = 2**63 - 1
STRONG_DATE_AGE_S = 1.0
LEAP_SECOND = 60  # allowed; the same moment as the first second of the next minute
RECENT_YEAR = 2026  # for the two-digit years of RFC 850 dates where no clock is at hand

_NUMBER = re.compile(r"[0-9]{1,19}")
_CONTENT_RANGE = re.compile(
    r"bytes (?:(?P<first>[0-9]{1,19})-(?P<last>[0-9]{1,19})|\*)/(?:(?P<total>[0-9]{1,19})|\*)", re.IGNORECASE
)
_ETAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_CLOCK = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_HTTP_DATES = (
    rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_CLOCK} GMT",
    rf"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_CLOCK} GMT",
    rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ 0-9][0-9]) {_CLOCK} (?P<year>[0-9]{{4}})",
)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """The bytes ``first`` to ``last``, both included, of ``total`` (None: the server does not know yet)."""

    first: int
    last: int
    total: int | None

    @property
    def length(self) -> int:
        """The number of bytes in the range."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Unsatisfied:
    """The answer to a range beyond the end of a file of ``total`` bytes."""

    total: int | None


def parse_content_range(text: str) -> ContentRange | Unsatisfied | None:
    """Return what a ``Content-Range`` field says (RFC 9110 14.4), or None if it is invalid in any way."""
    match = _CONTENT_RANGE.fullmatch(text.strip(" \t"))
    if match is None:
        return None
    first, last, total = (None if digits is None else int(digits) for digits in match.groups())
    if max(last or 0, total or 0) > LARGEST_BYTES:
        return None
    if first is None or last is None:
        return Unsatisfied(total)
    if last < first or (total is not None and total <= last):
        return None
    return ContentRange(first, last, total)


def parse_content_length(values: Sequence[str]) -> int | None:
    """Return the length that all ``Content-Length`` fields of one answer agree on, None if there are none.

    Repeating the same number is harmless (RFC 9110 8.6); anything else means that the two ends disagree about where
    the body ends, which is ``BadResponse``.
    """
    numbers = [number.strip(" \t") for value in values for number in value.split(",")]
    lengths = {int(number) if _NUMBER.fullmatch(number) else math.inf for number in numbers}
    if len(lengths) > 1 or any(length > LARGEST_BYTES for length in lengths):
        raise BadResponse(f"impossible Content-Length: {', '.join(values)[:80]!r}")
    return int(lengths.pop()) if lengths else None


@dataclass(frozen=True, slots=True)
class ETag:
    """An entity-tag; ``str()`` is how it was sent."""

    opaque: str
    weak: bool = False

    def __str__(self) -> str:
        return f'{"W/" if self.weak else ""}"{self.opaque}"'


def parse_etag(text: str) -> ETag | None:
    """Return the entity-tag (RFC 9110 8.8.3), or None for anything else, such as httpbin's ``range100`` unquoted."""
    match = _ETAG.fullmatch(text.strip(" \t"))
    return ETag(match[2], weak=match[1] is not None) if match else None


def parse_http_date(text: str, *, now_year: int = RECENT_YEAR) -> float | None:
    """Return the epoch seconds of an HTTP-date in any of its three formats (RFC 9110 5.6.7), or None."""
    match = next((match for pattern in _HTTP_DATES if (match := re.fullmatch(pattern, text.strip(" \t")))), None)
    if match is None:
        return None
    year, day, hour, minute, second = (int(match[part]) for part in ("year", "day", "hour", "minute", "second"))
    if len(match["year"]) == 2:
        year = _full_year(year, now_year)
    if second > LEAP_SECOND:
        return None
    try:
        start = datetime(year, _MONTHS.index(match["month"]) + 1, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
    return start.timestamp() + second


def _full_year(two_digits: int, now_year: int) -> int:
    """Return the latest year with these last digits that is at most 50 years ahead."""
    latest = now_year + 50
    return latest - (latest - two_digits) % 100


def is_strong_last_modified(last_modified: str | None, date: str | None) -> bool:
    """Tell whether a Last-Modified pins the very bytes: the answer's Date is a second later (RFC 9110 8.8.2.2).

    Within that second the file may have changed again without the field showing it.
    """
    modified, served = (parse_http_date(text or "") for text in (last_modified, date))
    return modified is not None and served is not None and served - modified >= STRONG_DATE_AGE_S


class Match(Enum):
    """What two sets of validators say about the bytes they came with."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one version of a file from another; make it with ``read_validators``.

    ``etag`` is a strong entity-tag as sent, with its quotes. ``strong_date`` says that ``last_modified`` may stand in
    for it. ``length`` is that of the whole file.
    """

    etag: str | None = None
    last_modified: str | None = None
    strong_date: bool = False
    length: int | None = None

    def if_range(self) -> str | None:
        """Return what may be sent as ``If-Range`` (RFC 9110 13.1.5), None if nothing may."""
        if self.etag is not None:
            return self.etag
        return self.last_modified if self.strong_date else None

    def matches(self, other: Validators) -> Match:
        """Compare with the validators of another answer; only SAME allows their bytes to be combined unseen."""
        if _differ(self.length, other.length):
            return Match.DIFFERENT
        if self.etag is not None and other.etag is not None:
            return Match.SAME if self.etag == other.etag else Match.DIFFERENT
        if _differ(self.last_modified, other.last_modified):
            return Match.DIFFERENT
        dated = self.last_modified is not None and other.last_modified is not None
        return Match.SAME if dated and self.strong_date and other.strong_date else Match.UNKNOWN


def _differ(mine: object, theirs: object) -> bool:
    return mine is not None and theirs is not None and mine != theirs


def read_validators(*, etag: str | None, last_modified: str | None, date: str | None, length: int | None) -> Validators:
    """Return the validators of an answer from its fields.

    Next to a weak entity-tag the date is not used either: RFC 9110 13.1.5 allows it only where there is no tag.
    """
    tag = parse_etag(etag or "")
    strong = tag is not None and not tag.weak
    return Validators(
        etag=str(tag) if strong else None,
        last_modified=last_modified,
        strong_date=tag is None and is_strong_last_modified(last_modified, date),
        length=length,
    )
