"""What an engine must do, and what it is given to do it with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from argosy.core.lifecycle import Stop
from argosy.core.types import FileState, TransferOptions
from argosy.destinations.port import AlreadyThere, Facts, Part
from argosy.errors import ArgosyError

__all__ = [
    "AlreadyThere",
    "Begun",
    "Bulk",
    "CancelToken",
    "Cancelled",
    "Desk",
    "Engine",
    "Facts",
    "HostGate",
    "Part",
    "Segment",
    "Throttle",
    "Tray",
]


class Cancelled(ArgosyError):
    """The engine let go because its token said so; everything received so far is durable and recorded."""

    code = "cancelled"


class CancelToken:
    """Says once that the work should stop, and how. Lives on the transfer loop; not thread-safe."""

    __slots__ = ("_callbacks", "stop")

    def __init__(self) -> None:
        self.stop: Stop | None = None
        self._callbacks: list[Callable[[], None]] = []

    def set(self, stop: Stop) -> None:
        """Ask for a stop; a cancel overrides a pause, a repeat does nothing."""
        first = self.stop is None
        if first or stop is Stop.CANCEL:
            self.stop = stop
        if first:
            for callback in tuple(self._callbacks):
                callback()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` when the token is set (at once if it is); the result takes that back."""
        if self.stop is not None:
            callback()
            return lambda: None
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    async def wait(self) -> Stop:
        """Return once the token is set."""
        event = asyncio.Event()
        release = self.subscribe(event.set)
        try:
            await event.wait()
        finally:
            release()
        assert self.stop is not None
        return self.stop

    def check(self) -> None:
        """Raise :class:`Cancelled` if the token is set."""
        if self.stop is not None:
            raise Cancelled(f"stopped: {self.stop}")


class Throttle(Protocol):
    """The task's share of the bandwidth; the bucket chain is global, host, task."""

    def admit(self, size: int) -> float:
        """Account for ``size`` bytes that have arrived and return how many seconds to wait before taking more."""
        ...

    @property
    def limited(self) -> bool:
        """Whether any bucket in the chain has a rate at all just now."""
        ...


class HostGate(Protocol):
    """Connections in use per host, over all tasks; single-threaded on the transfer loop."""

    def try_acquire(self, host: str, *, spare: bool = False) -> bool:
        """Tell whether a connection to ``host`` may be opened at once. ``spare``: one that is given up when others wait."""

    async def acquire(self, host: str) -> None:
        """Return once a connection to ``host`` may be opened; waits in order."""

    def release(self, host: str, *, spare: bool = False) -> None: ...

    def crowded(self, host: str) -> bool:
        """Tell whether somebody waits for the host: time to give up the spare ones."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One connection's work on a file: from where in it, how many bytes, from whom, and when (epoch seconds)."""

    start: int
    received: int
    host: str
    began: float
    ended: float
    error: str = ""
    """A code, empty if all went well."""


def segments_of(desk: Desk) -> Callable[[Segment], None] | None:
    """Return who wants to hear of each segment once it has ended, None if nobody does: then none need be made."""
    return getattr(desk, "segment", None)


class Begun(Protocol):
    """A request for a file that is under way already: who fetches the file goes on with it."""

    def drop(self) -> None:
        """End it, unless somebody goes on with it."""


def begun_of(desk: Desk) -> Begun | None:
    """Return the request for the desk's file that is under way already, if there is one."""
    return getattr(desk, "begun", None)


class Tray(Protocol):
    """What the runtime lends to an engine that brings small files by the hundred (:class:`Bulk`)."""

    cancel: CancelToken
    throttle: Throttle
    hosts: HostGate

    def take(self) -> FileState | None:
        """Return the next file to be brought, None if there is none left."""

    def is_plain(self, state: FileState) -> bool:
        """Tell whether all that the runtime needs of the file is its bytes."""
        ...

    def bring(self, state: FileState, facts: Facts, body: bytes) -> bool:
        """Take the whole file, as an answer has brought it. False: it must be fetched as any other."""
        ...

    async def otherwise(self, state: FileState, begun: Begun | None = None) -> None:
        """Bring the file as any other, going on with the request that is under way. Raises what concerns all files."""

    def report(self, connections: int) -> None:
        """Tell how many requests are under way, now and then."""


class Desk(Protocol):
    """What the runtime lends to an engine for one file."""

    cancel: CancelToken
    throttle: Throttle
    hosts: HostGate

    def place(self, state: FileState, facts: Facts) -> tuple[Part, FileState]:
        """Decide the file's name if it has none, open its part file (the recorded one, or a new one), and return it
        with the state that now names both. Raises UnsafePath, LocalError, DiskFull, AlreadyThere.

        A recorded part that is gone, or that another living process may still write, yields a new empty part; the
        state returned then has no extents.
        """
        ...

    def report(self, state_index: int, received: int, total: int | None, connections: int) -> None:
        """Tell the file's counters, about every 200 ms; costs next to nothing."""

    async def checkpoint(self, state: FileState) -> None:
        """Record ``state``, whose extents must be durable already. Raises Fenced when the lease is gone."""

    async def record(self, state: FileState) -> None:
        """Do the same, and return once the record is durable."""

    def warn(self, code: str, message: str) -> None:
        """Tell people something they may want to know; ``code`` is stable, such as ``restarted`` or ``source_changed``."""


def is_guarded(engine: Engine) -> bool:
    """Tell whether the engine says of itself (``guarded = True``) that it reaches no address which a task must not
    reach (``TransferOptions.public_only``). Only such engines work for others than the machine's owner.
    """
    return getattr(engine, "guarded", False) is True


class Engine(Protocol):
    """Moves files of the URLs it accepts."""

    name: str

    def accepts(self, url: str) -> bool: ...

    async def fetch(self, state: FileState, options: TransferOptions, desk: Desk) -> FileState:
        """Bring all bytes of the file into its part and return its state: every byte durable, ``size`` known,
        ``extents`` = the whole file, not yet verified against a checksum and not published.

        Goes on from ``state`` where the bytes are provably the same, else starts again and says so. Raises
        :class:`Cancelled` within a second of the token being set, after a last checkpoint; any other
        :class:`~argosy.errors.ArgosyError` after a last checkpoint of what is worth keeping. Retries on its own
        only where the server makes progress.
        """
        ...

    async def close(self) -> None:
        """Release everything; nothing of the engine runs afterwards."""


@runtime_checkable
class Bulk(Engine, Protocol):
    """An engine for which a small file is one request, and nothing needs to be set up for it."""

    async def fetch_bulk(self, tray: Tray, options: TransferOptions, width: int) -> None:
        """Bring files as long as the tray has any, ``width`` at a time. Raises what the tray raises;
        once the token is set it takes no more, and returns.
        """
