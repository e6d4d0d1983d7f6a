"""One message to one address, and what came of sending it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Literal
from urllib.parse import urlsplit

from argosy.core.webhook import Verdict
from argosy.store.codec import from_plain

State = Literal["pending", "delivered", "failed"]
KEPT_ATTEMPTS: Final = 20
"""Of a delivery, the latest so many attempts are told of."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending: the status that came, or the code of what kept one from coming."""

    at: float
    status: int | None
    error: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """``body`` is sent exactly as it stands here, however often; ``seq`` is that of the event it tells of."""

    id: str
    """The ``webhook-id``: the same for every attempt, so that who is told twice knows."""
    type: str
    lane: str
    """What it waits in line with: an endpoint's id, or the server that callbacks go to."""
    body: str = field(repr=False)
    created_at: float
    due_at: float
    seq: int = 0
    task_id: str | None = None
    url: str | None = field(default=None, repr=False)
    """Of a callback; None: the endpoint's, as it is then."""
    state: State = "pending"
    failures: int = 0
    """Attempts that have failed since somebody last asked for it."""
    attempts: tuple[Attempt, ...] = ()
    reason: str | None = None
    """Why it has failed for good."""

    def tried(self, attempt: Attempt, verdict: Verdict, next_at: float | None) -> Delivery:
        """Return it after an attempt; ``next_at`` None: there is no other one."""
        attempts = (*self.attempts, attempt)[-KEPT_ATTEMPTS:]
        if verdict is Verdict.DELIVERED:
            return replace(self, attempts=attempts, state="delivered", reason=None)
        failures = self.failures + 1
        if next_at is None or verdict in (Verdict.GONE, Verdict.HOPELESS):
            reason = verdict.value if verdict in (Verdict.GONE, Verdict.HOPELESS) else "given_up"
            return replace(self, attempts=attempts, failures=failures, state="failed", reason=reason)
        return replace(self, attempts=attempts, failures=failures, due_at=next_at)


def message_id(key: bytes, seq: int, target: str) -> str:
    """Return the id of the message about that event to that target: always the same, and not to be guessed."""
    return "msg_" + hashlib.blake2b(f"{seq} {target}".encode(), key=key[:64], digest_size=16).hexdigest()


def lane_of(url: str) -> str:
    """Return the lane of callbacks to the URL's server."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.hostname}:{parts.port}"
    return "cb_" + hashlib.blake2b(origin.encode(), digest_size=12).hexdigest()


def to_text(delivery: Delivery) -> str:
    return json.dumps(asdict(delivery))


def from_text(text: str) -> Delivery:
    return from_plain(Delivery, json.loads(text))
