"""One file: which pieces to ask for, over how many connections.

The loop is short: start what is worth starting, wait for something to happen, look at what ended, see to the ledger.
The callbacks of the streams run between its turns, on the same loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Final

from argosy.core.answer import Asked
from argosy.core.pace import STEAL_S, WORTHWHILE_BYTES, Growth, share_to_keep
from argosy.core.ranges import Piece
from argosy.core.types import FileState, TransferOptions
from argosy.core.types.options import USUAL_CONNECTIONS
from argosy.destinations.ledger import Ledger
from argosy.engines.curl.arrival import OVERLAP_BYTES, Arrivals
from argosy.engines.curl.client import Client
from argosy.engines.curl.dash import Dash
from argosy.engines.curl.holding import Holding
from argosy.engines.curl.origin import Origin
from argosy.engines.curl.permit import acquire
from argosy.engines.curl.request import Request
from argosy.engines.curl.setback import Setbacks
from argosy.engines.curl.signal import Changed
from argosy.engines.curl.stream import Stream
from argosy.engines.curl.watch import Watch, time_left
from argosy.engines.port import Desk, Segment, segments_of
from argosy.errors import ArgosyError, NetworkError

TICK_S: Final = 0.2
FIRST_TICKS_S: Final = 0.025
"""While a file is young its connections are looked at often, so that growth costs no time."""
YOUNG_S: Final = 1.0
GLANCE_S: Final = 0.01
"""How fast the first connection is shows so soon after its first byte; until then there is no second one."""
LINGER_S: Final = 0.2
"""The rest of an error page is waited for so long, to keep its connection."""


class Fetch:
    """Brings one file. Made for one call of :meth:`run`."""

    def __init__(self, client: Client, state: FileState, options: TransferOptions, desk: Desk) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._ended: list[tuple[Stream, bool]] = []
        self.now = self._loop.time
        self._began = self._ticked_at = self.now()
        self.desk = desk
        self.options = options
        self.throttle = desk.throttle
        self.limited = desk.throttle.limited
        self.origins = [Origin(url) for url in state.urls]
        self.holding = Holding(state, desk)
        self.streams: list[Stream] = []
        self._told = segments_of(desk)
        self._begun: dict[Stream, tuple[float, int]] = {}
        """When each stream began, and where in the file, if somebody wants to know."""
        self.cookies: tuple[bytes, ...] = ()
        """What servers have set so far, for this file alone."""
        self.growth = Growth(options.most_connections, options.first_connections)
        self._flows: tuple[float, int] | None = None
        """Since when bytes come, and how many there were."""
        self.setbacks = Setbacks(self)
        self._arrivals = Arrivals(self)
        self._watch = Watch(options.stall_timeout_s)

    def adopt(self, dash: Dash) -> None:
        """Go on with the request that the dash has begun."""
        piece = self.holding.ranges.take()
        assert piece is not None
        stream = Stream(self, self._client, self.origins[0], piece)
        self.streams.append(stream)
        stream.adopt(dash)

    async def run(self) -> FileState:
        """Return the state with every byte durable. See :class:`argosy.engines.port.Engine`."""
        unsubscribe = self.desk.cancel.subscribe(self._wake.set)
        try:
            while not self._is_whole():
                self.desk.cancel.check()
                await self._staff()
                await self._wait()
                self._settle()
                self._grow()
                self._tick()
            self.end_streams()
            self._report()
            return await self.holding.complete()
        except BaseException:
            self.end_streams()
            await self.holding.keep()
            raise
        finally:
            unsubscribe()

    def _is_whole(self) -> bool:
        """Tell whether every byte is here, and all of them fit together."""
        try:
            self.holding.hear_witnesses()
        except Changed as error:
            self.setbacks.changed(error)
        return self.holding.ranges.complete

    async def _wait(self) -> None:
        """Return when a stream ends or begins to bring bytes, the token is set, or a tick is due."""
        if not self._ended and self.desk.cancel.stop is None:
            timer = self._loop.call_later(self._tick_s(), self._wake.set)
            await self._wake.wait()
            timer.cancel()
        self._wake.clear()

    def _tick_s(self) -> float:
        if self._flows is not None and self.now() - self._flows[0] < GLANCE_S:
            return GLANCE_S
        return FIRST_TICKS_S if self.now() - self._began < YOUNG_S else TICK_S

    # -- starting streams --------------------------------------------------------------------------

    async def _staff(self) -> None:
        """Have as many streams at work as the growth allows and the file is worth."""
        while len(self.streams) < (self.growth.allowed if self._can_split() else 1):
            piece = self.holding.ranges.take() or self._steal()
            if piece is None:
                if not self.limited:
                    self._watch.relieve(self.streams, self.now())
                return
            origin = self._pick_origin()
            spare = len(self.streams) >= USUAL_CONNECTIONS
            if not self.desk.hosts.try_acquire(origin.host, spare=spare):
                if self.streams:
                    self.holding.ranges.release(piece)
                    return
                await acquire(self.desk.hosts, origin.host, self.desk.cancel)
            stream = Stream(self, self._client, origin, piece, spare=spare)
            self.streams.append(stream)
            if self._told is not None:
                self._begun[stream] = time.time(), piece.position
            if self.holding.placed:
                self.ledger.begin(piece)
            stream.start(self._request(stream))

    def _can_split(self) -> bool:
        """Several connections are used only if their bytes can be proven to be of one version."""
        holding = self.holding
        if not holding.placed or holding.ranges.size is None or self.growth.ceiling == 1:
            return False
        proven = holding.validators.if_range() is not None or holding.state.checksum is not None
        return proven and any(origin.ranges and origin.is_http for origin in self.origins)

    def _pick_origin(self) -> Origin:
        """Return the place to ask next: the first good one, or all in turn if a checksum guards against mixtures."""
        good = [origin for origin in self.origins if not origin.failed] or self.origins
        good = [origin for origin in good if origin.ranges] or good
        if self.holding.state.checksum is None:
            return good[0]
        return min(good, key=lambda origin: sum(stream.origin is origin for stream in self.streams))

    def _request(self, stream: Stream) -> Request:
        piece, origin, holding = stream.piece, stream.origin, self.holding
        assert piece is not None
        ranged = origin.ranges and holding.state.size != 0  # an empty file has no ranges
        first = piece.position - (0 if holding.seeking_end else min(OVERLAP_BYTES, piece.position))
        last = piece.end - 1 if piece.end is not None and piece.end != holding.ranges.size else None
        return Request(
            origin.url,
            Asked(first, last) if ranged else Asked(ranged=False),
            if_range=origin.if_range(holding.version_at(origin)) if ranged and not holding.blank else None,
            trusted=origin.trusted,
            plain_http=len(self.streams) > 1,
            limited=self.limited,
            challenged=origin.challenged,
            cookies=self.cookies,
        )

    def _steal(self) -> Piece | None:
        """Cut the piece that would take longest, of those that are long enough to be cut."""
        victims = [s for s in self.streams if s.taking and s.piece is not None and s.piece.end is not None]
        if not victims:
            return None
        now, usual_bps = self.now(), sorted(stream.pace.bps for stream in victims)[len(victims) // 2]

        def longest(stream: Stream) -> tuple[float, int]:
            """Order streams by the time they will take; where nothing is known of their speed yet, by what they miss."""
            assert stream.piece is not None
            return time_left(stream, now), stream.piece.missing or 0

        for victim in sorted(victims, key=longest, reverse=True):
            assert victim.piece is not None
            if time_left(victim, now) < STEAL_S:
                break
            keep = share_to_keep(victim.pace, usual_bps, now)
            stolen = self.holding.ranges.steal(victim.piece, keep, victim.pending_bytes)
            if stolen is not None:
                return stolen
        return None

    # -- what streams call -------------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        return self.holding.ledger

    def head_came(self, stream: Stream) -> None:
        self._arrivals.head_came(stream)
        if (self.holding.ranges.missing or 0) > WORTHWHILE_BYTES:
            self._wake.set()  # another connection may be worth having

    def piece_done(self, stream: Stream) -> bool:
        """The stream's body goes on behind its piece: give it the next one if nobody has begun that; else False."""
        piece, ranges = stream.piece, self.holding.ranges
        assert piece is not None
        index = ranges.pieces.index(piece) + 1
        if not piece.complete or index >= len(ranges.pieces):
            return False
        following = ranges.pieces[index]
        if following.owned or following.position > following.start:
            return False
        ranges.release(piece)
        following.owned, stream.piece = True, following
        self.ledger.begin(following)
        return True

    def stream_ended(self, stream: Stream, *, cut: bool) -> None:
        """Called once for each request; what it means is decided in the loop's next turn."""
        self._ended.append((stream, cut))
        self._wake.set()

    def others(self, stream: Stream) -> list[Stream]:
        return [other for other in self.streams if other is not stream]

    def abandon(self, streams: Iterable[Stream]) -> None:
        """End the streams without keeping what they have gathered; safe within a callback of another stream."""
        for stream in streams:
            stream.drop()
            self._let_go(stream)
            self.streams.remove(stream)
            self._loop.call_soon(stream.abort)

    # -- what ended --------------------------------------------------------------------------------

    def _settle(self) -> None:
        while self._ended:
            stream, cut = self._ended.pop(0)
            if stream not in self.streams:
                continue
            self.streams.remove(stream)
            self._let_go(stream)
            try:
                self._conclude(stream, cut=cut)
            except ArgosyError as error:
                self.setbacks.failed(stream, error)
        if self.setbacks.final is not None:
            raise self.setbacks.final

    def _conclude(self, stream: Stream, *, cut: bool) -> None:
        """Raise what the end of the stream means, if it is nothing good."""
        piece = stream.piece
        if stream.error is not None:
            self.setbacks.failed(stream, stream.error)
        elif stream.redirect is not None:
            stream.origin.follow(stream.request.url, stream.redirect)
        elif cut or stream.unsent or piece is None or piece.complete:
            return
        elif piece.end is not None or stream.trimmed or not stream.taking:
            raise NetworkError("the answer was over before the file was", code="incomplete")
        elif not stream.open_end:
            self.holding.end_here(proven=stream.decoder is not None)
        elif self.holding.seeking_end and not stream.received:
            raise NetworkError("the server does not say where the file ends", code="incomplete")
        else:
            self.holding.seeking_end = True

    def end_streams(self) -> None:
        """Stop every stream; what it has gathered is written."""
        for stream in self.streams:
            stream.stop()
            self._let_go(stream)
        self.streams.clear()

    def _let_go(self, stream: Stream) -> None:
        if self._told is not None:
            began, start = self._begun.pop(stream)
            error = (
                stream.error.detail_code
                if isinstance(stream.error, ArgosyError)
                else "internal"
                if stream.error
                else ""
            )
            self._told(Segment(start, stream.received, stream.origin.host, began, time.time(), error))
        self.desk.hosts.release(stream.held_host, spare=stream.spare)
        if stream.piece is not None:
            self.holding.ranges.release(stream.piece)

    # -- now and then ------------------------------------------------------------------------------

    def _grow(self) -> None:
        if not self._can_split():
            return
        ranges, now = self.holding.ranges, self.now()
        if self._flows is None:
            self._flows = now, ranges.received
        since, had = self._flows
        if now - since < GLANCE_S:
            return
        paces = [stream.pace for stream in self.streams if stream.taking]
        bps = (ranges.received - had) / (now - since)
        self.growth.consider(established=len(paces), bps=bps, missing=ranges.missing)
        if not self.limited:
            self.growth.prove(paces, ranges.missing or 0)
        if any(stream.spare and self.desk.hosts.crowded(stream.held_host) for stream in self.streams):
            self.growth.refused(USUAL_CONNECTIONS)
        for stream in self.streams[self.growth.allowed :]:
            stream.abort()

    def _tick(self) -> None:
        now = self.now()
        if now - self._ticked_at < FIRST_TICKS_S:
            return
        self._ticked_at = now
        self.limited = self.throttle.limited
        for stream in self.streams:
            stream.write_out()
            stream.pace.update(now, stream.received)
            if stream.error is not None and now - stream.heard_at > LINGER_S:
                stream.abort()
        self._report()
        self._watch.look(self.streams, now, limited=self.limited)
        self.holding.save_if_due(now)

    def _report(self) -> None:
        ranges, pending = self.holding.ranges, sum(stream.pending_bytes for stream in self.streams)
        self.desk.report(self.holding.state.index, ranges.received + pending, ranges.size, len(self.streams))
