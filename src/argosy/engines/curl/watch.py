"""Watching connections for the two ways of being useless: silent, and far slower than the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from argosy.core.pace import laggards
from argosy.core.types.options import MOST_CONNECTIONS
from argosy.engines.curl.stream import Stream
from argosy.errors import NetworkError

DRIP_BYTES: Final = 512
"""A connection that brings less than this in a stall timeout is stalled."""
ASLEEP_S: Final = 5.0
"""Looks are a fraction of a second apart; after so long a gap the process or the machine was stopped."""
MEASURED_BYTES: Final = 256 * 1024
RESTARTS: Final = 16
"""Slow connections started again for one file; a server that is slow by nature is left in peace after that."""
RELIEFS: Final = MOST_CONNECTIONS
"""Silent connections that are let go at the end of a file: about once each."""
WORTH_S: Final = 1.0
"""A slow connection that ends sooner than this is left alone."""


class Watch:
    """Looks at all streams of a fetch at each tick and cuts those that are useless; their pieces go to others."""

    def __init__(self, stall_timeout_s: float) -> None:
        self._timeout_s = stall_timeout_s
        self._looked_at: float | None = None
        self._windows: dict[Stream, tuple[float, int]] = {}
        """Since when each body is counted, and how much it had brought by then."""
        self._seen: list[Stream] = []
        self._gone: deque[float] = deque(maxlen=16)
        self._restarts = RESTARTS
        self._reliefs = RELIEFS

    def look(self, streams: Sequence[Stream], now: float, *, limited: bool) -> None:
        if self._looked_at is not None and now - self._looked_at > ASLEEP_S:
            self._forgive(streams, now)
        self._looked_at = now
        started = {stream: (now, stream.received) for stream in streams if stream.taking}
        self._windows = {stream: self._windows.get(stream, window) for stream, window in started.items()}
        for stream in streams:
            if self._is_stalled(stream, now, limited=limited):
                message = f"nothing came from {stream.origin.host} for {self._timeout_s:g} s"
                stream.abort(NetworkError(message, hint="it is tried again by itself", code="stalled"))
        self._remember_gone(streams)
        taking = [stream for stream in streams if stream.taking and stream.alive]
        for index in laggards([stream.pace for stream in taking], now, self._gone):
            if self._restarts and time_left(taking[index], now) > WORTH_S:
                self._restarts -= 1
                self._seen.remove(taking[index])
                taking[index].abort()

    def relieve(self, streams: Sequence[Stream], now: float) -> None:
        """Nothing is left to begin or to cut: let go of those that have fallen silent, whose rests are sooner asked for anew."""
        for stream in streams:
            if self._reliefs and stream.alive and stream.taking and now - stream.heard_at > stream.pace.patience_s:
                self._reliefs -= 1
                stream.abort()

    def _remember_gone(self, streams: Sequence[Stream]) -> None:
        """Keep the last speeds of streams that have ended after bringing enough to be measured."""
        ended = [stream for stream in self._seen if stream not in streams and stream.received >= MEASURED_BYTES]
        self._gone.extend(stream.pace.bps for stream in ended)
        self._seen = list(streams)

    def _forgive(self, streams: Sequence[Stream], now: float) -> None:
        """We slept: what came meanwhile lies in the sockets, and nobody can be blamed for the time."""
        self._windows.clear()
        for stream in streams:
            stream.heard_at = now

    def _is_stalled(self, stream: Stream, now: float, *, limited: bool) -> bool:
        if stream.resume_at > now:
            stream.heard_at = now  # held back by our own limit
        if now - stream.heard_at > self._timeout_s:
            return True
        since, before = self._windows.get(stream, (now, 0))
        if now - since < self._timeout_s:
            return False
        self._windows[stream] = (now, stream.received)
        return not limited and stream.received - before < DRIP_BYTES


def time_left(stream: Stream, now: float) -> float:
    """Return the seconds until the stream's piece is complete, as it looks now: one that has been silent for a while may be
    for as long again.
    """
    assert stream.piece is not None
    missing = (stream.piece.missing or 0) - stream.pending_bytes
    return max(missing / stream.pace.bps, now - stream.heard_at) if stream.pace.bps > 0 else float("inf")
