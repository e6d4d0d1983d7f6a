"""Attempts at one file, as workers make them one after the other: a real engine, disk and server, a recording desk."""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from argosy.core.checksum import Checksum
from argosy.core.lifecycle import Stop
from argosy.core.types import FileState, TransferOptions
from argosy.destinations.flusher import Flusher
from argosy.destinations.local import LocalDestination
from argosy.destinations.port import Facts, Part
from argosy.engines.curl import CurlEngine
from argosy.engines.port import Cancelled, CancelToken, HostGate, Throttle
from argosy.errors import ArgosyError, IntegrityError
from argosy.testing.faults import Stall
from argosy.testing.server import Body, FaultyServer

PATH = "/file.bin"
TASK = "0123456789abcdef" * 2
OPTIONS = TransferOptions(connections=1, connect_timeout_s=2.0, stall_timeout_s=1.0, if_exists="overwrite")
"""Impatient, so that what never ends is given up within a second or two."""
THREADS = "bench"
LONGEST_ATTEMPT_S = 10.0
STARTS_AGAIN = {"restarted", "source_changed"}
"""The warnings after which fewer bytes may be reported than before."""


class Unlimited:
    limited = False

    def admit(self, size: int) -> float:
        return 0.0


class CountingGate:
    """Lets everybody in and counts who is."""

    def __init__(self) -> None:
        self.inside: Counter[str] = Counter()

    def try_acquire(self, host: str, *, spare: bool = False) -> bool:
        self.inside[host] += 1
        return True

    async def acquire(self, host: str) -> None:
        self.inside[host] += 1

    def release(self, host: str, *, spare: bool = False) -> None:
        self.inside[host] -= 1

    def crowded(self, host: str) -> bool:
        return False


@dataclass
class RecordingDesk:
    """A desk that remembers all it was told, and asks to stop once ``stop_after`` bytes are reported."""

    destination: LocalDestination
    options: TransferOptions
    fence: int
    stop_after: int | None = None
    stop: Stop = Stop.PAUSE
    throttle: Throttle = field(default_factory=Unlimited)
    hosts: HostGate = field(default_factory=CountingGate)
    cancel: CancelToken = field(default_factory=CancelToken)
    checkpoints: list[FileState] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    reports: list[tuple[int, int | None, int]] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    facts: Facts | None = None
    _most: int = 0

    def place(self, state: FileState, facts: Facts) -> tuple[Part, FileState]:
        part, placed = self.destination.place(state, facts, options=self.options, fence=self.fence, alive=lambda: True)
        self.parts.append(part)
        self.facts = facts
        return part, placed

    def report(self, state_index: int, received: int, total: int | None, connections: int) -> None:
        assert received >= self._most, f"progress ran back from {self._most} to {received} without a word"
        assert total is None or received <= total
        self._most = received
        self.reports.append((received, total, connections))
        if self.stop_after is not None and received >= self.stop_after:
            self.cancel.set(self.stop)

    async def checkpoint(self, state: FileState) -> None:
        assert state.received == sum(end - first for first, end in state.extents)
        self.checkpoints.append(state)

    async def record(self, state: FileState) -> None:
        await self.checkpoint(state)

    def warn(self, code: str, message: str) -> None:
        self.warnings.append((code, message))
        if code in STARTS_AGAIN:
            self._most = 0

    @property
    def permits(self) -> Counter[str]:
        """The permits that are held just now, by host."""
        assert isinstance(self.hosts, CountingGate)
        return +self.hosts.inside

    @property
    def hosts_asked(self) -> set[str]:
        assert isinstance(self.hosts, CountingGate)
        return set(self.hosts.inside)

    def close(self) -> None:
        for part in self.parts:
            part.close()


@dataclass(frozen=True)
class Attempt:
    """How one attempt ended: with a ``state`` whose every byte is durable, or with an ``error``."""

    begun_with: FileState
    state: FileState | None
    error: ArgosyError | None
    desk: RecordingDesk
    seconds: float

    @property
    def warnings(self) -> list[str]:
        return [code for code, _ in self.desk.warnings]

    @property
    def code(self) -> str | None:
        return None if self.error is None else self.error.detail_code

    @property
    def connections(self) -> int:
        """The most that were at work at a time."""
        return max((connections for _, _, connections in self.desk.reports), default=0)

    @property
    def kept(self) -> FileState:
        """What the next process finds in the store."""
        if self.state is not None:
            return self.state
        return self.desk.checkpoints[-1] if self.desk.checkpoints else self.begun_with

    @property
    def received(self) -> int:
        return self.kept.received


