"""Sessions of browsers, and the links that open one: each made by a token, and none outlives it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from argosy.runtime.clock import Clock
from argosy.service.security.ledger import Ledger
from argosy.service.security.minted import digest, mint, ours
from argosy.service.security.principal import Scope
from argosy.store.port import Record, Records

SESSION_S: Final = 7 * 86_400.0
LINK_S: Final = 120.0
SESSION_PREFIX: Final = "s_"
LINK_PREFIX: Final = "l_"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a session or a link stands for: the token, by its digest, and the scope, never more than the token's."""

    digest: str
    token: str
    scope: Scope
    expires_at: float


class Sessions:
    """The sessions and the unused links there are. Whether their token is still good is the keyring's to see."""

    def __init__(self, key: bytes, store: Records, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._sessions = Ledger("session", store, clock)
        self._links = Ledger("login", store, clock)

    async def open(self, token: str, scope: Scope) -> tuple[Grant, str]:
        """Return a new session and the text that a browser keeps of it."""
        return await self._made(self._sessions, SESSION_PREFIX, token, scope, SESSION_S)

    async def known(self, text: str) -> Grant | None:
        """Return the session that this text is, None if it is none (any more)."""
        if not ours(self._key, text, SESSION_PREFIX):
            return None
        record = await self._sessions.find(digest(text))
        return None if record is None else _grant(record)

    async def close(self, name: str) -> None:
        """The session of that digest is over. Idempotent."""
        await self._sessions.drop(name)

    async def link(self, token: str, scope: Scope) -> tuple[Grant, str]:
        """Return a link, and the code that opens one session within two minutes."""
        return await self._made(self._links, LINK_PREFIX, token, scope, LINK_S)

    async def redeemed(self, code: str) -> Grant | None:
        """Return what the code stands for, the first time only, however many ask at once."""
        if not ours(self._key, code, LINK_PREFIX):
            return None
        record = await self._links.find(digest(code))
        return _grant(record) if record is not None and await self._links.drop(record.name) else None

    async def _made(self, ledger: Ledger, prefix: str, token: str, scope: Scope, lasts_s: float) -> tuple[Grant, str]:
        text = mint(self._key, prefix)
        grant = Grant(digest(text), token, scope, self._clock.epoch() + lasts_s)
        value = json.dumps({"token": token, "scope": scope.name.lower()})
        await ledger.put(Record(ledger.kind, grant.digest, value, grant.expires_at))
        return grant, text


def _grant(record: Record) -> Grant:
    kept = json.loads(record.value)
    assert record.expires_at is not None
    return Grant(record.name, kept["token"], Scope[kept["scope"].upper()], record.expires_at)
