"""One message on the wire: a POST that is never redirected, whose answer is not kept, to an address that may be reached."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import pycurl

from argosy.config import Config
from argosy.core.addresses import parse
from argosy.core.answer import Asked
from argosy.core.retry import parse_retry_after
from argosy.core.types import TransferOptions
from argosy.engines.curl.address import Guard
from argosy.engines.curl.client import Client
from argosy.engines.curl.head import is_complete, parse_head
from argosy.engines.curl.origin import wired
from argosy.engines.curl.request import USER_AGENT, Request
from argosy.errors import ArgosyError
from argosy.runtime.clock import Clock

TIMEOUT_S: Final = 20.0
CONNECT_S: Final = 10.0
BODY_BYTES: Final = 1024
"""Of an answer, so much is let in before the connection is closed; none of it is looked at."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The status that came, or the code of what kept one from coming."""

    status: int | None
    error: str | None
    retry_after_s: float | None
    seconds: float


class Post:
    """Sends messages; public addresses only, and those that the owner's settings open. Lives on the runtime's loop."""

    def __init__(self, settings: Config, clock: Clock, *, timeout_s: float = TIMEOUT_S) -> None:
        proxy: str | None = settings["proxy"] or None
        self._client = Client(Guard(parse(settings["allow_network"]), proxy))
        self._clock = clock
        self._timeout_s = timeout_s
        self._options = TransferOptions(
            netrc=False, public_only=True, proxy=proxy, ca_file=settings["ca_file"] or None,
            user_agent=settings["user_agent"] or None, connect_timeout_s=min(CONNECT_S, timeout_s), http_version="1.1",
        )  # fmt: skip

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Reply:
        """Return what came of it; never raises because of the other side."""
        began = self._clock.steady()
        lines: list[bytes] = []
        status, error = await self._once(url, headers, body, lines)
        wish = parse_head(lines).get("retry-after")
        return Reply(
            status,
            None if status is not None else "reset" if error is None else error.detail_code,
            None if wish is None else parse_retry_after(wish, self._clock.epoch()),
            round(self._clock.steady() - began, 3),
        )

    async def _once(
        self, url: str, headers: dict[str, str], body: bytes, lines: list[bytes]
    ) -> tuple[int | None, ArgosyError | None]:
        """Return the status, if all of the answer's head has come, and what ended the request, if that was not its end."""
        over: asyncio.Future[tuple[int | None, ArgosyError | None]] = asyncio.get_running_loop().create_future()
        room = BODY_BYTES

        def take(data: bytes) -> int:
            nonlocal room
            room -= len(data)
            return len(data) if room >= 0 else 0

        def ended(done: asyncio.Future[pycurl.Curl]) -> None:
            error = None if done.cancelled() else done.exception()
            answered = curl.getinfo(pycurl.RESPONSE_CODE) if is_complete(lines) else 0  # not a proxy's to CONNECT
            if not over.done():
                failure = self._client.failure(error, curl) if isinstance(error, pycurl.error) else None
                over.set_result((answered or None, failure))

        curl = self._client.handle(Request(wired(url), Asked(ranged=False)), self._options)
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.POSTFIELDS, body)
        sent = {"Content-Type": "application/json", "User-Agent": self._user_agent, "Expect": "", **headers}
        curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}".rstrip().encode() for name, value in sent.items()])
        curl.setopt(pycurl.HEADERFUNCTION, lines.append)
        curl.setopt(pycurl.WRITEFUNCTION, take)
        curl.setopt(pycurl.TIMEOUT_MS, round(self._timeout_s * 1000))
        self._client.start(curl, ended)
        try:
            outcome = await over
        except asyncio.CancelledError:
            self._client.abort(curl)
            self._client.release(curl, reusable=False)
            raise
        self._client.release(curl)
        return outcome

    @property
    def _user_agent(self) -> str:
        return self._options.user_agent or USER_AGENT

    async def close(self) -> None:
        await self._client.close()
