"""A small file that comes at once, whole and as expected: what most files of a large set are, fetched without ceremony.

One request, whose answer is held until all of it is here. Whatever is not like that (a large file, a redirect, an error,
an answer that takes its time, a stop) is handed to a :class:`~argosy.engines.curl.fetch.Fetch`, request and all, as if that
had made it. So nothing is decided here but the plainest case, and no answer is asked for twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import pycurl

from argosy.core import answer
from argosy.core.answer import Asked, Head, Known, Take, Whole
from argosy.core.ranges import RangeMap
from argosy.core.types import FileState, TransferOptions
from argosy.destinations.ledger import Ledger
from argosy.engines.curl.client import Client
from argosy.engines.curl.head import is_complete, parse_head
from argosy.engines.curl.origin import Origin
from argosy.engines.curl.permit import acquire
from argosy.engines.curl.request import Request
from argosy.engines.facts import described, facts_of
from argosy.engines.port import Desk, segments_of

LARGEST_BYTES: Final = 256 * 1024
"""Of a file that is fetched so."""
PATIENCE_S: Final = 0.2
"""An answer that takes longer is watched, and counted, like that of any other file."""


def is_worth_trying(state: FileState, desk: Desk) -> bool:
    """Tell whether nothing that is known of the file yet speaks against it."""
    new = not state.extents and state.part is None and len(state.urls) == 1 and state.urls[0].startswith("http")
    small = state.size is None or 0 < state.size <= LARGEST_BYTES
    return new and small and not desk.throttle.limited and segments_of(desk) is None


class Dash:
    """Brings one file. Made for one call of :meth:`run`; what follows on None may take the request from here."""

    def __init__(self, client: Client, state: FileState, options: TransferOptions, desk: Desk) -> None:
        self._client = client
        self._state = state
        self._options = options
        self._desk = desk
        self._lines: list[bytes] = []
        self._fields: int | None = None
        """How many of the lines are the answer's head; those behind are trailers."""
        self._head = Head(0)
        self._verdict: Take | Whole | None = None
        self._held = 0
        self._over = asyncio.get_running_loop().create_future()
        self._heir: Callable[[asyncio.Future[pycurl.Curl]], None] = self._keep
        self.origin = Origin(state.urls[0])
        self.request = Request(self.origin.url, Asked())
        self.curl: pycurl.Curl | None = None
        self.chunks: list[bytes] = []
        """The body as far as it has come and libcurl does not keep it for who goes on."""
        self.ended: asyncio.Future[pycurl.Curl] | None = None

    async def run(self) -> FileState | None:
        """Return the state of the complete file, every byte durable; or None: ``curl`` and what has come of its answer
        (and the permit for its host) are then the caller's. Raises what ``Desk.place`` raises, and Cancelled.
        """
        desk, host = self._desk, self.origin.host
        desk.cancel.check()
        if not desk.hosts.try_acquire(host):
            await acquire(desk.hosts, host, desk.cancel)
        self._start()
        unsubscribe = desk.cancel.subscribe(self._look)
        timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._look)
        try:
            await self._over
        except asyncio.CancelledError:
            self._drop()
            raise
        finally:
            timer.cancel()
            unsubscribe()
        if not self._is_whole():
            return None
        self._release()
        return await self._stored()

    @property
    def lines(self) -> list[bytes]:
        """The lines of the answer's head, and of those before it."""
        return self._lines[: self._fields]

    def hand_over(self, heir: Callable[[asyncio.Future[pycurl.Curl]], None]) -> None:
        """Let ``heir`` be told how the request ends: at once, if it has."""
        if self.ended is not None:
            heir(self.ended)
        self._heir = heir

    # -- the request -------------------------------------------------------------------------------

    def _start(self) -> None:
        curl = self.curl = self._client.handle(self.request, self._options)
        curl.setopt(pycurl.HEADERFUNCTION, self._lines.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._body)
        self._client.guard(curl, self.request.url, self._options)
        self._client.start(curl, self._ended)

    def _ended(self, future: asyncio.Future[pycurl.Curl]) -> None:
        self._heir(future)

    def _look(self) -> None:
        """There is something to look at."""
        if not self._over.done():
            self._over.set_result(None)

    def _keep(self, future: asyncio.Future[pycurl.Curl]) -> None:
        self.ended = future
        self._look()

    def _body(self, data: bytes) -> int | None:
        """Hold what comes; what is not to be held stays with libcurl, for who goes on. For WRITEFUNCTION."""
        if self._fields is None:
            self._fields = len(self._lines)
            try:
                self._verdict = self._judge()
            except Exception:  # noqa: BLE001 - none may leave a callback; who goes on meets it again
                self._verdict = None
        total = self._verdict.total if self._verdict is not None else None
        if total is None or self._held + len(data) > total or self._over.done():
            self._look()
            pause: int = pycurl.WRITEFUNC_PAUSE
            return pause
        self.chunks.append(data)
        self._held += len(data)
        return None

    def _judge(self) -> Take | Whole | None:
        """Return what the answer means if that is the plainest: all of a small file, as it is."""
        if not is_complete(self._lines):
            return None
        head = self._head = parse_head(self._lines)
        verdict = answer.judge(head, self.request.asked, Known(), now=time.time())
        if not isinstance(verdict, Take | Whole) or not verdict.total or verdict.total > LARGEST_BYTES:
            return None
        if isinstance(verdict, Take) and (verdict.first != 0 or verdict.last != verdict.total - 1):
            return None
        if head.encodings or head.content_type in answer.HTML or self._state.size not in (None, verdict.total):
            return None
        return verdict

    def _is_whole(self) -> bool:
        ended = self.ended
        well = ended is not None and not ended.cancelled() and ended.exception() is None
        return well and self._verdict is not None and self._held == self._verdict.total

    def _release(self) -> None:
        assert self.curl is not None
        self._client.release(self.curl)
        self._desk.hosts.release(self.origin.host)

    def _drop(self) -> None:
        """Nobody wants the file any more: end the request."""
        self._heir = lambda _: self._release()
        if self.ended is not None:
            self._release()
        elif self.curl is not None:
            self._client.abort(self.curl)

    # -- the file ----------------------------------------------------------------------------------

    async def _stored(self) -> FileState:
        desk, head, verdict = self._desk, self._head, self._verdict
        assert verdict is not None
        assert verdict.total is not None
        validators, total = verdict.validators, verdict.total
        resumable = isinstance(verdict, Take)
        state = described(self._state, head, validators, total, resumable=resumable)
        part, state = desk.place(state, facts_of(head, self.request.url, validators, total, resumable=resumable))
        part.reserve(total)
        ledger = Ledger(part, RangeMap(total))
        (piece,) = ledger.ranges.pieces
        ledger.begin(piece)
        ledger.write(piece, self.chunks, total)
        desk.report(state.index, total, total, 0)
        snapshot, mtime_ns = ledger.snapshot(), part.mtime_ns
        await part.flush()
        return snapshot.onto(state, mtime_ns)
