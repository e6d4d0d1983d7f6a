"""One connection's work: a request, the head of its answer, and a body that goes into a piece of the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pycurl

from argosy.core.answer import Asked, Head
from argosy.core.pace import Pace
from argosy.core.ranges import Piece
from argosy.engines.curl.client import Client
from argosy.engines.curl.decode import Decoder
from argosy.engines.curl.head import is_complete, parse_head
from argosy.engines.curl.request import Request
from argosy.engines.curl.signal import Changed, Unusable
from argosy.errors import ArgosyError, BadResponse, NetworkError

if TYPE_CHECKING:
    from argosy.engines.curl.dash import Dash
    from argosy.engines.curl.fetch import Fetch
    from argosy.engines.curl.origin import Origin

WRITE_BYTES: Final = 256 * 1024
"""libcurl hands over 16 KiB at a time; this much is gathered for one write."""
WRITE_CHUNKS: Final = 512
"""Chunks of one write, below the system's IOV_MAX of 1024."""
DISCARD_BYTES: Final = 64 * 1024
"""So much of an error page is read to keep its connection; beyond that the connection is closed."""
HEAD_BYTES: Final = 256 * 1024
"""All header lines of all answers to a request may have so many bytes; libcurl would take 300 KiB for each answer."""
SHORTEST_REST_S: Final = 0.001
LONGEST_REST_S: Final = 1.0
"""A limit that is changed must not find us asleep for a debt that it has just forgiven."""
PAUSE: Final[int] = pycurl.WRITEFUNC_PAUSE
ABORT: Final = 0
"""What the body callback returns to end the transfer: not the size of the data."""


