"""Whose credential it is: the one place that says so, for the gate, for a login, and for connections that stay open."""

from __future__ import annotations

import hmac
from typing import Final

from argosy.errors import ArgosyError
from argosy.runtime.clock import Clock
from argosy.service.security import secret
from argosy.service.security.credentials import Credential, Kind
from argosy.service.security.minted import digest
from argosy.service.security.principal import Principal, Scope
from argosy.service.security.secret import Secrets
from argosy.service.security.sessions import Grant, Sessions
from argosy.service.security.tokens import Tokens
from argosy.store.port import Records

LOOK_S: Final = 0.5
MAIN: Final = "token"
"""The name of whoever shows the service's own token."""


class Keyring:
    """The service's own token, the tokens made with it, and the sessions that any of them opened."""

    def __init__(self, secrets: Secrets, store: Records, clock: Clock) -> None:
        self.tokens = Tokens(secrets.key, store, clock)
        self.sessions = Sessions(secrets.key, store, clock)
        self._main = _MainToken(secrets, clock)

    async def owner(self, shown: Credential | None, *, local: bool) -> Principal | None:
        """Return who shows this, None if it is no good (any more). Raises StoreError."""
        if shown is None:
            return None
        if shown.kind is Kind.SESSION:
            session = await self.sessions.known(shown.value)
            return None if session is None else await self.granted(session, local=local)
        if hmac.compare_digest(shown.value.encode(), self._main.current().encode()):
            return Principal(MAIN, Scope.ADMIN, local, self._main.digest)
        token = await self.tokens.known(shown.value)
        return None if token is None else Principal(f"token:{token.id}", token.scope, local, token.digest)

    async def granted(self, grant: Grant, *, local: bool) -> Principal | None:
        """Return who has what the grant stands for, None if its token is no good any more."""
        self._main.current()
        if hmac.compare_digest(grant.token, self._main.digest):
            return Principal(MAIN, grant.scope, local, grant.token, grant.digest)
        token = await self.tokens.by_digest(grant.token)
        if token is None:
            return None
        return Principal(f"token:{token.id}", min(token.scope, grant.scope), local, token.digest, grant.digest)


class _MainToken:
    """The service's own token, as its file has it: ``argosy token --rotate`` changes it under a running service."""

    def __init__(self, secrets: Secrets, clock: Clock) -> None:
        self._token = secrets.token
        self._file = secrets.file
        self._clock = clock
        self._looked_at = clock.steady()
        self._state = self._look()
        self.digest = digest(self._token)

    def current(self) -> str:
        now = self._clock.steady()
        if self._file is not None and now - self._looked_at >= LOOK_S:
            self._looked_at = now
            state = self._look()
            if state != self._state and state is not None:
                self._take(state)
        return self._token

    def _take(self, state: tuple[int, int, int]) -> None:
        """A file that cannot be used changes nothing: the old token stays good until there is a new one."""
        assert self._file is not None
        try:
            self._token = secret.checked(secret.read(self._file), str(self._file))
        except ArgosyError:
            return
        self._state = state
        self.digest = digest(self._token)

    def _look(self) -> tuple[int, int, int] | None:
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
