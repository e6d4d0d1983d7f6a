"""One connection's work: a request, the head of its answer, and a body that goes into a piece of the file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pycurl

from argosy.core.answer import Asked, Head
from argosy.core.pace import Pace
from argosy.core.ranges import Piece
from argosy.engines.curl.client import Client
from argosy.engines.curl.decode import Decoder
from argosy.engines.curl.failure import translate
from argosy.engines.curl.request import Request, configure
from argosy.errors import ArgosyError

if TYPE_CHECKING:
    from argosy.engines.curl.fetch import Fetch
    from argosy.engines.curl.origin import Origin

WRITE_BYTES: Final = 256 * 1024
"""libcurl hands over 16 KiB at a time; this much is gathered for one write."""
WRITE_CHUNKS: Final = 512
"""Chunks of one write, below the system's IOV_MAX of 1024."""
DISCARD_BYTES: Final = 64 * 1024
"""So much of an error page is read to keep its connection; beyond that the connection is closed."""
PAUSE: Final[int] = pycurl.WRITEFUNC_PAUSE
ABORT: Final = 0
"""What the body callback returns to end the transfer: not the size of the data."""


class Stream:
    """A request under way. ``error`` is why it ended early, if it did; whether that matters the fetch decides."""

    def __init__(self, fetch: Fetch, client: Client, origin: Origin, piece: Piece | None) -> None:
        self._fetch = fetch
        self._client = client
        self._curl: pycurl.Curl | None = None
        self._fields: dict[str, list[str]] = {}
        self._status = 0
        self._decided = False
        self._discarded = 0
        self._pending: list[bytes] = []
        self._pausing = False
        self.origin = origin
        self.request = Request(origin.url, Asked())
        self.piece = piece
        self.pending_bytes = 0
        self.taking = False
        """Whether the body goes into the piece."""
        self.skip = 0
        """Bytes of the body that lie before the piece's position: compared with what is held, not written."""
        self.decoder: Decoder | None = None
        self.error: ArgosyError | None = None
        self.redirect: str | None = None
        self.trimmed = False
        """Ended by us because its piece is complete."""
        self.received = 0
        self.held_host = origin.host
        """The host whose connection permit this stream holds."""
        self.restarted = False
        """Started again because it was too slow; once is enough."""
        now = fetch.now()
        self.pace = Pace(now, now)
        self.heard_at = now
        self.resume_at = 0.0

    # -- life --------------------------------------------------------------------------------------

    def start(self, request: Request) -> None:
        """Send the request; the fetch is told when it has ended, whatever became of it."""
        self.request = request
        self.redirect, self.error, self._decided, self.taking = None, None, False, False
        self._fields, self._status, self._discarded = {}, 0, 0
        self.heard_at = self._fetch.now()
        curl = self._curl = self._client.handle()
        configure(curl, request, self._fetch.options)
        curl.setopt(pycurl.HEADERFUNCTION, self._header)
        curl.setopt(pycurl.WRITEFUNCTION, self._body)
        self._client.start(curl, self._ended)

    def take(self, skip: int) -> None:
        """Let the body into the piece, after ``skip`` bytes that are held already and get compared."""
        self.skip, self.taking = skip, True

    def abort(self, error: ArgosyError | None = None) -> None:
        """End the request now, keeping what has come. Not from within a libcurl callback."""
        if self._curl is not None:
            self.error = self.error or error
            self._client.abort(self._curl)

    @property
    def alive(self) -> bool:
        return self._curl is not None

    @property
    def head(self) -> Head:
        return Head(self._status, self._fields)

    @property
    def told_length(self) -> int | None:
        """How long libcurl says the body is; for protocols without header fields."""
        assert self._curl is not None
        length = int(self._curl.getinfo(pycurl.CONTENT_LENGTH_DOWNLOAD))
        return None if length < 0 else length

    @property
    def told_time(self) -> int | None:
        """The remote file's time in epoch seconds, for protocols without header fields."""
        assert self._curl is not None
        moment = int(self._curl.getinfo(pycurl.INFO_FILETIME))
        return None if moment < 0 else moment

    def _ended(self, future: asyncio.Future[pycurl.Curl]) -> None:
        assert self._curl is not None
        failure = None if future.cancelled() else future.exception()
        if failure is None and not future.cancelled() and not self._decided:
            self._decide()
        try:
            if self.decoder is not None and failure is None and self.error is None and not future.cancelled():
                self.decoder.end()
            self.write_out()
        except ArgosyError as error:
            self.error = self.error or error
        if isinstance(failure, pycurl.error) and self.error is None and not self.trimmed and self.redirect is None:
            self.error = translate(failure)
        self._client.release(self._curl)
        self._curl = None
        self._fetch.stream_ended(self, cut=future.cancelled())

    # -- libcurl's callbacks: no exception may leave them ------------------------------------------

    def _header(self, line: bytes) -> None:
        if self._decided:
            return  # a trailer
        text = line.decode("latin-1").rstrip("\r\n")
        if text.startswith("HTTP/"):
            self._fields = {}
            code = text.split(" ", 2)[1] if " " in text else ""
            self._status = int(code) if code.isdigit() else 0
        elif ":" in text:
            name, _, value = text.partition(":")
            self._fields.setdefault(name.strip().lower(), []).append(value.strip())

    def _body(self, data: bytes) -> int | None:
        self.heard_at = self._fetch.now()
        if not self._decided:
            self._decide()
        if self.error is not None:
            return self._discard(data)
        if not self.taking:
            return self._discard(data)
        if self.resume_at and self._hold_back():
            return PAUSE
        if self._fetch.limited:
            self.resume_at = self.heard_at + self._fetch.throttle.admit(len(data))
        try:
            return self._accept(data)
        except ArgosyError as error:
            self.error = error
            return ABORT

    def _decide(self) -> None:
        self._decided = True
        try:
            self._fetch.head_came(self)
        except ArgosyError as error:
            self.error = error

    def _discard(self, data: bytes) -> int | None:
        self._discarded += len(data)
        return None if self._discarded <= DISCARD_BYTES and self._status >= 300 else ABORT

    def _accept(self, data: bytes) -> int | None:
        if self.skip:
            data = self._compare(data)
        if self.decoder is not None:
            for decoded in self.decoder.feed(data):
                self._gather(decoded)
            return None
        piece = self.piece
        assert piece is not None
        while piece.end is not None and len(data) >= (room := piece.end - piece.position - self.pending_bytes):
            self._gather(data[:room])
            self.write_out()
            data = data[room:]
            following = self._fetch.piece_done(self, more=len(data))
            if following is None:
                self.trimmed, self.taking = True, False
                return ABORT if data else None
            piece = following
        if data:
            self._gather(data)
        return None

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
        self._fetch.compare(self.piece.position - self.skip, overlap)
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
        if wait <= 0.001:
            return False
        if not self._pausing:
            self._pausing = True
            asyncio.get_running_loop().call_later(wait, self._go_on, self._curl)
        return True

    def _go_on(self, curl: pycurl.Curl | None) -> None:
        self._pausing = False
        self.resume_at = 0.0
        self.heard_at = self._fetch.now()
        if self._curl is not curl or curl is None:
            return  # the request that was held back is over
        curl.pause(pycurl.PAUSE_CONT)
