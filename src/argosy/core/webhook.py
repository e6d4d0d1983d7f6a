"""Standard Webhooks (standardwebhooks.com): how a message is signed, what an answer to it means, when to try again. Pure.

Chance and the clock are arguments: ``uniform`` is a number in [0, 1), ``now`` the wall clock in epoch seconds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final

from argosy.errors import UsageError
from argosy.value import dataclass

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
SHORTEST_SECRET_BYTES: Final = 24
LONGEST_SECRET_BYTES: Final = 64
JITTER: Final = 0.1
LONGEST_RETRY_AFTER_S: Final = 24 * 3600.0
UNITS_S: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
BUSY: Final = frozenset({429, 502, 504})
"""The endpoint asks for less: everything that is meant for it waits."""
TROUBLES_TO_REST: Final = 3
"""So many failures in a row, and an endpoint gets a rest."""
FIRST_REST_S: Final = 5.0
LONGEST_REST_S: Final = 300.0


# -- signing -----------------------------------------------------------------------------------------


def secret_of(key: bytes) -> str:
    """Return the key, which is random, as it is shown and entered."""
    return PREFIX + base64.b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for. Raises UsageError, which does not repeat it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not SHORTEST_SECRET_BYTES <= len(key) <= LONGEST_SECRET_BYTES:
        raise UsageError(
            "that is no webhook secret",
            hint=f"{PREFIX} and the base64 of {SHORTEST_SECRET_BYTES} to {LONGEST_SECRET_BYTES} random bytes",
            code="webhook_secret",
        )
    return key


def headers(message_id: str, timestamp_s: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Return the three headers of an attempt, signed with each of the secrets."""
    signed = b".".join((message_id.encode(), str(timestamp_s).encode(), body))
    signatures = (base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


# -- answers -----------------------------------------------------------------------------------------


class Verdict(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    AGAIN = "again"
    BUSY = "busy"
    """Again, and nothing else meanwhile."""
    GONE = "gone"
    """Nobody wants these any more."""
    HOPELESS = "hopeless"
    """The address may not be reached, and trying again changes nothing about that."""


def judge(status: int | None, error: str | None = None) -> Verdict:
    """Return what an answer means, or with ``status`` None that there was none, for the reason with the code ``error``.

    Only 2xx is success; a redirect is a failure like any other and never followed.
    """
    if status is None:
        return Verdict.HOPELESS if error == "address" else Verdict.AGAIN
    if 200 <= status < 300:
        return Verdict.DELIVERED
    if status == 410:
        return Verdict.GONE
    return Verdict.BUSY if status in BUSY else Verdict.AGAIN


# -- when --------------------------------------------------------------------------------------------


def schedule(text: str) -> tuple[float, ...]:
    """Return the seconds to wait before each attempt, the first included. Raises UsageError."""
    found = [re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", each) for each in re.split(r"[\s,]+", text.strip())]
    delays = tuple(float(match[1]) * UNITS_S[match[2]] for match in found if match is not None)
    if len(delays) < len(found):
        raise UsageError(f"webhook_schedule: {text!r}", hint="write it as '0s 5s 5m 30m 2h'", code="config")
    return delays


def wait_s(delays: Sequence[float], made: int, retry_after_s: float | None, uniform: float) -> float | None:
    """Return how long to wait once ``made`` attempts have failed, None if that was the last.

    The endpoint's wish counts where it is longer; jitter is on top of both.
    """
    if made >= len(delays):
        return None
    wish = min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S)
    return max(delays[made], wish) * (1 + JITTER * uniform)


@dataclass(frozen=True, slots=True)
class Circuit:
    """How an endpoint has been doing: after some failures in a row it is left alone for a while, then tried with one."""

    troubles: int = 0
    rest_until: float = 0.0

    def closed(self, now: float) -> bool:
        """Whether it may be sent to."""
        return now >= self.rest_until

    @property
    def wary(self) -> bool:
        """Whether one attempt at a time is enough, to see how it does."""
        return self.troubles >= TROUBLES_TO_REST

    def after(self, verdict: Verdict, now: float, retry_after_s: float | None) -> Circuit:
        """Return how it is after an attempt."""
        if verdict in (Verdict.DELIVERED, Verdict.GONE):
            return Circuit()
        troubles = self.troubles + 1
        rest = 0.0
        if troubles >= TROUBLES_TO_REST:
            rest = min(FIRST_REST_S * 2 ** min(troubles - TROUBLES_TO_REST, 30), LONGEST_REST_S)
        if verdict is Verdict.BUSY:
            rest = max(rest, FIRST_REST_S, min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))
        return replace(self, troubles=troubles, rest_until=now + rest)
