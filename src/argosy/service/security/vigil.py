"""Connections that stay open end when the credential they were opened with does, and a refused body is seen out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import Response
from starlette.types import Message, Receive, Send
from starlette.types import Scope as Connection

from argosy.errors import ArgosyError
from argosy.service.security.credentials import Credential
from argosy.service.security.keyring import Keyring

LOOK_S: Final = 1.0
LINGER_S: Final = 2.0
LINGER_BYTES: Final = 16 * 1024 * 1024


class _Ended(Exception):
    """The credential of a connection is no good any more."""


@dataclass(eq=False, slots=True)
class Watched:
    """One connection. It is watched from ``begin`` on, if it was opened with a credential at all."""

    vigil: Vigil
    credential: Credential | None
    limit: asyncio.Timeout = field(repr=False)

    def begin(self) -> None:
        if self.credential is not None:
            self.vigil.add(self)


class Vigil:
    """Looks every second whether the credentials of what is open are still good; while nothing is, nobody looks."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._open: set[Watched] = set()
        self._looking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def kept(self, credential: Credential | None) -> AsyncIterator[Watched]:
        """What runs inside ends with an error that :func:`ended_early` knows, once the credential is no good any more."""
        limit = asyncio.timeout(None)
        try:
            async with limit:
                watched = Watched(self, credential, limit)
                try:
                    yield watched
                finally:
                    self._open.discard(watched)
        except TimeoutError:
            if not limit.expired():
                raise
            raise _Ended from None

    def add(self, watched: Watched) -> None:
        self._open.add(watched)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="argosy-vigil")

    async def _look(self) -> None:
        while self._open:
            await asyncio.sleep(LOOK_S)
            by_credential: dict[Credential, list[Watched]] = {}
            for each in self._open:
                if each.credential is not None:
                    by_credential.setdefault(each.credential, []).append(each)
            for credential, watched in by_credential.items():
                if not await self._good(credential):
                    for each in self._open.intersection(watched):
                        self._open.discard(each)
                        each.limit.reschedule(asyncio.get_running_loop().time())

    async def _good(self, credential: Credential) -> bool:
        try:
            return await self._keyring.owner(credential, local=False) is not None
        except ArgosyError:
            return True  # a store that cannot be read now says nothing about anybody


def ended_early(error: Exception) -> bool:
    """Tell whether this is how a watched connection ends."""
    return isinstance(error, _Ended)


async def lingering(response: Response, connection: Connection, receive: Receive, send: Send) -> None:
    """Answer, and read what the client still sends for a moment: a connection closed at once may take the answer with it."""

    async def held(message: Message) -> None:
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        await send({**message, "more_body": True} if last else message)

    await response(connection, receive, held)
    left = LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while (
                left > 0 and (message := await receive())["type"] == "http.request" and message.get("more_body", False)
            ):
                left -= len(message["body"])
    await send({"type": "http.response.body", "body": b"", "more_body": False})