class Stream:
    """A request under way. ``error`` is why it ended early, if it did; whether that matters the fetch decides."""

    def __init__(self, fetch: Fetch, client: Client, origin: Origin, piece: Piece, *, spare: bool = False) -> None:
        self._fetch = fetch
        self._client = client
        self._curl: pycurl.Curl | None = None
        self._lines: list[bytes] = []
        self._head: Head | None = None
        self._decided = False
        self._head_bytes = 0
        self._discarded = 0
        self._pending: list[bytes] = []
        self._held_back: asyncio.TimerHandle | None = None
        self.origin = origin
        self.request = Request(origin.url, Asked())
        self.piece: Piece | None = piece
        self.pending_bytes = 0
        self.taking = False
        """Whether the body goes into the piece."""
        self.skip = 0
        """Bytes of the body that lie before the piece's position: compared with what is held, not written."""
        self._upto: int | None = None
        """Where in the file the answer says that its body ends."""
        self.open_end = False
        """Whether the file may go on behind the end of the body."""
        self.decoder: Decoder | None = None
        self._learnt = False
        self.told_length: int | None = None
        """How long libcurl says the body is; for protocols without header fields."""
        self.told_time: int | None = None
        """Likewise the remote file's time, in epoch seconds."""
        self.error: Exception | None = None
        self.redirect: str | None = None
        self.unsent = False
        """The connection was not fit for the request, which was not sent."""
        self.trimmed = False
        """Ended by us because what it may fill is full."""
        self.received = 0
        self.held_host = origin.host
        """The host whose connection permit this stream holds."""
        self.spare = spare
        """Given up when others wait for the host."""
        now = fetch.now()
        self.pace = Pace(now, now)
        self.heard_at = now
        self.resume_at = 0.0

    # -- life --------------------------------------------------------------------------------------

    def start(self, request: Request) -> None:
        """Send the request; the fetch is told when it has ended, whatever became of it. Only once."""
        self.request = request
        curl = self._curl = self._client.handle(request, self._fetch.options)
        curl.setopt(pycurl.HEADERFUNCTION, self._header)
        curl.setopt(pycurl.WRITEFUNCTION, self._body)
        self._client.guard(curl, request.url, self._fetch.options)
        self._client.start(curl, self._ended)

    def adopt(self, dash: Dash) -> None:
        """Go on with a request under way: what has come of its answer comes again, to us."""
        self.request, self._curl = dash.request, dash.curl
        self.pace.began = dash.since
        going_on = self._hear(dash)
        if dash.ended is None and self._curl is not None:
            self._curl.setopt(pycurl.HEADERFUNCTION, self._header)
            self._curl.setopt(pycurl.WRITEFUNCTION, self._body)
            if going_on:
                self._unpause()
            else:
                self._client.abort(self._curl)
        dash.hand_over(self._ended)

    def _hear(self, dash: Dash) -> bool:
        """Take what the dash holds of the answer; tell whether more of it is wanted."""
        heard = all(self._header(line) is None for line in dash.lines)
        return heard and (not dash.chunks or self._body(b"".join(dash.chunks)) is None)

    def take(self, skip: int, upto: int | None, *, open_end: bool = False) -> None:
        """Let the body into the piece, after ``skip`` bytes that are compared; it ends at ``upto`` of the file."""
        self.skip, self._upto, self.open_end, self.taking = skip, upto, open_end, True

    def abort(self, error: ArgosyError | None = None) -> None:
        """End the request now, keeping what has come. Not from within a libcurl callback."""
        if self._curl is not None:
            self.error = self.error or error
            self._decided = True
            self._client.abort(self._curl)

    def stop(self) -> None:
        """End the request now, with what has come in the file; what goes wrong is the stream's error."""
        self._guarded(self.write_out)
        self.abort()

    @property
    def alive(self) -> bool:
        return self._curl is not None

    @property
    def head(self) -> Head:
        if self._head is None or not self._decided:
            self._head = parse_head(self._lines)
        return self._head

    def _learn(self) -> None:
        """Ask libcurl what the protocols without header fields have told. It answers between its callbacks only."""
        assert self._curl is not None
        length, moment = (int(self._curl.getinfo(of)) for of in (pycurl.CONTENT_LENGTH_DOWNLOAD_T, pycurl.FILETIME_T))
        self.told_length = None if length < 0 else length
        self.told_time = None if moment < 0 else moment
        self._learnt = True

    def _learn_and_go_on(self) -> None:
        if self._curl is not None:
            self._learn()
            self._unpause()

    def _unpause(self) -> None:
        """Let libcurl go on; it may hand over what it has at once, and not like what becomes of it."""
        assert self._curl is not None
        try:
            self._curl.pause(pycurl.PAUSE_CONT)
        except pycurl.error:
            self.abort()

    def _ended(self, future: asyncio.Future[pycurl.Curl]) -> None:
        assert self._curl is not None
        cut = future.cancelled()
        failure = None if cut else future.exception()
        if failure is None and not cut:
            self._guarded(self._finish)
        self._guarded(self.write_out)
        self.unsent = isinstance(failure, pycurl.error) and failure.args[0] == pycurl.E_ABORTED_BY_CALLBACK
        expected = self.trimmed or self.unsent or self.redirect is not None
        if isinstance(failure, pycurl.error) and self.error is None and not expected:
            self.error = self._client.failure(failure, self._curl)
            self.origin.ranges = self.origin.ranges and not isinstance(self.error, Unusable)
        self._fetch.cookies = tuple(self._curl.getinfo_raw(pycurl.INFO_COOKIELIST)) or self._fetch.cookies
        if self._held_back is not None:
            self._held_back.cancel()
        self._client.release(self._curl)
        self._curl = None
        self._fetch.stream_ended(self, cut=cut)

    def _finish(self) -> None:
        """The body is over. Raises if it must not be."""
        if not self._decided:
            self._learn()
            self._decide()
        if self.decoder is not None and self.error is None:
            self.decoder.end()

    # -- libcurl's callbacks: no exception may leave them ------------------------------------------

    def _header(self, line: bytes) -> int | None:
        self._head_bytes += len(line)
        if self._head_bytes > HEAD_BYTES:
            self.error = BadResponse("the answer's header does not end", code="header_too_large")
            return ABORT
        if not self._decided:  # else it is a trailer
            self._lines.append(line)
        return None

    def _body(self, data: bytes) -> int | None:
        self.heard_at = self._fetch.now()
        if not self._decided:
            if not self._learnt and not self.origin.is_http:
                asyncio.get_running_loop().call_soon(self._learn_and_go_on)
                return PAUSE
            self._guarded(self._decide)
        if self.error is not None or not self.taking:
            return self._discard(data)
        if self.resume_at and self._hold_back():
            return PAUSE
        if self._fetch.limited:
            self.resume_at = self.heard_at + self._fetch.throttle.admit(len(data))
        try:
            self._accept(data)
        except Exception as error:  # noqa: BLE001 (as in _guarded; this is the hot path)
            self.error = error
        return ABORT if self.error is not None or self.trimmed else None

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do it; what it raises is the stream's error, also if it is a mistake of ours: libcurl would swallow it."""
        try:
            work()
        except Exception as error:  # noqa: BLE001
            self.error = self.error or error

    def _decide(self) -> None:
        self._decided = True
        if self.origin.is_http and not is_complete(self._lines):
            raise NetworkError("the connection ended within the answer's header", code="reset")
        self._fetch.head_came(self)

    def _discard(self, data: bytes) -> int | None:
        self._discarded += len(data)
        return None if self._discarded <= DISCARD_BYTES and self.head.status >= 300 else ABORT

    def _accept(self, data: bytes) -> None:
        if self.skip:
            data = self._compare(data)
        elif self._fits(len(data)):
            self._gather(data)
            return
        if self.decoder is not None:
            for decoded in self.decoder.feed(data):
                self._gather(decoded)
            return
        while data:
            room = self._room(len(data))
            if not room:
                self.write_out()
                if not self._fetch.piece_done(self):
                    self.trimmed, self.taking = True, False
                    return
            self._gather(data[:room])
            data = data[room:]

    def _fits(self, size: int) -> bool:
        """Tell whether so many bytes end before the piece and the body do: nearly always, and quickly told."""
        piece, upto = self.piece, self._upto
        if piece is None or self.decoder is not None:
            return False
        end = piece.position + self.pending_bytes + size
        return (piece.end is None or end < piece.end) and (upto is None or end < upto)

    def _room(self, wanted: int) -> int:
        """Return how many of the wanted bytes still belong to the piece. Raises Changed for a body that goes on behind
        its own end: chunk sizes that lie let the framing into the body, and then nothing of it can be trusted.
        """
        assert self.piece is not None
        here = self.piece.position + self.pending_bytes
        piece_end, body_end = self.piece.end, self._upto
        if body_end is not None and here + wanted > body_end and (piece_end is None or piece_end >= body_end):
            self.origin.ranges = False
            raise Changed("more came than the answer said")
        return wanted if piece_end is None else min(wanted, piece_end - here)

    def _gather(self, data: bytes) -> None:
        self._pending.append(data)
        self.pending_bytes += len(data)
        self.received += len(data)
        if self.pending_bytes >= WRITE_BYTES or len(self._pending) >= WRITE_CHUNKS:
            self.write_out()

    def _compare(self, data: bytes) -> bytes:
        """Hold the bytes before the piece's position against those that we have; return the rest."""
        assert self.piece is not None
        overlap = data[: self.skip]
        self._fetch.holding.compare(self.piece.position - self.skip, overlap, self.origin)
        self.skip -= len(overlap)
        return data[len(overlap) :]

    # -- bytes on their way to the disk ------------------------------------------------------------

    def write_out(self) -> None:
        """Put what has been gathered into the file. Raises DiskFull, LocalError or Fenced."""
        if not self._pending:
            return
        chunks, size = self._pending, self.pending_bytes
        self._pending, self.pending_bytes = [], 0
        assert self.piece is not None
        self._fetch.ledger.write(self.piece, chunks, size)

    def drop(self) -> None:
        """Use nothing more of this body, not even what has been gathered."""
        self._pending, self.pending_bytes = [], 0
        self.taking, self.piece = False, None

    def _hold_back(self) -> bool:
        """Tell whether the limit forbids more just now; then libcurl stops reading until it allows it."""
        wait = self.resume_at - self.heard_at
        if wait <= SHORTEST_REST_S:
            return False
        if self._held_back is None:
            self._rest(wait)
        return True

    def _rest(self, wait: float) -> None:
        self._held_back = asyncio.get_running_loop().call_later(min(wait, LONGEST_REST_S), self._go_on)

    def _go_on(self) -> None:
        """Go on, or rest once more if the limit, which may be another by now, is still owed time."""
        self._held_back = None
        self.heard_at = now = self._fetch.now()
        left = self.resume_at - now
        owed = min(left, self._fetch.throttle.admit(0)) if left > SHORTEST_REST_S else 0.0
        if owed > SHORTEST_REST_S and self._curl is not None:
            self.resume_at = now + owed
            self._rest(owed)
            return
        self.resume_at = 0.0
        if self._curl is not None:
            self._unpause()
