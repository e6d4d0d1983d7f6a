"""Timetables and windows: what is written is what holds, at every minute of the week."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.timetable import (
    DAY_MIN,
    DAYS,
    WEEK_MIN,
    describe,
    describe_window,
    is_open,
    next_change,
    opens_at,
    parse,
    parse_window,
    rate_at,
)
from argosy.errors import UsageError

K, M = 1024, 1024 * 1024
MONDAY = datetime(2026, 11, 23)


def at(text: str) -> datetime:
    """Return ``Mon 08:00`` of the week of 23 November 2026."""
    day, time = text.split()
    hours, minutes = map(int, time.split(":"))
    return MONDAY + timedelta(days=DAYS.index(day), hours=hours, minutes=minutes)


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("2M", {"Mon 00:00": 2 * M, "Sun 23:59": 2 * M}),
        ("off", {"Mon 00:00": None}),
        ("unlimited", {"Mon 00:00": None}),
        ("else 2M", {"Wed 12:00": 2 * M}),
        (
            "08:00,512k 12:00,10M 23:00,off",
            {
                "Mon 00:00": None,
                "Mon 07:59": None,
                "Mon 08:00": 512 * K,
                "Thu 11:59": 512 * K,
                "Thu 12:00": 10 * M,
                "Sun 22:59": 10 * M,
                "Sun 23:00": None,
            },
        ),
        ("8:00 , 1M  20:00, off", {"Tue 08:00": M, "Tue 20:00": None}),
        (
            "Mon-08:00,1M Fri-18:00,off",
            {"Mon 07:59": None, "Mon 08:00": M, "Thu 03:00": M, "Fri 17:59": M, "Fri 18:00": None, "Sun 12:00": None},
        ),
        ("Mon-Fri-08:00,1M 20:00,off", {"Fri 19:00": M, "Sat 19:00": None}),
        ("12:00,1M 12:00,2M", {"Mon 12:00": 2 * M}),
        ("Sun-24:00,1M Tue-00:00,2M", {"Mon 00:00": M, "Tue 00:00": 2 * M, "Sun 23:59": 2 * M}),
        (
            "22:00-07:00 unlimited, else 2M",
            {"Mon 06:59": None, "Mon 07:00": 2 * M, "Mon 21:59": 2 * M, "Mon 22:00": None, "Sun 23:59": None},
        ),
        ("22:00-07:00 5M", {"Mon 23:00": 5 * M, "Mon 12:00": None}),
        (
            "Sat-Sun off, Mon-friday 09:00-17:00 500k, ELSE 5M",
            {"Sat 10:00": None, "Sun 23:59": None, "Fri 16:59": 500 * K, "Fri 17:00": 5 * M, "Mon 00:00": 5 * M},
        ),
        ("08:00-18:00 1M, 10:00-12:00 2M, else 3M", {"Mon 11:00": M, "Mon 19:00": 3 * M}),
        ("Sun 22:00-07:00 1M, else off", {"Sun 23:00": M, "Mon 06:59": M, "Mon 07:00": None, "Sun 06:00": None}),
    ],
)
def test_a_timetable_holds_what_it_says(text: str, rates: dict[str, int | None]) -> None:
    timetable = parse(text)
    assert {moment: rate_at(timetable, at(moment)) for moment in rates} == rates


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the timetable is empty"),
        ("  ", "the timetable is empty"),
        ("fast", "cannot read 'fast': not a rate: 'fast'"),
        ("08:00,512k 12:00", "cannot read '12:00': expected TIME,RATE"),
        ("08:00,512k Foo-12:00,1M", "there is no weekday Foo"),
        ("08:00,512x", "not a rate: '512x'"),
        ("25:00,1M", "there is no time 25:00"),
        ("24:01,1M", "there is no time 24:01"),
        ("08:60,1M", "there is no time 08:60"),
        ("22:00-07:00", "not a rate: '22:00-07:00'"),
        ("22:00-27:00 1M", "there is no time 27:00"),
        ("Mon-Tue-Wed 1M", "there is no weekday Mon-Tue-Wed"),
        ("Monk 1M", "there is no weekday Monk"),
        ("Mon Tue 08:00-09:00 1M", "expected days, a range of times, or both"),
        ("22:00-07:00 off; else 2M", "cannot read '22:00-07:00 off; else 2M': expected days"),
        ("08:00-09:00 1M,,else 2M", "cannot read '': not a rate: ''"),
        ("10M:100k", "not a rate"),
    ],
)
def test_a_timetable_that_makes_no_sense_says_where_and_gives_an_example(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert complaint in str(caught.value)
    assert "else 2M" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "now", "change"),
    [
        ("2M", "Mon 08:00", None),
        ("00:00,1M 12:00,1M", "Mon 08:00", None),
        ("08:00,1M 20:00,off", "Mon 07:59", "Mon 08:00"),
        ("08:00,1M 20:00,off", "Mon 08:00", "Mon 20:00"),
        ("08:00,1M 20:00,off", "Mon 20:00", "Tue 08:00"),
        ("Mon-08:00,1M Fri-18:00,off", "Tue 00:00", "Fri 18:00"),
    ],
)
def test_the_next_change_is_strictly_later(text: str, now: str, change: str | None) -> None:
    assert next_change(parse(text), at(now)) == (at(change) if change else None)


def test_the_next_change_may_lie_in_the_next_week_and_is_on_the_minute() -> None:
    timetable = parse("Mon-08:00,1M Fri-18:00,off")
    saturday = datetime(2026, 11, 28, 3, 4, 5, 678)
    assert next_change(timetable, saturday) == datetime(2026, 11, 30, 8, 0)
    assert next_change(parse("Mon-08:00,1M Mon-08:01,off"), datetime(2026, 11, 23, 8, 1, 30)) == datetime(
        2026, 11, 30, 8
    )


steps = st.lists(st.tuples(st.integers(0, WEEK_MIN - 1), st.integers(1, 5)), min_size=1, max_size=12)


@given(steps, st.integers(0, WEEK_MIN - 1))
def test_each_step_holds_until_the_next_one(entries: list[tuple[int, int]], minute: int) -> None:
    text = " ".join(f"{DAYS[m // DAY_MIN]}-{m % DAY_MIN // 60:02}:{m % 60:02},{rate}" for m, rate in entries)
    timetable = parse(text)
    rates = dict(entries)
    ago = next(ago for ago in range(WEEK_MIN) if (minute - ago) % WEEK_MIN in rates)
    assert rate_at(timetable, MONDAY + timedelta(minutes=minute)) == rates[(minute - ago) % WEEK_MIN]


@given(steps, st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_nothing_changes_before_the_next_change_and_something_does_then(
    entries: list[tuple[int, int]], now: datetime
) -> None:
    timetable = parse(" ".join(f"{DAYS[m // DAY_MIN]}-{m % DAY_MIN // 60}:{m % 60:02},{rate}" for m, rate in entries))
    change = next_change(timetable, now)
    if change is None:
        assert len({rate for _, rate in dict(entries).items()}) == 1
    else:
        assert timedelta() < change - now <= timedelta(days=7)
        before = change - timedelta(minutes=1)
        assert rate_at(timetable, before) == rate_at(timetable, now) != rate_at(timetable, change)


@pytest.mark.parametrize(
    ("text", "opened", "closed"),
    [
        ("22:00-07:00", ["Mon 00:00", "Mon 06:59", "Mon 22:00", "Sun 23:59"], ["Mon 07:00", "Mon 21:59"]),
        (
            "Mon-Fri 22:00-07:00, Sat-Sun",
            ["Mon 22:00", "Fri 23:00", "Sat 00:00", "Sun 23:59"],
            ["Mon 00:00", "Mon 12:00", "Fri 21:59"],
        ),
        ("Fri 22:00-07:00", ["Fri 22:00", "Sat 06:59"], ["Fri 06:00", "Sat 22:00"]),
        ("Sat-Mon", ["Sat 00:00", "Sun 12:00", "Mon 23:59"], ["Tue 00:00", "Fri 23:59"]),
        ("01:00-02:00,03:00-04:00", ["Wed 01:30", "Wed 03:30"], ["Wed 02:00", "Wed 02:30", "Wed 04:00"]),
        ("00:00-24:00", ["Mon 00:00", "Sun 23:59"], []),
        ("Mon 08:00-08:00", ["Mon 08:00", "Tue 07:59"], ["Mon 07:59", "Tue 08:00"]),
    ],
)
def test_a_window_is_open_when_it_says(text: str, opened: list[str], closed: list[str]) -> None:
    window = parse_window(text)
    assert all(is_open(window, at(moment)) for moment in opened)
    assert not any(is_open(window, at(moment)) for moment in closed)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "cannot read '': expected days"),
        ("nights", "there is no weekday nights"),
        ("22:00", "there is no weekday 22:00"),
        ("22:00-07:00,", "cannot read '': expected days"),
        ("Mon-Fri 22-7", "expected days, a range of times, or both"),
        ("22:00-07:61", "there is no time 07:61"),
        ("Mon-", "there is no weekday Mon-"),
    ],
)
def test_a_window_that_makes_no_sense_says_where_and_gives_an_example(text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_window(text)
    assert complaint in str(caught.value)
    assert "Sat-Sun" in caught.value.hint


def test_a_window_tells_when_it_opens_and_closes() -> None:
    window = parse_window("Mon-Fri 22:00-07:00")
    assert opens_at(window, at("Mon 12:00")) == at("Mon 22:00")
    assert opens_at(window, at("Mon 23:00")) == at("Mon 23:00")
    assert next_change(window, at("Mon 23:00")) == at("Tue 07:00")
    assert opens_at(window, at("Sat 08:00")) == at("Mon 22:00") + timedelta(days=7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2M", "2.0 MiB/s at all times"),
        ("off", "unlimited at all times"),
        ("22:00-07:00 off, else 2M", "2.0 MiB/s from 07:00, unlimited from 22:00"),
        ("Mon-08:00,1M Fri-18:00,off", "1.0 MiB/s from Mon 08:00, unlimited from Fri 18:00"),
    ],
)
def test_a_timetable_is_described_in_words(text: str, words: str) -> None:
    assert describe(parse(text)) == words


def test_a_window_is_described_in_words() -> None:
    assert describe_window(parse_window("22:00-07:00")) == "closed from 07:00, open from 22:00"
    assert describe_window(parse_window("Sat-Sun")) == "closed from Mon 00:00, open from Sat 00:00"
    assert describe_window(parse_window("Mon-Sun")) == "open at all times"


def test_days_that_are_alike_are_told_together() -> None:
    assert describe_window(parse_window("Mon-Fri 22:00-07:00,Sat-Sun")) == (
        "closed from Mon 00:00, open from Mon-Fri 22:00, closed from Tue-Fri 07:00"
    )
    assert (
        describe_window(parse_window("Mon 1:00-2:00,Wed 1:00-2:00"))
        == "open from Mon/Wed 01:00, closed from Mon/Wed 02:00"
    )


@given(st.text(alphabet="MonFriSat0123456789:-, kMelsf", max_size=30))
def test_any_text_is_understood_or_refused_as_usage(text: str) -> None:
    for read in (parse, parse_window):
        try:
            weekly = read(text)
        except UsageError:
            continue
        assert weekly.changes
