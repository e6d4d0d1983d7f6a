"""What the words of a command line stand for: sizes, rates, durations, checksums, headers, URLs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import click

from argosy.core import checksum, sizes
from argosy.errors import UsageError

T = TypeVar("T")
_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", re.IGNORECASE
)
_URL = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|(?!localhost:|mailto:|javascript:|data:|file:|about:)[a-z][a-z0-9+-]+:(?!//))\S",
    re.IGNORECASE,
)
"""With a scheme, or with the prefix of a source, which a package may have brought."""
_HOST_AND_PATH = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]+/\S*$", re.IGNORECASE)
_UNIT_S = (86_400, 3_600, 60, 1)


class Kind(click.ParamType[T], Generic[T]):
    """A parameter read by a function that raises UsageError with a hint."""

    def __init__(self, name: str, read: Callable[[str], T]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]  # a default, already of the kind
        try:
            return self._read(value)
        except UsageError as error:
            self.fail(f"{error.message}; {error.hint}" if error.hint else error.message, param, ctx)


class Number(click.IntRange):
    """A whole number; what is none is told in words."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"not a whole number{self._span()}: {str(value)!r}", param, ctx)

    def _span(self) -> str:
        return f" of at least {self.min}" if self.max is None else f" from {self.min} to {self.max:,}"


def duration(text: str) -> float:
    """Return the seconds that ``90``, ``90s``, ``1.5m``, ``1h30m`` or ``2d`` stand for."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise UsageError(f"not a duration: {text!r}", hint="write seconds or such as 90s, 5m, 1h30m")
    return sum(float(part) * unit for part, unit in zip(match.groups(), _UNIT_S, strict=True) if part)


def header(text: str) -> tuple[str, str]:
    """Return name and value of ``Name: value``."""
    name, colon, value = text.partition(":")
    if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name.strip()) or re.search(r"[\r\n\0]", value):
        raise UsageError("not a header", hint="write it as 'Name: value'")
    return name.strip(), value.strip()


def url(text: str) -> str:
    """Return ``text`` if it begins with a scheme or a source's prefix; whether anybody can fetch it is for the runtime to say."""
    text = text.strip()
    if not _URL.match(text):
        raise UsageError(f"not a URL: {text!r}", hint=f"write its scheme too, such as https://{text.lstrip('/')}")
    return text


def typed_url(text: str) -> tuple[str, bool]:
    """Return the URL that somebody typed, and whether ``https://`` had to be put before it: ``example.org/x`` is meant so.

    Only what cannot well be anything else is completed: a name with a dot and a path, no port, and no file of that name.
    """
    text = text.strip()
    if _HOST_AND_PATH.match(text) and not Path(text).exists():
        return f"https://{text}", True
    return url(text), False


def host_rate(text: str) -> tuple[str, str]:
    """Return host and rate of ``host=1M``; the rate is kept as written."""
    host, equals, rate = text.partition("=")
    if not equals or not host.strip():
        raise UsageError(f"not a host's rate: {text!r}", hint="write HOST=RATE, such as example.org=1M, or HOST=off")
    if rate.strip():
        sizes.parse_rate(rate)
    return host.strip().lower(), rate.strip()


SIZE = Kind("size", sizes.parse_size)
RATE = Kind("rate", sizes.parse_rate)
DURATION = Kind("time", duration)
CHECKSUM = Kind("algorithm:hex", checksum.parse)
HEADER = Kind("'name: value'", header)
URL = Kind("url", url)
HOST_RATE = Kind("host=rate", host_rate)
