"""When to try again: a policy as a value, and the one decision made from it.

Chance and the clock are arguments: ``uniform`` is a number in [0, 1), ``now_epoch_s`` the wall clock.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Final

from argosy.core.header import parse_http_date
from argosy.core.types import Task
from argosy.errors import Failure, UsageError
from argosy.value import dataclass

RETRY_AFTER_CAP_S = 3_600.0
RETRY_AFTER_JITTER = 0.1
LONGEST_RETRY_AFTER_S = 1e9  # about 31 years: finite, so it can be stored and shown
MEAN_YEAR_S = 31_556_952

BRIEFLY: Final = frozenset({"unknown_host"})
"""Codes of failures that seldom pass: enough for a network that is just coming up, and no more."""
QUICKLY: Final = frozenset({"connection_refused"})
"""Codes of failures that seldom pass if nothing has ever come from there: most likely the port is wrong."""

_DELTA_SECONDS = r"[0-9]+(?:\.[0-9]+)?"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Wait up to ``initial_s * factor**n`` seconds, never above ``cap_s``, before the (n+1)th of ``max_retries``."""

    max_retries: int = 5
    initial_s: float = 2.0
    factor: float = 2.0
    cap_s: float = 60.0

    def __post_init__(self) -> None:
        sane = self.max_retries >= 0 and 1 <= self.factor < math.inf and 0 < self.initial_s <= self.cap_s < math.inf
        if not sane:  # NaN is not sane either
            raise UsageError(f"no such retry policy: {self}", hint="retries >= 0, factor >= 1, 0 < initial <= cap")


BRIEF = RetryPolicy(max_retries=2, initial_s=1.0, cap_s=2.0)
QUICK = RetryPolicy(initial_s=1.0, factor=1.0, cap_s=1.0)


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again ``delay_s`` from now; ``attempt`` retries will then have been made since the last progress."""

    delay_s: float
    attempt: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Stop; ``reason`` is one line for the person who asked."""

    reason: str


def delay(policy: RetryPolicy, attempt: int, retry_after_s: float | None, uniform: float) -> float:
    """Return how long to wait after ``attempt`` retries.

    The server's wish wins over our own backoff, up to an hour: a server must not put us to sleep for days. Jitter
    comes on top of it, even at the cap, or a thousand tasks told ``Retry-After: 60`` would all come back at once.
    Without a usable wish it is "full jitter": anything from nothing to the ceiling, equally likely.
    """
    if retry_after_s is not None and retry_after_s > 0:
        return min(retry_after_s, RETRY_AFTER_CAP_S) * (1 + RETRY_AFTER_JITTER * uniform)
    return _ceiling_s(policy, attempt) * uniform


def _ceiling_s(policy: RetryPolicy, attempt: int) -> float:
    try:
        return min(policy.initial_s * policy.factor**attempt, policy.cap_s)
    except OverflowError:
        return policy.cap_s


def granted(policy: RetryPolicy, code: str, *, first_contact: bool = False) -> RetryPolicy:
    """Return what of the policy a failure of this code gets. ``first_contact``: somebody waits, and nothing has come yet."""
    if code in BRIEFLY:
        return replace(BRIEF, max_retries=min(policy.max_retries, BRIEF.max_retries))
    if code in QUICKLY and first_contact:
        return replace(QUICK, max_retries=policy.max_retries)
    return policy


def most_retries(task: Task) -> int:
    """Return how many retries the task's last failure gets."""
    return granted(RetryPolicy(task.max_retries), "" if task.error is None else task.error.code).max_retries


def next_step(
    policy: RetryPolicy,
    failure: Failure,
    attempt: int,
    progressed: bool,
    uniform: float,
    *,
    first_contact: bool = False,
) -> RetryAt | GiveUp:
    """Decide what follows a failure after ``attempt`` retries without progress.

    ``progressed`` means that the failed attempt left more durable bytes than there had ever been. A server that cuts
    every answer but gives something each time is then followed to the end, while one that makes us start from
    nothing again and again uses up the budget.
    """
    policy = granted(policy, failure.code, first_contact=first_contact)
    if not failure.retryable:
        return GiveUp(f"trying again cannot help: {failure.message}")
    made = 0 if progressed else attempt
    if made >= policy.max_retries:
        return GiveUp(f"gave up after {made} {'retry' if made == 1 else 'retries'}: {failure.message}")
    return RetryAt(delay(policy, made, failure.retry_after_s, uniform), made + 1)


def parse_retry_after(text: str, now_epoch_s: float) -> float | None:
    """Return the seconds a ``Retry-After`` field asks for (RFC 9110 10.2.3), or None if it says nothing sensible.

    Both forms are read: seconds (a fraction is tolerated) and an HTTP-date, which is 0.0 once it has passed.
    """
    value = text.strip()
    if re.fullmatch(_DELTA_SECONDS, value):
        return min(float(value), LONGEST_RETRY_AFTER_S)
    moment = parse_http_date(value, now_year=1970 + int(now_epoch_s // MEAN_YEAR_S))
    return None if moment is None else min(max(0.0, moment - now_epoch_s), LONGEST_RETRY_AFTER_S)
