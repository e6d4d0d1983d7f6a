"""The engine: hands each file to a :class:`Fetch`, all of which share one client."""

from __future__ import annotations

import asyncio

import pycurl

from argosy.core.answer import Asked, Head, Untouched, judge
from argosy.core.answer import Known as Held
from argosy.core.header import Match, Validators
from argosy.core.types import FileState, TransferOptions
from argosy.engines.curl.client import Client
from argosy.engines.curl.fetch import Fetch
from argosy.engines.curl.holding import validators_of
from argosy.engines.curl.origin import Origin, check_url
from argosy.engines.curl.request import Request, configure
from argosy.engines.port import Desk


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
        origin = Origin(state.urls[0])
        conditions = _conditions(known)
        if not conditions or not origin.url.startswith("http"):
            return False
        request = Request(origin.url, Asked(ranged=False), trusted=True, conditions=conditions)
        head = await self._head(request, options)
        verdict = judge(head, request.asked, Held(known, held=state.size or 0), now=0.0)
        if isinstance(verdict, Untouched):
            return True
        return head.status == 200 and getattr(verdict, "same", None) is Match.SAME

    async def _head(self, request: Request, options: TransferOptions) -> Head:
        """Return the head of the answer; the body is cut off."""
        lines: list[str] = []
        over = asyncio.Event()
        curl = self._client.handle()
        configure(curl, request, options)
        curl.setopt(pycurl.HEADERFUNCTION, lambda line: lines.append(line.decode("latin-1").rstrip("\r\n")))
        curl.setopt(pycurl.WRITEFUNCTION, lambda _data: 0)
        curl.setopt(pycurl.TIMEOUT_MS, int(options.stall_timeout_s * 1000))

        def ended(future: asyncio.Future[pycurl.Curl]) -> None:
            if not future.cancelled():
                future.exception()  # a cut body is what we want
            over.set()

        self._client.start(curl, ended)
        try:
            await over.wait()
        except asyncio.CancelledError:
            self._client.abort(curl)
            raise
        finally:
            self._client.release(curl)
        return read_head(lines)

    async def close(self) -> None:
        await self._client.close()


def read_head(lines: list[str]) -> Head:
    """Return the last head among the lines (interim answers come first)."""
    status = 0
    fields: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith("HTTP/"):
            code = line.split(" ", 2)[1] if " " in line else ""
            status, fields = (int(code) if code.isdigit() else 0), {}
        elif ":" in line:
            name, _, value = line.partition(":")
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    return Head(status, fields)


def _conditions(known: Validators) -> tuple[tuple[str, str], ...]:
    if known.etag is not None:
        return (("If-None-Match", known.etag),)
    if known.last_modified is not None:
        return (("If-Modified-Since", known.last_modified),)
    return ()
