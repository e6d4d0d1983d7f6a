"""One file: which pieces to ask for, over how many connections, and whether what comes is still the same file.

The loop is short: look at what ended, start what is worth starting, see to the ledger, wait for the next thing to
happen. The callbacks of the streams run between its turns, on the same loop.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Final

from argosy.core import answer
from argosy.core.answer import Asked, Known
from argosy.core.header import Match, Validators
from argosy.core.pace import STEAL_S, Growth, laggards, share_to_keep
from argosy.core.ranges import Piece, RangeMap
from argosy.core.types import FileState, TransferOptions
from argosy.destinations.ledger import Ledger
from argosy.engines.curl.client import Client
from argosy.engines.curl.decode import Decoder
from argosy.engines.curl.origin import Origin
from argosy.engines.curl.request import Request
from argosy.engines.curl.stream import Stream
from argosy.engines.port import Cancelled, Desk, Facts
from argosy.errors import (
    ArgosyError,
    AuthError,
    BadResponse,
    IntegrityError,
    NetworkError,
    ServerBusy,
    ServerRefused,
)

TICK_S: Final = 0.2
FIRST_TICKS_S: Final = 0.025
"""While a file is young its connections are looked at often, so that growth costs no time."""
YOUNG_S: Final = 0.5
CHECKPOINT_BYTES: Final = 1024 * 1024
CHECKPOINT_S: Final = 3.0
CHECKPOINT_GAP_S: Final = 0.5
OVERLAP_BYTES: Final = 1024
"""So many held bytes are fetched again and compared before a resumed piece grows."""
LADDER_BYTES: Final = 1024 * 1024
"""Holding less than this, a whole body is taken instead of asking in other words."""
RESTARTS: Final = 3
"""A file that changes or cannot be resumed more often than this within one attempt is given up for now."""
DRIP_BYTES: Final = 512
"""A connection that brings less than this in a stall timeout is stalled."""
TRICKLE_BYTES: Final = 64 * 1024
TRICKLES: Final = 20
"""So many cuts in a row with less than TRICKLE_BYTES between them, and the server gets a rest."""


def validators_of(state: FileState) -> Validators:
    """Return what is recorded of the version that the state's bytes are of."""
    return Validators(state.etag, state.last_modified, state.date_is_strong, state.size)


