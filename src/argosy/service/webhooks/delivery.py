"""One message to one address, and what came of sending it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Literal
from urllib.parse import urlsplit

from argosy.core.webhook import Verdict
from argosy.store.codec import from_plain
from argosy.telemetry.trace import Span, TraceContext

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
    trace: str | None = None
    """The span that the attempts are part of, if anybody records it."""

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


def span_of(
    delivery: Delivery, attempt: Attempt, verdict: Verdict, context: TraceContext, parent: TraceContext | None
) -> Span:
    """Return an attempt as a span. Where it went is not told: the path of a webhook is often its secret."""
    facts: dict[str, str | int | float | bool] = {
        "http.request.method": "POST", "argosy.webhook.id": delivery.id, "argosy.webhook.type": delivery.type,
        "argosy.webhook.outcome": verdict.value, "http.request.resend_count": len(delivery.attempts),
    }  # fmt: skip
    if attempt.status is not None:
        facts["http.response.status_code"] = attempt.status
    if delivery.task_id is not None:
        facts["argosy.task.id"] = delivery.task_id
    error = "" if verdict is Verdict.DELIVERED else attempt.error or str(attempt.status)
    return Span("webhook", context, parent, attempt.at, attempt.at + attempt.seconds, facts, error, kind="client")


def to_text(delivery: Delivery) -> str:
    return json.dumps(asdict(delivery))


def from_text(text: str) -> Delivery:
    return from_plain(Delivery, json.loads(text))
