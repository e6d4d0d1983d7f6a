"""When something goes wrong: what it means for the attempt. Go on at once, in another way, from the start, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from argosy.engines.curl.signal import Changed, Unusable
from argosy.errors import (
    ArgosyError,
    AuthError,
    IntegrityError,
    LocalError,
    NetworkError,
    ServerBusy,
    ServerRefused,
    StoreError,
)

if TYPE_CHECKING:
    from argosy.engines.curl.fetch import Fetch
    from argosy.engines.curl.stream import Stream

RESTARTS: Final = 3
"""A file that changes or has to begin again more often than this within one attempt is given up for now."""
TRICKLE_BYTES: Final = 64 * 1024
TRICKLES: Final = 20
"""So many cuts in a row with less than TRICKLE_BYTES between them, and the server gets a rest."""


class Setbacks:
    """Counts what went wrong in one attempt and decides how it goes on. ``final`` ends it."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._holding = fetch.holding
        self._restarts = 0
        self._trickles = 0
        self._mark = fetch.holding.ranges.received
        self.final: ArgosyError | None = None

    def failed(self, stream: Stream, error: ArgosyError) -> None:
        """The stream, which is no longer among the fetch's streams, ended with ``error``."""
        match error:
            case LocalError() | StoreError() | IntegrityError():
                self.final = error
            case Changed():
                self.restart(str(error), changed=True)
                self._fetch.end_streams()
                self._start_over()
            case Unusable():
                self._unusable(stream, error)
            case _ if self._fetch.streams:
                self._spare_failed(stream)
            case AuthError() | ServerRefused() if stream.received == 0 and stream.origin.start_over():
                pass  # the redirect's target may have expired: the original URL is asked again
            case NetworkError() | ServerBusy():
                self._last_failed(stream, error)
            case _:
                self._give_up(stream, error)

    def restart(self, why: str, *, changed: bool) -> None:
        """Count one start from the beginning and tell people. Raises when there were too many."""
        self._restarts += 1
        if self._restarts > RESTARTS:
            if changed:
                hint = "try again when it is stable"
                raise IntegrityError(f"the file keeps changing: {why}", hint=hint, code="unstable_source")
            raise NetworkError(f"gave up starting again: {why}", hint="the server cannot resume", code="incomplete")
        wasted = self._holding.ranges.received
        self._fetch.desk.warn("source_changed" if changed else "restarted", f"{why}; {wasted:,} bytes are fetched again")

    def _unusable(self, stream: Stream, error: ArgosyError) -> None:
        """Carry on with the streams that work; else ask in the next way; else start again without ranges."""
        if self._fetch.streams:
            self._fetch.growth.refused(len(self._fetch.streams))
        elif not stream.origin.ranges and self._holding.ranges.received:
            self.restart(str(error), changed=False)
            self._start_over()

    def _spare_failed(self, stream: Stream) -> None:
        """Others are at work: a connection that brought nothing was one too many for the server."""
        if stream.received == 0:
            self._fetch.growth.refused(len(self._fetch.streams))

    def _last_failed(self, stream: Stream, error: ArgosyError) -> None:
        """Go on at once where there was progress, let the scheduler wait where there was none."""
        gained = self._holding.ranges.received - self._mark
        self._mark = self._holding.ranges.received
        self._trickles = 0 if gained >= TRICKLE_BYTES else self._trickles + 1
        if gained <= 0 or self._trickles > TRICKLES:
            self._give_up(stream, error)
        elif not any(origin.ranges for origin in self._fetch.origins):
            self.restart("the connection broke and the server cannot resume", changed=False)
            self._start_over()

    def _give_up(self, stream: Stream, error: ArgosyError) -> None:
        """This place has failed; the attempt has if it was the last."""
        stream.origin.failed = True
        if any(not origin.failed for origin in self._fetch.origins):
            self._fetch.desk.warn("mirror_failed", f"{stream.origin.host}: {error}")
        else:
            self.final = error

    def _start_over(self) -> None:
        self._holding.start_over(None)
        self._mark = 0
