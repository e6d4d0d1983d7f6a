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
from argosy.engines.curl.origin import host_of, wired
from argosy.engines.curl.permit import acquire
from argosy.engines.curl.request import Request
from argosy.engines.facts import described, facts_of
from argosy.engines.port import Desk, Facts, HostGate, segments_of

LARGEST_BYTES: Final = 256 * 1024
"""Of a file that is fetched so."""
PATIENCE_S: Final = 0.2
"""An answer that takes longer is watched, and counted, like that of any other file."""
_NOTHING_KNOWN: Final = Known()
_ALL: Final = Asked()


def is_plain(state: FileState) -> bool:
    """Tell whether nothing that is known of the file yet speaks against it."""
    new = not state.extents and state.part is None and len(state.urls) == 1 and state.urls[0].startswith("http")
    return new and (state.size is None or 0 < state.size <= LARGEST_BYTES)


def is_worth_trying(state: FileState, desk: Desk) -> bool:
    """Tell the same, and whether the desk has no need to hear more of it than that it came."""
    return is_plain(state) and not desk.throttle.limited and segments_of(desk) is None


class Dash:
    """One request for all of a file. It holds a permit for its host, which whoever goes on with the request gives back."""

    __slots__ = (
        "_client",
        "_fields",
        "_head",
        "_heir",
        "_held",
        "_hosts",
        "_lines",
        "_over",
        "_state",
        "_verdict",
        "chunks",
        "curl",
        "ended",
        "host",
        "request",
        "since",
    )  # fmt: skip

    def __init__(self, client: Client, state: FileState, hosts: HostGate) -> None:
        self._client = client
        self._state = state
        self._hosts = hosts
        self._lines: list[bytes] = []
        self._fields: int | None = None
        """How many of the lines are the answer's head; those behind are trailers."""
        self._head = Head(0)
        self._verdict: Take | Whole | None = None
        self._held = 0
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._heir: Callable[[asyncio.Future[pycurl.Curl]], None] = self._keep
        url = wired(state.urls[0])
        self.host = host_of(url)
        self.request = Request(url, _ALL)
        self.since = 0.0
        """When it was sent, in the loop's time."""
        self.curl: pycurl.Curl | None = None
        self.chunks: list[bytes] = []
        """The body as far as it has come and libcurl does not keep it for who goes on."""
        self.ended: asyncio.Future[pycurl.Curl] | None = None

    async def run(self, curl: pycurl.Curl, options: TransferOptions) -> bool:
        """Send the request, and tell whether the file has come with its answer: :attr:`body` and :meth:`facts` say what.
        Returns as soon as it looks otherwise, or somebody has it :meth:`look`.
        """
        self.curl = curl
        curl.setopt(pycurl.HEADERFUNCTION, self._lines.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._body)
        self._client.guard(curl, self.request.url, options)
        self._client.start(curl, self._ended)
        self.since = asyncio.get_running_loop().time()
        try:
            await self._over
        except asyncio.CancelledError:
            self.drop()
            raise
        return self._is_whole()

    def close(self) -> None:
        """The file has come, and nobody needs to go on: give back the permit."""
        self._hosts.release(self.host)

    def look(self) -> None:
        """There is something to look at."""
        if not self._over.done():
            self._over.set_result(None)

    def hand_over(self, heir: Callable[[asyncio.Future[pycurl.Curl]], None]) -> None:
        """Let ``heir`` be told how the request ends: at once, if it has."""
        if self.ended is not None:
            heir(self.ended)
        self._heir = heir

    def drop(self) -> None:
        """Nobody wants the file any more: end the request, and give back its permit. Nothing if somebody goes on with it."""
        if self._heir != self._keep:
            return
        self._heir = self._let_go
        if self.ended is not None:
            self._let_go(self.ended)
        elif self.curl is not None:
            self._client.abort(self.curl)

    @property
    def lines(self) -> list[bytes]:
        """The lines of the answer's head, and of those before it."""
        return self._lines[: self._fields]

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def facts(self) -> Facts:
        """Return what the answer tells of the file, which has come."""
        verdict = self._verdict
        assert verdict is not None
        return facts_of(
            self._head, self.request.url, verdict.validators, verdict.total, resumable=isinstance(verdict, Take)
        )

    # -- what the request comes to ------------------------------------------------------------------

    def _ended(self, future: asyncio.Future[pycurl.Curl]) -> None:
        self._heir(future)

    def _keep(self, future: asyncio.Future[pycurl.Curl]) -> None:
        self.ended = future
        self.look()

    def _let_go(self, _future: asyncio.Future[pycurl.Curl]) -> None:
        assert self.curl is not None
        self._client.release(self.curl)
        self._hosts.release(self.host)

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
            self.look()
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
        verdict = answer.judge(head, _ALL, _NOTHING_KNOWN, now=time.time())
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


async def dash(client: Client, state: FileState, options: TransferOptions, desk: Desk) -> tuple[Dash, bool]:
    """Return a file's dash, and whether the file has come with it. Raises Cancelled."""
    desk.cancel.check()
    dash = Dash(client, state, desk.hosts)
    if not desk.hosts.try_acquire(dash.host):
        await acquire(desk.hosts, dash.host, desk.cancel)
    curl = client.handle(dash.request, options)
    unsubscribe = desk.cancel.subscribe(dash.look)
    timer = asyncio.get_running_loop().call_later(PATIENCE_S, dash.look)
    try:
        whole = await dash.run(curl, options)
    finally:
        timer.cancel()
        unsubscribe()
    if whole:
        client.release(curl)
        dash.close()
    return dash, whole


async def stored(dash: Dash, state: FileState, desk: Desk) -> FileState:
    """Return the state of the file that has come, every byte durable. Raises what ``Desk.place`` raises."""
    facts = dash.facts()
    assert facts.size is not None
    part, state = desk.place(described(state, facts), facts)
    part.reserve(facts.size)
    ledger = Ledger(part, RangeMap(facts.size))
    (piece,) = ledger.ranges.pieces
    ledger.begin(piece)
    ledger.write(piece, dash.chunks, facts.size)
    desk.report(state.index, facts.size, facts.size, 0)
    snapshot, mtime_ns = ledger.snapshot(), part.mtime_ns
    await part.flush()
    return snapshot.onto(state, mtime_ns)
