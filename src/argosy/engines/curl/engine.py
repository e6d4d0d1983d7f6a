"""The engine: hands each file to a :class:`Fetch`, all of which share one client."""

from __future__ import annotations

import time

from argosy.core.answer import Asked, Known, Untouched, Whole, judge, refusal
from argosy.core.header import Match, Validators
from argosy.core.types import FileState, TransferOptions
from argosy.engines.curl.client import Client
from argosy.engines.curl.fetch import Fetch
from argosy.engines.curl.holding import validators_of
from argosy.engines.curl.origin import check_url
from argosy.engines.curl.question import ask
from argosy.engines.port import Desk
from argosy.errors import ArgosyError, BadResponse


class CurlEngine:
    """HTTP, HTTPS, FTP, FTPS and SFTP. Lives on the transfer loop."""

    name = "curl"

    def __init__(self) -> None:
        self._client = Client()

    def accepts(self, url: str) -> bool:
        return check_url(url) is None

    async def fetch(self, state: FileState, options: TransferOptions, desk: Desk) -> FileState:
        return await Fetch(self._client, state, options, desk).run()

    async def unchanged(self, state: FileState, options: TransferOptions) -> bool:
        """Tell whether the server says that the file is still the version which ``state`` describes.

        Asks conditionally and reads no body. Any doubt or failure is a no.
        """
        known = validators_of(state)
        conditions = _conditions(known)
        if not conditions or not state.urls[0].startswith("http"):
            return False
        try:
            reply = await ask(self._client, state.urls[0], options, limit=1, conditions=conditions)
        except ArgosyError:
            return False
        verdict = judge(reply.head, Asked(ranged=False), Known(known, held=state.size or 0), now=time.time())
        return isinstance(verdict, Untouched) or (isinstance(verdict, Whole) and verdict.same is Match.SAME)

    async def read(self, url: str, options: TransferOptions, limit: int) -> bytes:
        """Return a small document. Raises the server's refusal, or BadResponse if it has more than ``limit`` bytes."""
        reply = await ask(self._client, url, options, limit=limit + 1)
        if reply.failure is not None:
            raise reply.failure
        if reply.head.status != 200 and url.startswith("http"):
            raise refusal(reply.head, now=time.time())
        if reply.cut:
            raise BadResponse(f"more than {limit:,} bytes came where a small document was expected", code="too_large")
        return reply.body

    async def close(self) -> None:
        await self._client.close()


def _conditions(known: Validators) -> tuple[tuple[str, str], ...]:
    if known.etag is not None:
        return (("If-None-Match", known.etag),)
    if known.last_modified is not None:
        return (("If-Modified-Since", known.last_modified),)
    return ()
