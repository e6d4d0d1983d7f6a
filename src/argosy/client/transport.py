"""Requests to one service, over TCP or a Unix socket: kept connections, deadlines, and another try where that is safe.

The token goes to the service's own address and nowhere else: no redirect is followed, and no proxy sees it unless the
environment names one for the service's host.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import urlencode

import pycurl

from argosy.about import VERSION
from argosy.client.address import Address
from argosy.client.failure import Unreachable, of_answer, of_curl
from argosy.errors import ArgosyError, BadResponse, ServerBusy, StoreError
from argosy.value import dataclass

CONNECT_S: Final = 10.0
ANSWER_S: Final = 60.0
"""For a whole answer, unless a request says otherwise."""
TRIES: Final = 4
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
AT_ONCE: Final = 8
"""Requests under way; more wait their turn."""
LARGEST_ANSWER: Final = 256 * 1024 * 1024
SAFE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
WAIT_AND_SEE: Final = frozenset({"store_busy", "stopped", "idempotency_busy"})
"""Codes that time alone may cure."""

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and was no error. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""

    def json(self) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(self.body)
        except ValueError:
            raise BadResponse(f"{self.url} did not answer with JSON", hint="is the address right?") from None


class Transport:
    """One service's connections. Used on one loop; closing ends every request."""

    def __init__(self, address: Address, *, connect_s: float = CONNECT_S, tries: int = TRIES) -> None:
        self._address = address
        self._connect_s = connect_s
        self._tries = tries
        self._multi: pycurl.AsyncCurlMulti | None = None
        self._idle: list[pycurl.Curl] = []
        self._under_way: dict[asyncio.Future[None], pycurl.Curl] = {}
        self._closed = False
        self._turns = asyncio.Semaphore(AT_ONCE)

    def __repr__(self) -> str:
        return f"<Transport to {self._address.url}>"

    async def close(self) -> None:
        """End every request: whoever waits for one gets StoreError, code ``stopped``. Idempotent."""
        self._closed = True
        for over, curl in self._under_way.items():
            if not over.done():
                over.set_exception(StoreError("the client was closed", code="stopped"))
                self._remove(curl)
        if self._multi is not None:
            await self._multi.aclose()
            self._multi = None
        while self._idle:
            self._idle.pop().close()

    async def ask(
        self,
        method: str,
        path: str,
        query: Query = (),
        *,
        content: object = None,
        headers: Mapping[str, str] | None = None,
        again: bool | None = None,
        within_s: float = ANSWER_S,
    ) -> Answer:
        """Return the answer to one request. ``again``: it may reach the service twice (None: as the method says).

        Raises what the service answered as the error it stands for; Unreachable if there was no answer.
        """
        again = method in SAFE if again is None else again
        body = None if content is None else json.dumps(content).encode()
        for attempt in range(1, self._tries + 1):
            try:
                async with self._turns:
                    answer = await self._once(method, path, query, body, headers or {}, within_s)
                if 200 <= answer.status < 300:
                    return answer
                raise of_answer(answer.status, answer.headers, answer.body, self._address.url)
            except ArgosyError as error:
                if self._closed or attempt == self._tries or not _worth_another(error, again=again):
                    raise
                await asyncio.sleep(pause_s(attempt, getattr(error, "retry_after_s", None)))
        raise AssertionError("the last attempt returns or raises")

    async def _once(
        self, method: str, path: str, query: Query, body: bytes | None, headers: Mapping[str, str], within_s: float
    ) -> Answer:
        lines, received = Head(), bytearray()

        def take(data: bytes) -> int:
            received.extend(data)
            return len(data) if len(received) <= LARGEST_ANSWER else 0

        curl = self._handle(method, path, query, body, headers)
        curl.setopt(pycurl.TIMEOUT_MS, int(within_s * 1000))
        curl.setopt(pycurl.HEADERFUNCTION, lines.take)
        curl.setopt(pycurl.WRITEFUNCTION, take)
        async with self._running(curl) as over:
            await over
        return Answer(lines.status, lines.fields, bytes(received), self._address.url + path)

    @asynccontextmanager
    async def stream(
        self, path: str, query: Query, headers: Mapping[str, str], take: Callable[[bytes], int | None]
    ) -> AsyncIterator[tuple[Head, Awaitable[None]]]:
        """Give the head of an answer that goes on and on, and what is done when it ends (or raises). ``take`` is called
        with what comes; leaving the block closes the connection. Raises what the service answered.
        """
        head, refusal, open_ = Head(), bytearray(), asyncio.Event()

        def sort(data: bytes) -> int | None:
            open_.set()
            if head.status == 200:
                return take(data)
            refusal.extend(data)
            return None

        def line(data: bytes) -> None:
            head.take(data)
            if head.complete and head.status == 200:
                open_.set()

        curl = self._handle("GET", path, query, None, {"Accept": "text/event-stream", **headers})
        curl.setopt(pycurl.HEADERFUNCTION, line)
        curl.setopt(pycurl.WRITEFUNCTION, sort)
        async with self._running(curl) as over:
            await _first(over, open_, within_s=self._connect_s + ANSWER_S, url=self._address.url)
            if head.status != 200:
                await over
                raise of_answer(head.status, head.fields, bytes(refusal), self._address.url)
            yield head, over

    # -- libcurl -----------------------------------------------------------------------------------

    def _handle(
        self, method: str, path: str, query: Query, body: bytes | None, headers: Mapping[str, str]
    ) -> pycurl.Curl:
        address = self._address
        curl = self._idle.pop() if self._idle else pycurl.Curl()
        url = f"{address.url}{path}" + (f"?{urlencode(query)}" if query else "")
        for option, value in (
            (pycurl.URL, url.encode()),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.NOSIGNAL, 1),
            (pycurl.TCP_KEEPALIVE, 1),
            (pycurl.CONNECTTIMEOUT_MS, int(self._connect_s * 1000)),
            (pycurl.CUSTOMREQUEST, method),
        ):
            curl.setopt(option, value)
        if address.loopback:
            curl.setopt(pycurl.PROXY, "")
        if address.socket is not None:
            curl.setopt(pycurl.UNIX_SOCKET_PATH, address.socket)
        if url.startswith("https:"):
            self._trust(curl)
        if body is not None:
            curl.setopt(pycurl.POSTFIELDS, body)
        curl.setopt(pycurl.HTTPHEADER, self._headers(body, headers))
        return curl

    def _trust(self, curl: pycurl.Curl) -> None:
        from argosy.engines.curl.request import system_ca_file  # noqa: PLC0415 - for a distant service only

        ca_file = self._address.ca_file or system_ca_file()
        if ca_file is not None:
            curl.setopt(pycurl.CAINFO, ca_file)

    def _headers(self, body: bytes | None, more: Mapping[str, str]) -> list[bytes]:
        given = {"Accept": "application/json", "User-Agent": f"argosy/{VERSION}", "Expect": "", **more}
        if self._address.token is not None:
            given["Authorization"] = f"Bearer {self._address.token}"
        if body is not None:
            given["Content-Type"] = "application/json"
        return [f"{name}: {value}".encode() if value else f"{name}:".encode() for name, value in given.items()]

    @asynccontextmanager
    async def _running(self, curl: pycurl.Curl) -> AsyncIterator[asyncio.Future[None]]:
        """Give a future of the request's end; leaving the block ends the request."""
        if self._closed:
            raise StoreError("the client is closed", code="stopped")
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def ended(future: asyncio.Future[pycurl.Curl]) -> None:
            if over.done():
                return
            error = None if future.cancelled() else future.exception()
            if isinstance(error, pycurl.error):
                over.set_exception(of_curl(error, self._address.url))
            elif error is not None:
                over.set_exception(error)
            else:
                over.set_result(None)

        if self._multi is None:
            self._multi = pycurl.AsyncCurlMulti()
        self._multi.add_handle(curl).add_done_callback(ended)
        self._under_way[over] = curl
        try:
            yield over
        finally:
            cut = over.cancel() or over.cancelled()  # who waits for it may have been cancelled, and it with them
            if cut:
                self._remove(curl)
            else:
                over.exception()  # whoever waits for it has it; nobody else need hear of it
            del self._under_way[over]
            self._release(curl, reusable=not cut)

    def _remove(self, curl: pycurl.Curl) -> None:
        if self._multi is not None:
            with suppress(RuntimeError):  # over already: the callback is on its way
                self._multi.remove_handle(curl)

    def _release(self, curl: pycurl.Curl, *, reusable: bool) -> None:
        """One that was cut is of no more use: PycURL takes it out once more in the loop's next turn, whoever has it then."""
        if self._closed or not reusable or len(self._idle) >= AT_ONCE:
            curl.close()
            return
        curl.reset()
        self._idle.append(curl)


