"""Sizes, rates and durations as people write and read them.

K, M, G, T, P and E are powers of 1024, with or without ``B`` or ``iB`` after them, as curl, aria2 and rclone have it.
"""

from __future__ import annotations

import math
import re

from argosy.errors import UsageError

LARGEST_BYTES = 2**63 - 1
UNLIMITED_WORDS = frozenset({"off", "unlimited", "none"})

_PREFIXES = "KMGTPE"
_SIZE = r"(?i)([0-9]{1,19}(?:\.[0-9]{1,9})?)\s*(?:([KMGTPE])(?:I?B)?|B)?"
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


def parse_size(text: str) -> int:
    """Return the bytes that ``5M``, ``512k``, ``1.5GiB`` or ``1048576`` stand for, rounded down."""
    size = _bytes(text)
    if size is None:
        raise UsageError(f"not a size: {text!r}", hint="write a number and a unit, such as 512k, 5M or 1.5GiB")
    return size


def parse_rate(text: str) -> int | None:
    """Return bytes per second (``2M``, ``10MB/s``), or None for no limit: ``off``, ``unlimited``, ``none`` or zero."""
    word = text.strip().lower()
    if word in UNLIMITED_WORDS:
        return None
    rate = _bytes(word.removesuffix("/s"))
    if rate is None:
        raise UsageError(f"not a rate: {text!r}", hint="write bytes per second such as 512k, 2M or 10MB/s, or 'off'")
    return rate or None


def _bytes(text: str) -> int | None:
    match = re.fullmatch(_SIZE, text.strip())
    if match is None:
        return None
    number, prefix = match.groups()
    power = _PREFIXES.index(prefix.upper()) + 1 if prefix else 0
    whole, _, fraction = number.partition(".")
    size = int(whole + fraction) * 1024**power // 10 ** len(fraction)
    return size if size <= LARGEST_BYTES else None


def format_size(size: float) -> str:
    """Return ``1023 B``, ``1.2 GiB``, ``3.4 TiB``; never ``1024.0 KiB``."""
    if size < 1023.5:  # what rounds to 1024 belongs to the next unit
        return f"{size:.0f} B"
    value, power = size / 1024, 0
    while value >= 1023.95 and power < len(_PREFIXES) - 1:
        value, power = value / 1024, power + 1
    return f"{value:.1f} {_PREFIXES[power]}iB"


def format_rate(bytes_per_s: float | None) -> str:
    """Return ``3.4 MiB/s``, or ``unlimited`` for None."""
    return "unlimited" if bytes_per_s is None else f"{format_size(bytes_per_s)}/s"


def format_duration(seconds: float | None) -> str:
    """Return the two largest units, ``2m 03s`` or ``3d 04h``; ``?`` for what nobody can know (None, infinite, NaN)."""
    if seconds is None or not math.isfinite(seconds):
        return "?"
    whole = max(0, round(seconds))
    if whole < _MINUTE_S:
        return f"{whole}s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S}m {whole % _MINUTE_S:02}s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S}h {whole % _HOUR_S // _MINUTE_S:02}m"
    return f"{whole // _DAY_S}d {whole % _DAY_S // _HOUR_S:02}h"


def format_soon(seconds: float) -> str:
    """Return when something comes: ``now``, ``in 0.4s``, ``in 2m 03s``."""
    if seconds < 0.05:
        return "now"
    return f"in {seconds:.1f}s" if seconds < 0.95 else f"in {format_duration(seconds)}"
