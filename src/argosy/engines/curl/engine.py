"""The engine: hands each file to a :class:`Dash` or a :class:`Fetch`, all of which share one client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from argosy.core.answer import Asked, Known, Untouched, Whole, judge, refusal
from argosy.core.header import Match, Validators
from argosy.core.types import FileState, TransferOptions
from argosy.engines.curl.bulk import Bulk
from argosy.engines.curl.client import Client
from argosy.engines.curl.dash import Dash, dash, is_worth_trying, stored
from argosy.engines.curl.holding import validators_of
from argosy.engines.curl.origin import check_url
from argosy.engines.port import Desk, Tray, begun_of
from argosy.errors import ArgosyError, BadResponse

if TYPE_CHECKING:
    from argosy.core.addresses import Addresses
    from argosy.core.probe import Found


class CurlEngine:
    """HTTP, HTTPS, FTP, FTPS and SFTP. Lives on the transfer loop.

    Tasks that may reach public addresses only may reach the ``allowed`` ones; ``proxy`` is the one that the owner set.
    """

    name = "curl"
    guarded = True

    def __init__(self, allowed: Addresses | None = None, proxy: str | None = None) -> None:
        self._client = Client()
        self._guarded: Client | None = None
        self._allowed = allowed
        self._proxy = proxy

    def _client_for(self, options: TransferOptions) -> Client:
        if not options.public_only:
            return self._client
        if self._guarded is None:
            from argosy.core.addresses import Addresses  # noqa: PLC0415 - no command but the service needs it
            from argosy.engines.curl.address import Guard  # noqa: PLC0415 - likewise

            self._guarded = Client(Guard(self._allowed or Addresses(), self._proxy))
        return self._guarded

    def accepts(self, url: str) -> bool:
        return check_url(url) is None

    async def fetch(self, state: FileState, options: TransferOptions, desk: Desk) -> FileState:
        client = self._client_for(options)
        begun, whole = begun_of(desk), False
        if not isinstance(begun, Dash):
            begun = None
        if begun is None and is_worth_trying(state, desk):
            begun, whole = await dash(client, state, options, desk)
        if begun is not None and whole:
            return await stored(begun, state, desk)
        from argosy.engines.curl.fetch import Fetch  # noqa: PLC0415 - small files need none

        fetch = Fetch(client, state, options, desk)
        if begun is not None:
            fetch.adopt(begun)
        return await fetch.run()

    async def fetch_bulk(self, tray: Tray, options: TransferOptions, width: int) -> None:
        await Bulk(self._client_for(options), tray, options).run(width)

    async def unchanged(self, state: FileState, options: TransferOptions) -> bool:
        """Tell whether the server says that the file is still the version which ``state`` describes.

        Asks conditionally and reads no body. Any doubt or failure is a no.
        """
        known = validators_of(state)
        conditions = _conditions(known)
        if not conditions or not state.urls[0].startswith("http"):
            return False
        from argosy.engines.curl.question import ask  # noqa: PLC0415 - seldom wanted

        try:
            reply = await ask(self._client_for(options), state.urls[0], options, limit=1, conditions=conditions)
        except ArgosyError:
            return False
        verdict = judge(reply.head, Asked(ranged=False), Known(known, held=state.size or 0), now=time.time())
        return isinstance(verdict, Untouched) or (isinstance(verdict, Whole) and verdict.same is Match.SAME)

    async def read(
        self, url: str, options: TransferOptions, limit: int, *,
        headers: tuple[tuple[str, str], ...] = (), body: bytes | None = None,
    ) -> bytes:  # fmt: skip
        """Return a small document; with a ``body`` it is asked for by POST. Raises the server's refusal, or BadResponse
        if it has more than ``limit`` bytes.
        """
        return (await self.document(url, options, limit, headers=headers, body=body))[0]

    async def document(
        self, url: str, options: TransferOptions, limit: int, *, span: tuple[int, int] | None = None,
        headers: tuple[tuple[str, str], ...] = (), body: bytes | None = None, patient: bool = False,
    ) -> tuple[bytes, str]:  # fmt: skip
        """Return the same, or the bytes ``[first, end)`` of it, and where it came from after redirects. ``patient``: it
        may take as long as bytes come.
        """
        from argosy.engines.curl.question import ask, part_of  # noqa: PLC0415 - seldom wanted

        if span is not None:
            headers = (*headers, ("Range", f"bytes={span[0]}-{span[1] - 1}"))
        reply = await ask(
            self._client_for(options), url, options, limit=limit + 1, conditions=headers, body=body, patient=patient
        )
        if reply.failure is not None:
            raise reply.failure
        if span is not None and reply.head.status in (200, 206):
            return part_of(reply.head, reply.body, span), reply.url
        if reply.head.status != 200 and url.startswith("http"):
            raise refusal(reply.head, now=time.time())
        if reply.cut:
            raise BadResponse(f"more than {limit:,} bytes came where a small document was expected", code="too_large")
        return reply.body, reply.url

    async def probe(self, url: str, options: TransferOptions) -> Found:
        """Return what the server tells of the file. Raises its refusal, or what kept it from answering."""
        from argosy.engines.curl.probe import probe  # noqa: PLC0415 - seldom wanted

        return await probe(self._client_for(options), url, options, time.time())

    async def close(self) -> None:
        await self._client.close()
        if self._guarded is not None:
            await self._guarded.close()


def _conditions(known: Validators) -> tuple[tuple[str, str], ...]:
    if known.etag is not None:
        return (("If-None-Match", known.etag),)
    if known.last_modified is not None:
        return (("If-Modified-Since", known.last_modified),)
    return ()
