"""The head of an answer: what may be trusted becomes a value, everything else becomes nothing."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.header import (
    LARGEST_BYTES,
    ContentRange,
    ETag,
    Match,
    Unsatisfied,
    Validators,
    is_strong_last_modified,
    parse_content_length,
    parse_content_range,
    parse_etag,
    parse_http_date,
    read_validators,
)
from argosy.errors import BadResponse

OLD = "Sun, 06 Nov 1994 08:49:37 GMT"
OLD_S = 784_111_777.0
NEXT_SECOND = "Sun, 06 Nov 1994 08:49:38 GMT"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("bytes 0-0/1", ContentRange(0, 0, 1)),
        ("bytes 42-1233/1234", ContentRange(42, 1233, 1234)),
        ("bytes 42-1233/*", ContentRange(42, 1233, None)),
        ("BYTES 1-2/3", ContentRange(1, 2, 3)),
        (" \tbytes 1-2/3 ", ContentRange(1, 2, 3)),
        (f"bytes 0-{LARGEST_BYTES - 1}/{LARGEST_BYTES}", ContentRange(0, LARGEST_BYTES - 1, LARGEST_BYTES)),
        ("bytes */1234", Unsatisfied(1234)),
        ("bytes */0", Unsatisfied(0)),
        ("bytes */*", Unsatisfied(None)),
    ],
)
def test_a_valid_content_range_is_read(text: str, value: ContentRange | Unsatisfied) -> None:
    assert parse_content_range(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bytes",
        "bytes 0-9/9",  # last >= total
        "bytes 0-10/9",
        "bytes 5-4/10",  # last < first
        "bytes a-b/c",
        "bytes 1-x/10",
        "bytes 0x1-2/10",
        "1-34/35",  # no unit
        "octets 1-34/35",
        "bytes=1-34/35",
        "bytes  1-34/35",
        "bytes -1-34/35",
        "bytes 1--34/35",
        "bytes 1-34/-35",
        "bytes +1-34/35",
        f"bytes 0-{2**63}/*",
        f"bytes 0-1/{2**63 + 1}",
        f"bytes */{2**63}",
        f"bytes 0-1/{'9' * 5_000}",
        "bytes 1-34",
        "bytes 1-/35",
        "bytes -34/35",
        "bytes 1-2/3, bytes 4-5/6",
        "bytes 1-2/3\n",
        "bytes ١-٢/٣",
        "bytes *-2/3",
    ],
)
def test_an_invalid_content_range_is_none(text: str) -> None:
    assert parse_content_range(text) is None


@given(st.integers(0, LARGEST_BYTES), st.integers(0, LARGEST_BYTES), st.none() | st.integers(0, LARGEST_BYTES))
def test_a_content_range_is_valid_exactly_if_it_lies_in_its_whole(first: int, last: int, total: int | None) -> None:
    value = parse_content_range(f"bytes {first}-{last}/{'*' if total is None else total}")
    if first <= last and (total is None or last < total):
        assert value == ContentRange(first, last, total)
        assert value.length == last - first + 1
    else:
        assert value is None


@pytest.mark.parametrize(
    ("values", "length"),
    [
        ([], None),
        (["0"], 0),
        (["6"], 6),
        ([" 6\t"], 6),
        (["6", "6"], 6),
        (["6, 6"], 6),
        (["6", "06"], 6),
        ([str(LARGEST_BYTES)], LARGEST_BYTES),
    ],
)
def test_content_lengths_that_agree_are_one(values: list[str], length: int | None) -> None:
    assert parse_content_length(values) == length


@pytest.mark.parametrize(
    "values",
    [
        ["6", "7"],
        ["6, 7"],
        ["12abc"],
        ["-6"],
        ["+5"],
        ["1" * 20],
        [str(2**63)],
        ["9" * 5_000],
        [""],
        ["6,"],
        ["6", ""],
        ["6.0"],
        ["0x6"],
        ["6 6"],
        ["٦"],
        ["6", "x"],
        ["6\n"],
    ],
)
def test_content_lengths_that_disagree_or_are_none_fail(values: list[str]) -> None:
    with pytest.raises(BadResponse, match="impossible Content-Length") as caught:
        parse_content_length(values)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ('"abc"', ETag("abc")),
        ('""', ETag("")),
        ('W/"abc"', ETag("abc", weak=True)),
        (' "a,b;c\\d" ', ETag("a,b;c\\d")),
        ('"\xe9"', ETag("\xe9")),
    ],
)
def test_an_etag_is_read_and_written_as_it_was(text: str, tag: ETag) -> None:
    assert parse_etag(text) == tag
    assert str(tag) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "range100",
        '"abc',
        'abc"',
        '"a"b"',
        'w/"abc"',
        'W/ "abc"',
        "W/abc",
        '"a b"',
        '"a\x7f"',
        '"a\r\nX: y"',
        '"a", "b"',
        "'abc'",
        '"€"',
        '"a"\n',
        "*",
        "W/",
        '"',
    ],
)
def test_what_is_no_etag_is_none(text: str) -> None:
    assert parse_etag(text) is None


@pytest.mark.parametrize("text", [OLD, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", f" {OLD}\t"])
def test_all_three_date_formats_mean_the_same_moment(text: str) -> None:
    assert parse_http_date(text) == OLD_S


@given(st.integers(0, 253_402_300_799))
def test_every_second_is_read_back(moment: int) -> None:
    assert parse_http_date(formatdate(moment, usegmt=True)) == moment


def test_a_leap_second_is_the_next_minute() -> None:
    assert parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT") == parse_http_date("Sun, 01 Jan 2017 00:00:00 GMT")


@pytest.mark.parametrize(("now_year", "year"), [(2026, 2076), (2025, 1976), (1994, 1976), (2076, 2076), (2126, 2176)])
def test_two_digit_years_are_at_most_fifty_years_ahead(now_year: int, year: int) -> None:
    weekday_matters_not = "Sunday, 06-Nov-76 08:49:37 GMT"
    assert parse_http_date(weekday_matters_not, now_year=now_year) == parse_http_date(f"Sun Nov  6 08:49:37 {year}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sun, 31 Feb 2021 00:00:00 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 NOV 1994 08:49:37 GMT",
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "0",
    ],
)
def test_what_is_no_http_date_is_none(text: str) -> None:
    assert parse_http_date(text) is None


@pytest.mark.parametrize(
    ("last_modified", "date", "strong"),
    [
        (OLD, NEXT_SECOND, True),
        (OLD, OLD, False),
        (NEXT_SECOND, OLD, False),
        (OLD, None, False),
        (None, OLD, False),
        (OLD, "soon", False),
        ("never", OLD, False),
    ],
)
def test_a_date_is_strong_a_second_after_the_change(last_modified: str | None, date: str | None, strong: bool) -> None:
    assert is_strong_last_modified(last_modified, date) is strong


def read(
    etag: str | None = None, last_modified: str | None = None, date: str | None = None, length: int | None = None
) -> Validators:
    return read_validators(etag=etag, last_modified=last_modified, date=date, length=length)


@pytest.mark.parametrize(
    ("validators", "if_range"),
    [
        (read('"a"', OLD, NEXT_SECOND), '"a"'),
        (read(None, OLD, NEXT_SECOND), OLD),
        (read(None, OLD, OLD), None),
        (read('W/"a"', OLD, NEXT_SECOND), None),
        (read("range100", OLD, NEXT_SECOND), OLD),
        (read("range100"), None),
        (read(), None),
    ],
)
def test_if_range_carries_a_strong_etag_or_without_any_a_strong_date_or_nothing(
    validators: Validators, if_range: str | None
) -> None:
    assert validators.if_range() == if_range


@pytest.mark.parametrize(
    ("mine", "theirs", "match"),
    [
        (read('"a"'), read('"a"'), Match.SAME),
        (read('"a"'), read('"b"'), Match.DIFFERENT),
        (read('"a"', length=5), read('"a"', length=6), Match.DIFFERENT),
        (read('"a"', length=5), read('"a"'), Match.SAME),
        (read('"a"', OLD, NEXT_SECOND), read('"b"', OLD, NEXT_SECOND), Match.DIFFERENT),
        (read('"a"', OLD), read('"a"', NEXT_SECOND), Match.SAME),
        (read(length=5), read(length=6), Match.DIFFERENT),
        (read(length=5), read(length=5), Match.UNKNOWN),
        (read(), read(), Match.UNKNOWN),
        (read('"a"'), read(), Match.UNKNOWN),
        (read('W/"a"'), read('W/"a"'), Match.UNKNOWN),
        (read('W/"a"', OLD, NEXT_SECOND), read('W/"a"', OLD, NEXT_SECOND), Match.UNKNOWN),
        (read(None, OLD, NEXT_SECOND), read(None, OLD, NEXT_SECOND), Match.SAME),
        (read(None, OLD, OLD), read(None, OLD, NEXT_SECOND), Match.UNKNOWN),
        (read(None, OLD), read(None, NEXT_SECOND), Match.DIFFERENT),
        (read(None, OLD, NEXT_SECOND), read(), Match.UNKNOWN),
        (Validators(strong_date=True), Validators(strong_date=True), Match.UNKNOWN),
        (Validators(strong_date=True), Validators(last_modified=OLD, strong_date=True), Match.UNKNOWN),
    ],
)
def test_only_a_shared_strong_validator_makes_two_answers_the_same(
    mine: Validators, theirs: Validators, match: Match
) -> None:
    assert mine.matches(theirs) is match
    assert theirs.matches(mine) is match


dates = st.sampled_from([OLD, NEXT_SECOND, "garbage"]) | st.none()
any_validators = st.builds(
    read,
    st.sampled_from(['"a"', '"b"', 'W/"a"', "a"]) | st.none(),
    dates,
    dates,
    st.sampled_from([1, 2]) | st.none(),
)


@given(any_validators, any_validators)
def test_comparing_is_symmetric_and_nothing_weak_ever_says_same(mine: Validators, theirs: Validators) -> None:
    match = mine.matches(theirs)
    assert match is theirs.matches(mine)
    if match is Match.SAME:
        assert mine.if_range()
        assert theirs.if_range()
    if mine == theirs:
        assert match is (Match.SAME if mine.if_range() else Match.UNKNOWN)