class Fetch:
    """Brings one file. Made for one call of :meth:`run`."""

    ledger: Ledger

    def __init__(self, client: Client, state: FileState, options: TransferOptions, desk: Desk) -> None:
        self._client = client
        self._desk = desk
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self.options = options
        self.throttle = desk.throttle
        self.limited = desk.throttle.limited
        self.state = state
        self.origins = [Origin(url) for url in state.urls]
        self._validators = validators_of(state)
        self._ranges = RangeMap(state.size if state.extents else None, state.extents)
        self._placed = False
        self._growth = Growth(max(1, options.connections))
        self._streams: list[Stream] = []
        self._ended: list[tuple[Stream, bool]] = []
        self._wake = asyncio.Event()
        self._restarts = 0
        self._trickles = 0
        self._failure_mark = 0
        self._error: ArgosyError | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._began = self._ticked_at = self._saved_at = self.now()
        self._saved_bytes = self._ranges.received
        self._window: dict[Stream, tuple[float, int]] = {}

    # -- the way of a file -------------------------------------------------------------------------

    async def run(self) -> FileState:
        """Return the state with every byte durable. See :class:`argosy.engines.port.Engine`."""
        unsubscribe = self._desk.cancel.subscribe(self._wake.set)
        try:
            self._desk.cancel.check()
            if self.state.extents:
                self._place(_facts(self.state))
            while not self._ranges.complete:
                self._desk.cancel.check()
                await self._staff()
                await self._wait()
                self._settle()
                self._tick()
            self._end_streams()
            return await self._finished()
        except BaseException:
            self._end_streams()
            await self._keep_what_is_here()
            raise
        finally:
            unsubscribe()

    async def _finished(self) -> FileState:
        await self._join_flush()
        snapshot = self.ledger.snapshot()
        await self.ledger.part.flush()
        self._report()
        return snapshot.onto(self.state, self.ledger.part.mtime_ns)

    async def _wait(self) -> None:
        """Return when a stream ends, the token is set, or a tick is due."""
        if not self._ended and not self._desk.cancel.stop:
            young = self.now() - self._began < YOUNG_S
            timer = self._loop.call_later(FIRST_TICKS_S if young else TICK_S, self._wake.set)
            await self._wake.wait()
            timer.cancel()
        self._wake.clear()

    # -- starting streams --------------------------------------------------------------------------

    async def _staff(self) -> None:
        """Have as many streams at work as the growth allows and the file is worth."""
        while len(self._streams) < self._allowed():
            piece = self._ranges.take() or self._steal()
            if piece is None:
                return
            origin = self._pick_origin()
            if not self._desk.hosts.try_acquire(origin.host):
                if self._streams:
                    self._ranges.release(piece)
                    return
                await self._acquire(origin.host)
            self._begin(Stream(self, self._client, origin, piece))

    def _allowed(self) -> int:
        return self._growth.allowed if self._can_split() else 1

    def _can_split(self) -> bool:
        """Several connections are used only if their bytes can be proven to be of one version."""
        proven = self._validators.if_range() is not None or self.state.checksum is not None
        return self._placed and proven and self._ranges.size is not None and any(o.ranges for o in self.origins)

    def _pick_origin(self) -> Origin:
        """Return the place to ask next: the first good one, or all in turn if a checksum guards against mixtures."""
        good = [o for o in self.origins if not o.failed] or self.origins
        if self.state.checksum is None:
            return good[0]
        return min(good, key=lambda o: sum(stream.origin is o for stream in self._streams))

    async def _acquire(self, host: str) -> None:
        waiting = asyncio.ensure_future(self._desk.hosts.acquire(host))
        stopped = asyncio.ensure_future(self._desk.cancel.wait())
        try:
            await asyncio.wait({waiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                self._desk.cancel.check()
            waiting.result()
        finally:
            stopped.cancel()
            if not waiting.done():
                waiting.cancel()

    def _begin(self, stream: Stream) -> None:
        self._streams.append(stream)
        if self._placed and stream.piece is not None:
            self.ledger.begin(stream.piece)
        stream.start(self._request(stream))

    def _request(self, stream: Stream) -> Request:
        piece, origin = stream.piece, stream.origin
        assert piece is not None
        stream.skip = min(OVERLAP_BYTES, piece.position - piece.start) if piece.position else 0
        first = piece.position - stream.skip
        last = piece.end - 1 if piece.end is not None and piece.end != self._ranges.size else None
        fresh = first == 0 and not self._ranges.received
        return Request(
            origin.url,
            Asked(first, last, ranged=origin.ranges),
            if_range=None if fresh else origin.if_range(self._validators),
            trusted=origin.trusted,
            plain_http=len(self._streams) > 1,
            limited=self.limited,
        )

    def _steal(self) -> Piece | None:
        """Cut the piece that would take longest; take it whole from a connection that hardly moves."""
        victims = [s for s in self._streams if s.taking and s.piece is not None and s.piece.end is not None]
        if not victims:
            return None
        usual = sorted(stream.pace.bps for stream in victims)[len(victims) // 2]
        victim = max(victims, key=_time_left)
        if _time_left(victim) < STEAL_S:
            return None
        assert victim.piece is not None
        keep = share_to_keep(victim.pace.bps, usual)
        return self._ranges.steal(victim.piece, keep, victim.pending_bytes)

    # -- what streams tell -------------------------------------------------------------------------

    def head_came(self, stream: Stream) -> None:
        """Decide what the answer means for the stream and for the file; called before the body's first byte."""
        if stream.request.url[:4] != "http":
            verdict = self._ftp_verdict(stream)
        else:
            if stream.head.status in (301, 302, 303, 307, 308):
                stream.redirect = stream.head.get("location") or ""
                return
            verdict = answer.judge(
                stream.head, stream.request.asked, self._known(), now=time.time(), url=stream.request.url
            )
        match verdict:
            case answer.Take():
                self._take(stream, verdict)
            case answer.Whole():
                self._take_whole(stream, verdict)
            case answer.AllHeld(total=total):
                self._learn_size(total)
            case answer.Different(why=why):
                stream.error = _Changed(why)
            case answer.Unranged(why=why):
                stream.origin.ranges = False
                stream.error = _Unusable(why)
            case answer.Refused(error=error):
                stream.error = error
            case answer.Untouched():
                stream.error = BadResponse("304 came although nothing conditional was asked", code="no_content")

    def _known(self) -> Known:
        return Known(self._validators, self.state.content_type, self._ranges.received)

    def _take(self, stream: Stream, verdict: answer.Take) -> None:
        piece = stream.piece
        assert piece is not None
        self._check_kind(stream, verdict.total)
        if not self._placed:
            self._meet(stream, verdict.validators, verdict.total, resumable=True)
            piece = stream.piece
            assert piece is not None
        elif verdict.total is not None and self._ranges.size is None:
            self._learn_size(verdict.total)
        skip = piece.position - verdict.first
        if skip > OVERLAP_BYTES:
            stream.origin.ranges = False
            stream.error = _Unusable(f"asked for bytes from {stream.request.asked.first}, the answer begins at {verdict.first}")
            return
        if not verdict.proven and piece.position and skip < min(OVERLAP_BYTES, piece.position):
            stream.error = _Changed("nothing proves that it is still the same file")
            return
        stream.skip, stream.taking = skip, True

    def _take_whole(self, stream: Stream, verdict: answer.Whole) -> None:
        """The whole file comes. Use it if that loses nothing, or if there is no way left to go on from what is held."""
        self._check_kind(stream, verdict.total)
        others = [s for s in self._streams if s is not stream]
        held = self._ranges.received
        changed = verdict.same is Match.DIFFERENT
        if not changed and others:
            stream.origin.ranges = False
            stream.error = _Unusable("the server sends everything where a range was asked for")
            return
        if not changed and held >= LADDER_BYTES and stream.request.asked.ranged and stream.origin.weaken(self._validators):
            stream.error = _Unusable("the server does not honour this form of If-Range")
            return
        if stream.request.asked.ranged and not changed:
            stream.origin.ranges = False
        if held or others:
            self._count_restart("the server sends it from the beginning" if not changed else "it changed on the server", changed)
            for other in others:
                other.drop_pending()
                self._loop.call_soon(other.abort)
        self._start_over(verdict.total)
        self._meet(stream, verdict.validators, verdict.total, resumable=changed and stream.origin.ranges)
        stream.taking = True

    def _meet(self, stream: Stream, validators: Validators, total: int | None, *, resumable: bool) -> None:
        """An answer describes the file: name it, size it, open its part."""
        head = stream.head
        is_http = stream.request.url[:4] == "http"
        coding = answer.decoding(head, self._probable_name(stream)) if is_http else None
        if coding is not None:
            stream.decoder, total, resumable = Decoder(coding), None, False
            stream.origin.ranges = False
            validators = Validators()
        self._validators = replace(validators, length=total)
        self.state = replace(
            self.state,
            etag=validators.etag,
            last_modified=validators.last_modified,
            date_is_strong=validators.strong_date,
            content_type=head.content_type,
            resumable=resumable and stream.origin.ranges,
        )
        if total is not None and self.state.size is not None and self.state.size != total and not self._restarts and not self.state.etag:
            self._desk.warn("size_differs", f"{self.state.size:,} bytes were announced, the server has {total:,}")
        facts = Facts(
            stream.request.url, total, validators.etag, validators.last_modified, validators.strong_date,
            head.content_type, head.get("content-disposition"), _digests(head), resumable,
        )  # fmt: skip
        if total is not None and self._ranges.size is None:
            self._ranges.learn_size(total)
        if not self._placed:
            self._place(facts)
        elif total is not None:
            self.ledger.part.reserve(total)
        if total is not None and self._placed:
            self.state = replace(self.state, size=total)
        piece = self._ranges.pieces[0] if not self._ranges.received else stream.piece
        assert piece is not None
        if piece is not stream.piece:
            piece.owned, stream.piece = True, piece
        self.ledger.begin(piece)

    def _check_kind(self, stream: Stream, total: int | None) -> None:
        """Raise for a web page where a file was promised."""
        if self.options.allow_html or stream.request.url[:4] != "http":
            return
        promised = self.state.size if self.state.checksum is None else (self.state.size or -1)
        known_size = None if promised is None or promised == total else promised
        if answer.is_unexpected_page(stream.head, self._probable_name(stream), known_size):
            page = answer.web_page()
            if self._ranges.received:
                raise page
            raise BadResponse(page.message, hint="open the URL in a browser; --allow-html takes it anyway", code=page.detail_code)

    def _probable_name(self, stream: Stream) -> str:
        path = self.state.path or stream.origin.original.split("?")[0]
        return path.rsplit("/", 1)[-1]

    def _ftp_verdict(self, stream: Stream) -> answer.Verdict:
        length, moment = stream.told_length, stream.told_time
        first = stream.request.asked.first
        total = None if length is None else first + length
        modified = None if moment is None else time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(moment))
        validators = Validators(None, modified, False, total)
        if self._known().any and self._validators.matches(validators) is Match.DIFFERENT:
            return answer.Different("its size or time changed")
        return answer.Take(first, None, total, validators, proven=not self._ranges.received)

    def piece_done(self, stream: Stream, *, more: int) -> Piece | None:
        """The stream's piece is complete; if its body goes on into an untouched next piece, it may keep going."""
        piece = stream.piece
        assert piece is not None
        if self._ranges.complete or not more and stream.request.asked.last is not None:
            return None
        pieces = self._ranges.pieces
        index = pieces.index(piece) + 1
        if index >= len(pieces) or pieces[index].owned or pieces[index].position > pieces[index].start:
            return None
        self._ranges.release(piece)
        following = stream.piece = pieces[index]
        following.owned = True
        self.ledger.begin(following)
        return following

    def compare(self, offset: int, data: bytes) -> None:
        """Raise unless the part holds exactly ``data`` at ``offset``."""
        if self.ledger.part.read(offset, len(data)) != data:
            raise _Changed("the bytes around the point of resumption differ")

    def stream_ended(self, stream: Stream, *, cut: bool) -> None:
        """Called once for each request; what it means is decided in the loop's next turn."""
        self._ended.append((stream, cut))
        self._wake.set()

    # -- what ended --------------------------------------------------------------------------------

    def _settle(self) -> None:
        while self._ended:
            stream, cut = self._ended.pop()
            if stream not in self._streams:
                continue
            if stream.redirect is not None and stream.error is None:
                stream.origin.follow(stream.redirect)
                stream.start(self._request(stream))
                continue
            self._streams.remove(stream)
            self._desk.hosts.release(stream.held_host)
            if stream.piece is not None:
                self._ranges.release(stream.piece)
            if stream.error is not None:
                self._failed(stream, stream.error)
            elif not cut and not stream.trimmed:
                self._body_over(stream)
        if self._error is not None and not self._streams:
            raise self._error

    def _body_over(self, stream: Stream) -> None:
        piece = stream.piece
        if piece is not None and stream.taking and piece.end is None:
            self._ranges.end_here()
            self.state = replace(self.state, size=self._ranges.size)
        elif not self._placed and self._ranges.size == 0 and not self._ranges.complete:
            raise BadResponse("the answer has no body", code="no_content")

    def _failed(self, stream: Stream, error: ArgosyError) -> None:
        match error:
            case _Changed():
                self._source_changed(error)
            case _Unusable():
                self._ranges_unusable(stream, error)
            case NetworkError() | ServerBusy():
                self._passing_failure(stream, error)
            case _ if self._streams and stream.received == 0 and self._placed and not error.code.startswith("disk"):
                self._growth.refused(len(self._streams))
            case AuthError() | ServerRefused() if stream.received == 0 and stream.origin.start_over():
                pass  # the original URL is asked again
            case _:
                self._origin_failed(stream, error)

    def _passing_failure(self, stream: Stream, error: ArgosyError) -> None:
        """A cut or a busy server: go on at once where there was progress, let the scheduler wait where there was none."""
        gained = self._ranges.received - self._failure_mark
        self._failure_mark = self._ranges.received
        if self._streams:
            if stream.received == 0:
                self._growth.refused(len(self._streams))
            return
        self._trickles = 0 if gained >= TRICKLE_BYTES else self._trickles + 1
        if gained <= 0 or self._trickles > TRICKLES:
            self._origin_failed(stream, error)
        elif not self._resumable():
            self._count_restart("the connection broke and the server cannot resume", changed=False)
            self._start_over(None)

    def _resumable(self) -> bool:
        return any(origin.ranges for origin in self.origins)

    def _origin_failed(self, stream: Stream, error: ArgosyError) -> None:
        stream.origin.failed = True
        self._error = error
        if any(not origin.failed for origin in self.origins):
            self._error = None
            self._desk.warn("mirror_failed", f"{stream.origin.host}: {error}")

    def _source_changed(self, error: ArgosyError) -> None:
        self._count_restart(str(error), changed=True)
        self._end_streams()
        self._start_over(None)

    def _ranges_unusable(self, stream: Stream, error: ArgosyError) -> None:
        """A ranged answer cannot be used: carry on with the streams that work, else start again without ranges."""
        if self._streams:
            self._growth.refused(len(self._streams))
        elif not stream.origin.ranges and self._ranges.received:
            self._count_restart(str(error), changed=False)
            self._start_over(None)

    def _count_restart(self, why: str, changed: bool) -> None:
        self._restarts += 1
        if self._restarts > RESTARTS:
            if changed:
                raise IntegrityError(f"the file keeps changing: {why}", hint="try again when it is stable", code="unstable_source")
            raise NetworkError(f"gave up starting again: {why}", hint="the server cannot resume", code="incomplete")
        wasted = self._ranges.received
        self._desk.warn("source_changed" if changed else "restarted", f"{why}; {wasted:,} bytes are fetched again")

    def _start_over(self, total: int | None) -> None:
        if self._placed:
            self.ledger.restart(total)
        else:
            self._ranges.reset(total)
        self._validators = Validators()
        self._failure_mark = self._saved_bytes = 0
        self.state = replace(self.state, extents=(), block_hashes=b"", received=0, etag=None, last_modified=None)

    def _end_streams(self) -> None:
        """Stop every stream; what it has gathered is written."""
        for stream in self._streams:
            if stream.alive:
                try:
                    stream.write_out()
                except ArgosyError as error:
                    stream.error = error
                stream.abort()
            self._desk.hosts.release(stream.held_host)
            if stream.piece is not None:
                self._ranges.release(stream.piece)
        self._streams.clear()

    # -- the ledger --------------------------------------------------------------------------------

    def _place(self, facts: Facts) -> None:
        part, self.state = self._desk.place(self.state, facts)
        if not self.state.extents and self._ranges.received:
            self._ranges.reset(None)
            self._validators = Validators()
        self.ledger = Ledger(part, self._ranges, self.state.block_hashes)
        self._placed = True
        if self._ranges.size is not None:
            part.reserve(self._ranges.size)

    def _learn_size(self, total: int) -> None:
        if self._ranges.size is None:
            self._ranges.learn_size(total)
            self.ledger.part.reserve(total)
            self.state = replace(self.state, size=total)

    def _tick(self) -> None:
        now = self.now()
        if now - self._ticked_at < FIRST_TICKS_S:
            return
        self._ticked_at = now
        self.limited = self.throttle.limited
        for stream in self._streams:
            stream.write_out()
            stream.pace.update(now, stream.received)
        self._report()
        self._watch_for_stalls(now)
        self._grow(now)
        if self._flushing is not None and self._flushing.done():
            self._flushing.result()
            self._flushing = None
        if self._flushing is None and self._checkpoint_due(now):
            self._saved_at, self._saved_bytes = now, self._ranges.received
            self._flushing = self._loop.create_task(self._checkpoint())

    def _grow(self, now: float) -> None:
        if not self._can_split():
            return
        established = sum(stream.taking for stream in self._streams)
        bps = sum(stream.pace.bps for stream in self._streams)
        self._growth.consider(now, established=established, bps=bps, missing=self._ranges.missing)
        taking = [stream for stream in self._streams if stream.taking and not stream.restarted]
        for index in laggards([stream.pace for stream in taking], now):
            laggard = taking[index]
            if _time_left(laggard) > 1.0:
                laggard.restarted = True
                laggard.abort()

    def _watch_for_stalls(self, now: float) -> None:
        """Cut connections that brought next to nothing for a whole stall timeout."""
        timeout = self.options.stall_timeout_s
        for stream in list(self._streams):
            if stream.resume_at > now:
                stream.heard_at = now
            since, count = self._window.get(stream, (now, stream.received))
            if now - since >= timeout:
                if stream.received - count < DRIP_BYTES and not self.limited:
                    stream.abort(_stalled(timeout))
                since, count = now, stream.received
            self._window[stream] = (since, count)
            if now - stream.heard_at > timeout:
                stream.abort(_stalled(timeout))
        self._window = {stream: mark for stream, mark in self._window.items() if stream in self._streams}

    def _report(self) -> None:
        pending = sum(stream.pending_bytes for stream in self._streams)
        self._desk.report(self.state.index, self._ranges.received + pending, self._ranges.size, len(self._streams))

    def _checkpoint_due(self, now: float) -> bool:
        if not self._placed or now - self._saved_at < CHECKPOINT_GAP_S:
            return False
        new = self._ranges.received - self._saved_bytes
        return new >= CHECKPOINT_BYTES or (new > 0 and now - self._saved_at >= CHECKPOINT_S)

    async def _checkpoint(self) -> None:
        snapshot, state = self.ledger.snapshot(), self.state
        mtime_ns = self.ledger.part.mtime_ns
        await self.ledger.part.flush()
        await self._desk.checkpoint(snapshot.onto(state, mtime_ns))

    async def _join_flush(self) -> None:
        if self._flushing is not None:
            flushing, self._flushing = self._flushing, None
            await flushing

    async def _keep_what_is_here(self) -> None:
        """Record what has come before an attempt ends; failing to is not worse than why it ends."""
        if not self._placed:
            return
        try:
            await self._join_flush()
            await self._checkpoint()
        except (ArgosyError, OSError):
            return


class _Changed(ArgosyError):
    """What is held and what comes are not the same file."""


class _Unusable(ArgosyError):
    """A ranged answer that cannot be used; the file itself may be fine."""


def _time_left(stream: Stream) -> float:
    """Seconds until the stream's piece is complete, as it looks now."""
    assert stream.piece is not None
    missing = (stream.piece.missing or 0) - stream.pending_bytes
    return missing / stream.pace.bps if stream.pace.bps > 0 else float("inf")


def _stalled(timeout: float) -> NetworkError:
    return NetworkError(f"nothing came for {timeout:g} s", hint="it is tried again by itself", code="stalled")


def _facts(state: FileState) -> Facts:
    return Facts(
        state.urls[0], state.size, state.etag, state.last_modified, state.date_is_strong, state.content_type,
        resumable=True,
    )  # fmt: skip


def _digests(head: answer.Head) -> tuple[str, ...]:
    from argosy.core.checksum import parse_digest_header

    found = []
    for name in ("repr-digest", "digest"):
        digest = parse_digest_header(head.get(name) or "")
        if digest is not None:
            found.append(str(digest))
    return tuple(found)


__all__ = ["Cancelled", "Fetch", "validators_of"]