class Head:
    """The status and the header fields of an answer, line by line."""

    __slots__ = ("complete", "fields", "status")

    def __init__(self) -> None:
        self.status = 0
        self.fields: dict[str, str] = {}
        self.complete = False

    def take(self, line: bytes) -> None:
        """For HEADERFUNCTION. A new status line begins anew: what was before was a 1xx."""
        text = line.decode("latin-1").strip()
        if text.startswith("HTTP/"):
            word = text.split(" ")[1:2]
            self.status, self.complete = (int(word[0]) if word and word[0].isdigit() else 0), False
            self.fields.clear()
        elif not text:
            self.complete = self.status >= 200
        else:
            name, _, value = text.partition(":")
            self.fields[name.strip().lower()] = value.strip()


async def _first(over: asyncio.Future[None], open_: asyncio.Event, *, within_s: float, url: str) -> None:
    """Return once the answer has begun, or has ended; raises what ended it."""
    began = asyncio.ensure_future(open_.wait())
    try:
        done, _ = await asyncio.wait((over, began), timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        began.cancel()
    if not done:
        raise Unreachable(f"the service at {url} did not answer in time", code="unanswered")
    if over in done:
        over.result()


def _worth_another(error: ArgosyError, *, again: bool) -> bool:
    """Tell whether the request may be sent once more, and might then be answered better."""
    if isinstance(error, Unreachable):
        return error.detail_code == Unreachable.code and (again or not error.sent)
    if isinstance(error, ServerBusy):
        return True  # it was refused, not done
    return again and error.detail_code in WAIT_AND_SEE


def pause_s(attempt: int, wish_s: float | None = None) -> float:
    """Return how long to wait after the ``attempt``-th failure: longer each time, never the same for two of us."""
    most = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**attempt)
    return min(LONGEST_PAUSE_S, wish_s) if wish_s is not None else random.uniform(most / 2, most)  # noqa: S311 - to spread, not to hide