class Bench:
    """One folder, and the processes that download into it one after the other."""

    def __init__(self, root: Path, *, options: TransferOptions = OPTIONS) -> None:
        self.root = root
        self.options = options
        self._executor = ThreadPoolExecutor(2, thread_name_prefix=THREADS)
        self.engine = CurlEngine()
        self._fence = 0

    async def fetch(
        self,
        *urls: str,
        path: str | None = None,
        size: int | None = None,
        sha256: str | None = None,
        stop_after: int | None = None,
        **changed: object,
    ) -> Attempt:
        """Make a first attempt."""
        checksum = None if sha256 is None else Checksum("sha256", sha256)
        state = FileState(TASK, 0, urls, path=path, size=size, checksum=checksum)
        return await self.attempt(state, stop_after=stop_after, **changed)

    async def resume(self, earlier: Attempt, *, stop_after: int | None = None, **changed: object) -> Attempt:
        """Make another attempt as a new process does, which knows the last checkpoint and what is on the disk."""
        await self.engine.close()
        self.engine = CurlEngine()
        return await self.attempt(await self._destination.adopt(earlier.kept), stop_after=stop_after, **changed)

    async def begin(self, server: FaultyServer, body: Body | bytes, offset: int, **described: Any) -> Attempt:
        """Make a first attempt at ``/file.bin`` that is stopped after exactly ``offset`` bytes.

        The server forgets the fault that made it stop there; its log keeps that one request.
        """
        url = server.add(PATH, body, faults=[Stall(offset)], **described)
        attempt = await self.fetch(url, stop_after=offset)
        assert isinstance(attempt.error, Cancelled)
        assert attempt.received == offset
        server.set_faults(PATH)
        return attempt

    async def attempt(self, state: FileState, **changed: object) -> Attempt:
        desk = self.desk(**changed)
        began = time.monotonic()
        error: ArgosyError | None = None
        done: FileState | None = None
        try:
            done = await self.engine.fetch(state, desk.options, desk)
        except ArgosyError as raised:
            error = raised
        seconds = time.monotonic() - began
        desk.close()
        assert not desk.permits, "a connection's permit was kept"
        assert seconds < LONGEST_ATTEMPT_S
        if done is not None:
            assert done.extents == (((0, done.size),) if done.size else ())
            assert done.received == done.size
        return Attempt(state, done, error, desk, seconds)

    def desk(self, **changed: object) -> RecordingDesk:
        """Return a desk; what is not an option of the transfer is a field of the desk."""
        of_desk = {name: changed.pop(name) for name in ("stop_after", "stop", "throttle") if name in changed}
        options = replace(self.options, **changed)  # type: ignore[arg-type]
        self._fence += 1
        return RecordingDesk(self._destination, options, self._fence, **of_desk)  # type: ignore[arg-type]

    @property
    def _destination(self) -> LocalDestination:
        return LocalDestination(os.fspath(self.root), flusher=Flusher(self._executor), executor=self._executor)

    async def publish(self, attempt: Attempt) -> bytes:
        """Return the bytes of the published file; what has another checksum than it must have is not published."""
        assert attempt.state is not None, attempt.error
        state = attempt.state
        assert state.part is not None
        found = (self.root / state.part).read_bytes()
        if state.checksum is not None and hashlib.sha256(found).hexdigest() != state.checksum.hex:
            raise IntegrityError("another checksum", code="checksum")
        published = await self._destination.publish(await self._destination.choose(state, self.options), self.options)
        assert published is not None
        assert published.published is not None
        return (self.root / published.published).read_bytes()

    def held(self, attempt: Attempt) -> list[tuple[int, bytes]]:
        """Return what the part file has of the bytes that the next process will believe to be there."""
        state = attempt.kept
        if state.part is None:
            return []
        with (self.root / state.part).open("rb") as part:
            return [(first, _read(part.fileno(), first, end)) for first, end in state.extents]

    async def close(self) -> None:
        await self.engine.close()
        self._executor.shutdown()


def _read(fd: int, first: int, end: int) -> bytes:
    return os.pread(fd, end - first, first)


def asked(server: FaultyServer, path: str = PATH) -> list[tuple[str | None, str | None]]:
    """Return Range and If-Range of every request for the path."""
    return [(record.range, record.if_range) for record in server.requests_to(path)]


def is_paused(attempt: Attempt) -> bool:
    return isinstance(attempt.error, Cancelled)


def holds_one_of(versions: Sequence[bytes], held: Sequence[tuple[int, bytes]]) -> bool:
    """Whether all that is held is of one and the same version."""
    return any(all(version[first : first + len(data)] == data for first, data in held) for version in versions)
