"""Sizes, rates and durations: what people write is understood, what is shown is short and never wrong."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.sizes import (
    LARGEST_BYTES,
    format_duration,
    format_rate,
    format_size,
    format_soon,
    parse_rate,
    parse_size,
)
from argosy.errors import UsageError

K, M, G = 1024, 1024**2, 1024**3


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("17", 17),
        ("17B", 17),
        ("512k", 512 * K),
        ("5M", 5 * M),
        ("5 MB", 5 * M),
        ("1.5GiB", 3 * G // 2),
        ("1.5gib", 3 * G // 2),
        ("2T", 2 * K * G),
        ("1P", M * G),
        (" 3K\n", 3 * K),
        ("0.1", 0),
        ("0.001k", 1),
        ("9223372036854775807", LARGEST_BYTES),
    ],
)
def test_a_size_is_a_number_with_a_power_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "M",
        "-1",
        "+1",
        "1,5M",
        "1.M",
        ".5M",
        "5X",
        "5Mbit",
        "5 M M",
        "1e3",
        "٣",
        "nan",
        "inf",
        "5M/s",
        "8192P",
        "9223372036854775808",
        "9" * 5000,
        "0x10",
        "1_000",
        "off",
    ],
)
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="not a size") as caught:
        parse_size(text)
    assert "1.5GiB" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "rate"), [("2M", 2 * M), ("10MB/s", 10 * M), ("10MiB/S", 10 * M), ("512 k/s", 512 * K), ("100", 100)]
)
def test_a_rate_is_a_size_with_or_without_per_second(text: str, rate: int) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["off", "OFF", " unlimited ", "none", "0", "0M", "0.0/s"])
def test_no_limit_has_several_names(text: str) -> None:
    assert parse_rate(text) is None


@pytest.mark.parametrize("text", ["", "/s", "fast", "-1M", "2M/h", "off/s"])
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="not a rate") as caught:
        parse_rate(text)
    assert "'off'" in caught.value.hint


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1023.7, "1.0 KiB"),
        (1024, "1.0 KiB"),
        (M - 1, "1.0 MiB"),
        (1.2 * G, "1.2 GiB"),
        (1023 * K, "1023.0 KiB"),
        (2 * M * G, "2.0 PiB"),
        (M * G * K - 1, "1.0 EiB"),
        (LARGEST_BYTES, "8.0 EiB"),
    ],
)
def test_a_size_is_shown_in_the_unit_that_keeps_it_short(size: float, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(0, LARGEST_BYTES // 2))
def test_a_shown_size_reads_back_within_its_rounding(size: int) -> None:
    shown = format_size(size)
    assert re.fullmatch(r"\d{1,4} B|\d{1,4}\.\d [KMGTPE]iB", shown)
    assert shown[:6] != "1024.0"
    assert abs(parse_size(shown) - size) <= size * 0.051 + 1


def test_a_rate_is_shown_per_second_and_none_as_unlimited() -> None:
    assert format_rate(3.4 * M) == "3.4 MiB/s"
    assert format_rate(None) == "unlimited"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (0.4, "0s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (123, "2m 03s"),
        (3_599.7, "1h 00m"),
        (3_720, "1h 02m"),
        (86_399, "23h 59m"),
        (86_400 * 3 + 3_600 * 4, "3d 04h"),
        (None, "?"),
        (math.inf, "?"),
        (math.nan, "?"),
    ],
)
def test_a_duration_is_shown_in_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3.0, "now"), (0.0, "now"), (0.049, "now"), (0.05, "in 0.1s"), (0.4, "in 0.4s"), (0.949, "in 0.9s"),
     (0.95, "in 1s"), (1.4, "in 1s"), (123.0, "in 2m 03s")],
)  # fmt: skip
def test_what_is_less_than_a_second_away_is_told_in_tenths_or_as_now(seconds: float, text: str) -> None:
    assert format_soon(seconds) == text
