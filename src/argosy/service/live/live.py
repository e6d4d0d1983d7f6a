"""The live part of a service: started before the first request, stopped before the runtime."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Self

from argosy.errors import ArgosyError
from argosy.runtime.clock import Clock
from argosy.runtime.manager import Runtime
from argosy.service.live.feed import Feed
from argosy.service.live.filter import Filter
from argosy.service.live.frame import Closing
from argosy.service.live.mailbox import Mailbox
from argosy.service.live.press import Press
from argosy.service.live.snapshot import Snapshots, View

log = logging.getLogger(__name__)

HEARTBEAT_S: Final = 15.0
STALL_S: Final = 30.0
"""Who takes nothing for so long is given up."""
LINES: Final = 4096
"""Clients at once."""
GOODBYE_S: Final = 3.0
STOPPING: Final = Closing("stopping", "the service stops; come back in a moment", retryable=True)
EXPIRED: Final = "the log does not reach back to where you were; a snapshot follows"


class Full(ArgosyError):
    """There are as many live clients as there may be."""

    code = "too_many"
    retryable = True


@dataclass(eq=False, slots=True)
class Line:
    """One connected client. ``bell`` is rung when there may be something to tell it, or when it has to go."""

    kind: str
    """``websocket``, ``sse``, or ``wait`` for a request that is answered once something has happened."""
    bell: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Begun:
    """A mailbox, the tasks as they were where it begins, if asked for, and why that is not where the client wanted."""

    mailbox: Mailbox
    view: View | None = None
    reset: str | None = None


class Live:
    """An async context manager. The counters are read by whoever likes to."""

    def __init__(
        self, runtime: Runtime, clock: Clock, *, heartbeat_s: float = HEARTBEAT_S, stall_s: float = STALL_S
    ) -> None:
        self.feed = Feed(runtime, clock)
        self._press = Press(self.feed, runtime.store)
        self._snapshots = Snapshots(runtime, self.feed, clock)
        self.heartbeat_s = heartbeat_s
        self.stall_s = stall_s
        self._lines: set[Line] = set()
        self._deserted = asyncio.Event()
        self._deserted.set()
        self._reading: asyncio.Task[None] | None = None
        self.closing: Closing | None = None
        """Set once everybody has to go."""
        self.kinds: Counter[str] = Counter()
        """Clients that are connected, by kind."""
        self.dropped = 0
        """Clients given up because they took nothing."""
        self.resets = 0
        """How often a client had to begin anew because the log did not reach back."""
        self.events = 0
        """Events sent, each counted for each client."""

    def __repr__(self) -> str:
        return f"<Live {self.connections} clients, {self.feed!r}>"

    @property
    def connections(self) -> int:
        return len(self._lines)

    @property
    def lag_s(self) -> float:
        """From the moment of the newest event until it was heard here."""
        return self.feed.lag_s

    async def __aenter__(self) -> Self:
        self.feed.open()
        self._reading = asyncio.create_task(self.feed.run(), name="argosy-live")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.farewell()
        self.feed.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def farewell(self, closing: Closing = STOPPING) -> None:
        """Tell every client that it has to go, and why; they are gone, or have had their time. Idempotent."""
        self.closing = self.closing or closing
        for line in self._lines:
            line.bell.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._deserted.wait()

    @contextmanager
    def connected(self, kind: str) -> Iterator[Line]:
        """Count one client while it is there. Raises Full."""
        self.check_room()
        line = Line(kind)
        self._lines.add(line)
        self._deserted.clear()
        self.kinds[kind] += 1
        try:
            yield line
        finally:
            self._lines.discard(line)
            self.kinds[kind] -= 1
            if not self._lines:
                self._deserted.set()

    def check_room(self) -> None:
        """Raises Full if no further client may come."""
        if len(self._lines) >= LINES:
            raise Full(f"{LINES} live clients are connected", hint="poll, or come back later")

    def attach(self, wanted: Filter, after: int | None = None, bell: asyncio.Event | None = None) -> Mailbox:
        """Return a mailbox that is told what happens from now on, or everything after number ``after`` first."""
        return Mailbox(self.feed, self._press, wanted, after, bell)

    async def begin(
        self,
        wanted: Filter,
        *,
        after: int | None,
        snapshot: bool,
        limit: int,
        bell: asyncio.Event,
        reset: str | None = None,
    ) -> Begun:
        """Return a mailbox that goes on from ``after``; without one, or if the log does not reach back there, a mailbox that
        begins now, and the tasks. ``reset``: why it begins anew, known already. Raises StoreError.
        """
        if after is not None:
            if await self._press.reaches(after):
                return Begun(self.attach(wanted, after, bell))
            reset = self.expired()
        if reset is None and not snapshot:
            return Begun(self.attach(wanted, None, bell))
        view = await self._snapshots.take(wanted, limit)
        return Begun(self.attach(wanted, view.seq, bell), view, reset)

    def expired(self) -> str:
        """Count a client that has to begin anew; return what it is told."""
        self.resets += 1
        return EXPIRED

    def gave_up(self, kind: str) -> None:
        self.dropped += 1
        log.warning("live.client_stalled", extra={"kind": kind, "seconds": self.stall_s})
