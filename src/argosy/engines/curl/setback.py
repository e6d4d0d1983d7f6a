"""When something goes wrong: what it means for the attempt. Go on at once, in another way, from the start, or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from argosy.engines.curl.signal import Changed, Unusable
from argosy.errors import (
    AuthError,
    BadResponse,
    IntegrityError,
    NetworkError,
    ServerBusy,
    ServerRefused,
    TransferError,
)

if TYPE_CHECKING:
    from argosy.engines.curl.fetch import Fetch
    from argosy.engines.curl.stream import Stream

RESTARTS: Final = 3
"""A file that changes or has to begin again more often than this within one attempt is given up for now."""
DETOURS: Final = 8
"""There are fewer ways than this to ask for a range."""
TRICKLE_BYTES: Final = 64 * 1024
TRICKLES: Final = 20
"""So many cuts in a row with less than TRICKLE_BYTES between them, and the server gets a rest."""


class Setbacks:
    """Counts what went wrong in one attempt and decides how it goes on. ``final`` ends it."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._holding = fetch.holding
        self._restarts = 0
        self._detours = 0
        self._trickles = 0
        self._mark = fetch.holding.ranges.received
        self.final: Exception | None = None

    def failed(self, stream: Stream, error: Exception) -> None:
        """The stream, which is no longer among the fetch's streams, ended with ``error``."""
        match error:
            case Changed():
                self.changed(error)
            case Unusable():
                self._unusable(stream, error)
            case AuthError() if stream.origin.heed_challenge(stream.head.fields.get("www-authenticate", [])):
                pass
            case AuthError() | ServerRefused() if not stream.received and stream.origin.ask_again(stream.request.url):
                pass
            case TransferError() if any(other.origin is stream.origin for other in self._fetch.streams):
                self._spare_failed(stream)
            case NetworkError() | ServerBusy(retry_after_s=None) if self._progressed():
                pass
            case TransferError():
                self._give_up(stream, error)
            case _:
                self.final = error

    def changed(self, error: Changed) -> None:
        """What is held is worth nothing any more."""
        self.restart(str(error), changed=True, siblings=bool(self._fetch.streams))
        self._fetch.end_streams()
        self._holding.start_over(None)

    def restart(self, why: str, *, changed: bool, siblings: bool) -> None:
        """Count one start from the beginning and tell people, before what is held goes. Raises when there were too many.

        A version that changed under several connections is fetched over one: each of them may be told another.
        """
        self._restarts += 1
        if self._restarts > RESTARTS:
            if changed:
                hint = "try again when it is stable"
                raise IntegrityError(f"the file keeps changing: {why}", hint=hint, code="unstable_source")
            raise NetworkError(f"gave up starting again: {why}", hint="the server cannot resume", code="incomplete")
        wasted = self._holding.ranges.received
        self._fetch.desk.warn(
            "source_changed" if changed else "restarted", f"{why}; {wasted:,} bytes are fetched again"
        )
        self._mark = 0
        for origin in self._fetch.origins:
            origin.version = None
        if changed and siblings:
            self._fetch.growth.refused(1)

    def _unusable(self, stream: Stream, error: Unusable) -> None:
        """Carry on with the streams that work; else the origin is asked in its next way."""
        self._detours += 1
        if self._fetch.streams:
            self._fetch.growth.refused(len(self._fetch.streams))
        elif self._detours > DETOURS:
            self._give_up(stream, BadResponse(str(error), code="bad_range"))

    def _spare_failed(self, stream: Stream) -> None:
        """Others are at work there: a connection that brought nothing was one too many for the server."""
        if not stream.received:
            self._fetch.growth.refused(len(self._fetch.streams))

    def _progressed(self) -> bool:
        """Tell whether enough has come since the last time to go on at once, rather than let the scheduler wait."""
        gained = self._holding.ranges.received - self._mark
        self._mark = self._holding.ranges.received
        self._trickles = 0 if gained >= TRICKLE_BYTES else self._trickles + 1
        return gained > 0 and self._trickles <= TRICKLES

    def _give_up(self, stream: Stream, error: TransferError) -> None:
        """This place has failed; the attempt has if it was the last."""
        stream.origin.failed = True
        if any(not origin.failed for origin in self._fetch.origins):
            self._fetch.desk.warn("mirror_failed", f"{stream.origin.host}: {error}")
        else:
            self.final = error
