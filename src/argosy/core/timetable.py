"""What holds at which hour of the week: bandwidth timetables and download windows.

Two ways to write a timetable, one meaning::

    08:00,512k 12:00,10M 23:00,off                     rclone's --bwlimit: from this time on
    Mon-08:00,1M Fri-23:59,off                         ... with weekdays
    22:00-07:00 unlimited, else 2M                     ranges; the first that fits counts
    Sat-Sun off, Mon-Fri 09:00-17:00 500k, else 5M     ... with weekdays
    2M                                                 always

A window is a list of ranges: ``Mon-Fri 22:00-07:00, Sat-Sun``. Times are local wall time, naive, in and out. A range
belongs to the day it starts on: ``Fri 22:00-07:00`` ends on Saturday morning, ``08:00-08:00`` lasts a whole day.

Both become the same thing, a step function over the 10,080 minutes of a week, made by painting the minutes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from argosy.core.sizes import format_rate, parse_rate
from argosy.errors import UsageError
from argosy.value import dataclass

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FULL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_NUMBERS = {name: number for number, full in enumerate(_FULL_DAYS) for name in (full[:3], full)}
DAY_MIN = 24 * 60
WEEK_MIN = 7 * DAY_MIN

TIMETABLE_HINT = "for example '22:00-07:00 unlimited, else 2M' or '08:00,512k 12:00,10M 23:00,off'"
WINDOW_HINT = "for example '22:00-07:00' or 'Mon-Fri 22:00-07:00, Sat-Sun'"

_STEP = r"(?i)(?:([a-z-]+)-)?([0-9]{1,2}:[0-9]{2}),(\S+)"
_RANGE_WORD = r"([0-9]{1,2}:[0-9]{2})-([0-9]{1,2}:[0-9]{2})"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Weekly(Generic[T]):
    """A value for each minute of the week: ``changes`` are (minute since Monday 00:00, value from then on).

    At least one change, in order, neighbours different also around the end of the week; a constant has one, at 0.
    """

    changes: tuple[tuple[int, T], ...]

    def at(self, moment: datetime) -> T:
        """Return the value at ``moment``."""
        return self.changes[self._next_index(moment) - 1][1]

    def next_change(self, moment: datetime) -> datetime | None:
        """Return the first moment after this one at which the value changes, None if it never does."""
        if len(self.changes) == 1:
            return None
        minute = self.changes[self._next_index(moment) % len(self.changes)][0]
        ahead = (minute - _minute_of_week(moment)) % WEEK_MIN
        return moment.replace(second=0, microsecond=0) + timedelta(minutes=ahead)

    def _next_index(self, moment: datetime) -> int:
        return bisect_right(self.changes, _minute_of_week(moment), key=lambda change: change[0])

    def describe(self, say: Callable[[T], str]) -> str:
        """Return ``2.0 MiB/s from 07:00, unlimited from 22:00``; weekdays are named where the days differ."""
        if len(self.changes) == 1:
            return f"{say(self.changes[0][1])} at all times"
        days: dict[tuple[int, T], list[int]] = {}
        for minute, value in self.changes:
            days.setdefault((minute % DAY_MIN, value), []).append(minute // DAY_MIN)
        every_day = len(self.changes) == 7 * len(days)
        return ", ".join(
            f"{say(value)} from {_clock(of_day) if every_day else f'{_weekdays(on)} {_clock(of_day)}'}"
            for (of_day, value), on in days.items()
        )


def _minute_of_week(moment: datetime) -> int:
    return moment.weekday() * DAY_MIN + moment.hour * 60 + moment.minute


def _clock(of_day: int) -> str:
    return f"{of_day // 60:02}:{of_day % 60:02}"


def _weekdays(days: list[int]) -> str:
    """Return days in order as ``Mon-Wed/Fri``."""
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return "/".join(DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs)


def _weekly(painted: list[T]) -> Weekly[T]:
    """Return the step function through 10,080 painted minutes."""
    changes = tuple((minute, value) for minute, value in enumerate(painted) if value != painted[minute - 1])
    return Weekly(changes or ((0, painted[0]),))


Timetable = Weekly[int | None]
Window = Weekly[bool]


def parse(text: str) -> Timetable:
    """Return the timetable ``text`` stands for; UsageError says which part of it makes no sense."""
    tidy = re.sub(r"\s*,\s*", ",", text.strip())
    if not tidy:
        raise UsageError("the timetable is empty", hint=TIMETABLE_HINT)
    entries = tidy.split()
    if len(entries) == 1 and "," not in tidy:  # a rate that holds at all times, as nearly every one
        return Weekly(((0, _rate(tidy, tidy)),))
    steps = [re.fullmatch(_STEP, entry) for entry in entries]
    if steps[0]:
        return _weekly(_paint_steps(entries, steps))
    return _weekly(_paint_rules(tidy.split(",")))


def rate_at(timetable: Timetable, local: datetime) -> int | None:
    """Return the bytes per second allowed at ``local``, None for no limit."""
    return timetable.at(local)


def next_change(weekly: Weekly[T], local: datetime) -> datetime | None:
    """Return when the rate changes, or the window opens or closes, next after ``local``; None for never."""
    return weekly.next_change(local)


def parse_window(text: str) -> Window:
    """Return the window ``text`` stands for; it opens at least once a week."""
    painted = [False] * WEEK_MIN
    for item in text.split(","):
        for minute in _minutes(item.split(), item, WINDOW_HINT):
            painted[minute] = True
    return _weekly(painted)


def is_open(window: Window, local: datetime) -> bool:
    """Tell whether downloads may run at ``local``."""
    return window.at(local)


def opens_at(window: Window, local: datetime) -> datetime | None:
    """Return when downloads may run: ``local`` itself while the window is open, None if it never is."""
    return local if window.at(local) else window.next_change(local)


def describe(timetable: Timetable) -> str:
    """Return the timetable in words, such as ``2.0 MiB/s from 07:00, unlimited from 22:00``."""
    return timetable.describe(format_rate)


def describe_window(window: Window) -> str:
    """Return the window in words, such as ``closed from 07:00, open from 22:00``."""
    return window.describe(lambda is_open: "open" if is_open else "closed")


def _paint_steps(entries: list[str], steps: list[re.Match[str] | None]) -> list[int | None]:
    """Each entry holds until the next one, the last until the first of next week."""
    rates: dict[int, int | None] = {}
    for entry, step in zip(entries, steps, strict=True):
        if step is None:
            raise _nonsense(entry, "expected TIME,RATE", TIMETABLE_HINT)
        word, time, rate = step.groups()
        start = _minute(time, entry, TIMETABLE_HINT)
        for day in _days(word, entry, TIMETABLE_HINT) if word else range(7):
            rates[(day * DAY_MIN + start) % WEEK_MIN] = _rate(rate, entry)
    current = rates[max(rates)]
    return [current := rates.get(minute, current) for minute in range(WEEK_MIN)]


def _paint_rules(rules: list[str]) -> list[int | None]:
    """The first rule that fits a minute counts, so the last is painted first; nothing fits: no limit."""
    painted: list[int | None] = [None] * WEEK_MIN
    for rule in reversed(rules):
        *when, rate = rule.split() or [""]
        limit = _rate(rate, rule)
        otherwise = [word.lower() for word in when] in ([], ["else"])
        for minute in range(WEEK_MIN) if otherwise else _minutes(when, rule, TIMETABLE_HINT):
            painted[minute] = limit
    return painted


def _minutes(words: list[str], part: str, hint: str) -> Iterator[int]:
    """Yield the minutes of the week that ``[DAYS] [FROM-TO]`` covers; one of the two must be there."""
    span = re.fullmatch(_RANGE_WORD, words[-1]) if words else None
    days = words[:-1] if span else words
    if len(days) > 1 or not words:
        raise _nonsense(part, "expected days, a range of times, or both", hint)
    start, end = (_minute(time, part, hint) for time in span.groups()) if span else (0, DAY_MIN)
    lasts = (end - start) % DAY_MIN or DAY_MIN
    for day in _days(days[0], part, hint) if days else range(7):
        first = day * DAY_MIN + start
        for minute in range(first, first + lasts):
            yield minute % WEEK_MIN


def _minute(time: str, part: str, hint: str) -> int:
    hours, minutes = map(int, time.split(":"))
    if minutes > 59 or hours * 60 + minutes > DAY_MIN:
        raise _nonsense(part, f"there is no time {time}", hint)
    return hours * 60 + minutes


def _days(word: str, part: str, hint: str) -> list[int]:
    """Return the days of ``Mon``, ``monday``, ``Mon-Fri`` or ``Sat-Mon``."""
    ends = [_DAY_NUMBERS.get(day.lower(), -1) for day in word.split("-")]
    if -1 in ends or len(ends) > 2:
        raise _nonsense(part, f"there is no weekday {word}", hint)
    first, last = ends[0], ends[-1]
    return [(first + step) % 7 for step in range((last - first) % 7 + 1)]


def _rate(text: str, part: str) -> int | None:
    try:
        return parse_rate(text)
    except UsageError as error:
        raise _nonsense(part, error.message, TIMETABLE_HINT) from None


def _nonsense(part: str, why: str, hint: str) -> UsageError:
    return UsageError(f"cannot read {part.strip()!r}: {why}", hint=hint)
