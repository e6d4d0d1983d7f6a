"""Tokens of limited scope, for programs and people that need not be able to do everything.

Of a token only its digest is kept: whoever reads the database can use none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from argosy.errors import Conflict, UsageError
from argosy.runtime.clock import Clock
from argosy.service.security.ledger import PAGE, Ledger
from argosy.service.security.minted import digest, mint, ours
from argosy.service.security.principal import Scope
from argosy.store.port import Record, Records

PREFIX: Final = "argosy_"
"""By which people and scanners for leaked secrets know it."""
ID_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token; its ``id`` is the beginning of ``digest``, and no secret."""

    digest: str
    name: str
    scope: Scope
    created_at: float
    expires_at: float | None

    @property
    def id(self) -> str:
        return self.digest[:ID_DIGITS]


class Tokens:
    """The tokens there are."""

    def __init__(self, key: bytes, store: Records, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._ledger = Ledger("token", store, clock)

    async def known(self, secret: str) -> Token | None:
        """Return the token that this text is, None if it is none (any more)."""
        return await self.by_digest(digest(secret)) if ours(self._key, secret, PREFIX) else None

    async def by_digest(self, name: str) -> Token | None:
        record = await self._ledger.find(name)
        return None if record is None else _token(record)

    async def list(self) -> list[Token]:
        """Return all, the oldest first."""
        return sorted(map(_token, await self._ledger.all()), key=lambda token: token.created_at)

    async def make(self, name: str, scope: Scope, lasts_s: float | None) -> tuple[Token, str]:
        """Return a new token and, this once, its secret."""
        if len(await self._ledger.all()) >= PAGE:
            raise Conflict(f"there are {PAGE} tokens", hint="revoke some that nobody uses", code="too_many_tokens")
        now = self._clock.epoch()
        return await self._kept(name, scope, None if lasts_s is None else now + lasts_s)

    async def rotate(self, token_id: str) -> tuple[Token, str]:
        """Return the token's successor, of the same name, scope and end, and its secret; the old one is no good any more."""
        old = await self._of_id(token_id)
        return await self._kept(old.name, old.scope, old.expires_at, replaces=old.digest)

    async def revoke(self, token_id: str) -> None:
        """The token, and every session it opened, is no good any more. Raises UsageError."""
        await self._ledger.drop((await self._of_id(token_id)).digest)

    async def _of_id(self, token_id: str) -> Token:
        for token in await self.list():
            if token.id == token_id:
                return token
        raise UsageError("there is no such token", hint="GET /v1/tokens lists them", code="not_found")

    async def _kept(
        self, name: str, scope: Scope, expires_at: float | None, replaces: str | None = None
    ) -> tuple[Token, str]:
        secret = mint(self._key, PREFIX)
        token = Token(digest(secret), name, scope, self._clock.epoch(), expires_at)
        value = json.dumps({"name": name, "scope": scope.name.lower(), "created_at": token.created_at})
        await self._ledger.put(Record("token", token.digest, value, expires_at), replaces=replaces)
        return token, secret


def _token(record: Record) -> Token:
    kept = json.loads(record.value)
    return Token(record.name, kept["name"], Scope[kept["scope"].upper()], kept["created_at"], record.expires_at)
