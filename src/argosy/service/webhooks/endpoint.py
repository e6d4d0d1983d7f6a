"""Who wants to be told: endpoints that somebody has subscribed, and the secrets that messages to them are signed with."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from argosy.core import webhook
from argosy.errors import UsageError
from argosy.runtime.clock import Clock
from argosy.store.codec import from_plain
from argosy.store.port import Record, Records

KIND: Final = "webhook.endpoint"
SECRET_KIND: Final = "webhook.secret"  # noqa: S105 - a name
"""Of callbacks: they have no endpoint, and share one secret."""
CALLBACKS: Final = "callbacks"
COMPLETED: Final = "task.completed"
FAILED: Final = "task.failed"
CANCELLED: Final = "task.cancelled"
TEST: Final = "webhook.test"
TYPES: Final = (COMPLETED, FAILED, CANCELLED)
MOST_ENDPOINTS: Final = 100
LONGEST_URL: Final = 2048
OVERLAP_S: Final = 24 * 3600.0
"""A rotated secret signs beside the new one for so long."""


class UnknownWebhook(UsageError):
    """There is no such endpoint, or no such delivery."""

    code = "not_found"


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret; ``until`` is when it signs no more (None: it is the present one)."""

    text: str = field(repr=False)
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that is told of ``types``; none means all."""

    id: str
    url: str = field(repr=False)
    created_at: float
    secrets: tuple[Secret, ...]
    types: tuple[str, ...] = ()
    description: str = ""
    enabled: bool = True
    disabled_because: str | None = None

    def wants(self, kind: str) -> bool:
        return self.enabled and (not self.types or kind in self.types)


def valid(held: Sequence[Secret], now: float) -> tuple[Secret, ...]:
    """Return the secrets that still sign, the present one first."""
    return tuple(secret for secret in held if secret.until is None or secret.until > now)


def rotated(held: Sequence[Secret], fresh: str, now: float) -> tuple[Secret, ...]:
    """Return the secrets with ``fresh`` as the present one; the one before goes on for a while."""
    former = next((secret for secret in held if secret.until is None), None)
    return (Secret(fresh), *(() if former is None else (Secret(former.text, now + OVERLAP_S),)))


def checked_url(url: str) -> str:
    """Return the URL if messages can be sent there. Raises UsageError, which does not repeat it.

    Where its name leads is looked at when something is sent, and every time anew.
    """
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        port_is_one, parts = False, urlsplit("")
    printable = url.isprintable() and not any(sign in url for sign in ' \\<>"')
    if not (
        parts.scheme in ("http", "https") and parts.hostname and port_is_one and printable and len(url) <= LONGEST_URL
    ):
        raise UsageError(
            "that is no address for messages", hint="an http:// or https:// URL can be told", code="webhook_url"
        )
    return url


def fresh_secret() -> str:
    return webhook.secret_of(secrets.token_bytes(webhook.SECRET_BYTES))


class Endpoints:
    """The endpoints, kept in the store."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    async def all(self) -> Sequence[Endpoint]:
        """Return the endpoints in the order of their making."""
        found = await self._records.records(KIND, self._clock.epoch())
        return sorted(map(_read, found), key=lambda one: (one.created_at, one.id))

    async def get(self, endpoint_id: str) -> Endpoint:
        """Raises UnknownWebhook."""
        found = await self._records.record(KIND, endpoint_id, self._clock.epoch())
        if found is None:
            raise UnknownWebhook(f"there is no webhook {endpoint_id}", hint="GET /v1/webhooks lists them")
        return _read(found)

    async def add(self, url: str, types: Sequence[str], description: str) -> Endpoint:
        """Return a new endpoint with a secret of its own. Raises UsageError."""
        if len(await self.all()) >= MOST_ENDPOINTS:
            raise UsageError(f"there are {MOST_ENDPOINTS} webhooks already", hint="remove one", code="too_many")
        endpoint = Endpoint(
            f"ep_{secrets.token_hex(12)}", checked_url(url), self._clock.epoch(), (Secret(fresh_secret()),),
            tuple(dict.fromkeys(types)), description,
        )  # fmt: skip
        await self._put(endpoint)
        return endpoint

    async def change(self, endpoint_id: str, change: Callable[[Endpoint], Endpoint]) -> Endpoint:
        """Return the endpoint as ``change`` makes it. Raises UnknownWebhook, UsageError."""
        changed = change(await self.get(endpoint_id))
        checked_url(changed.url)
        await self._put(changed)
        return changed

    async def rotate(self, endpoint_id: str) -> Endpoint:
        now = self._clock.epoch()
        return await self.change(
            endpoint_id, lambda one: replace(one, secrets=rotated(one.secrets, fresh_secret(), now))
        )

    async def remove(self, endpoint_id: str) -> None:
        """Raises UnknownWebhook."""
        if not await self._records.drop(KIND, endpoint_id):
            await self.get(endpoint_id)

    async def callback_secrets(self) -> tuple[Secret, ...]:
        """Return the secrets of callbacks, made at their first use."""
        fresh = Record(SECRET_KIND, CALLBACKS, _written((Secret(fresh_secret()),)))
        kept = await self._records.keep(fresh, self._clock.epoch())
        return from_plain(_Secrets, json.loads(kept.value)).secrets

    async def rotate_callbacks(self) -> tuple[Secret, ...]:
        held = rotated(await self.callback_secrets(), fresh_secret(), self._clock.epoch())
        await self._records.put(Record(SECRET_KIND, CALLBACKS, _written(held)))
        return held

    async def _put(self, endpoint: Endpoint) -> None:
        await self._records.put(Record(KIND, endpoint.id, json.dumps(asdict(endpoint))))


@dataclass(frozen=True, slots=True)
class _Secrets:
    secrets: tuple[Secret, ...]


def _written(held: tuple[Secret, ...]) -> str:
    return json.dumps(asdict(_Secrets(held)))


def _read(record: Record) -> Endpoint:
    return from_plain(Endpoint, json.loads(record.value))
