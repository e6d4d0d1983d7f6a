"""What every engine must do, as tests: subclass :class:`EngineContract`, say how to make an engine and what it can fetch.

::

    class TestMyEngine(EngineContract):
        @pytest.fixture
        async def subject(self):
            engine = MyEngine()
            yield Subject(engine, "https://…", content)
            await engine.close()
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from argosy.core.lifecycle import Stop
from argosy.core.limits import Limits
from argosy.core.types import FileState, TransferOptions
from argosy.destinations.flusher import Flusher
from argosy.destinations.local import LocalDestination
from argosy.destinations.port import Facts, Part
from argosy.engines.port import Cancelled, CancelToken, Engine, HostGate, Throttle
from argosy.runtime.clock import SystemClock
from argosy.runtime.gate import Gate
from argosy.runtime.gauge import Gauge
from argosy.runtime.throttle import Throttles

OPTIONS = TransferOptions()


@dataclass
class Subject:
    """An engine and something it can fetch; ``content`` is best some hundred KiB."""

    engine: Engine
    url: str
    content: bytes
    options: TransferOptions = OPTIONS


@dataclass
class RecordingDesk:
    """Implements :class:`argosy.engines.port.Desk` on a real folder, and remembers what it was told."""

    destination: LocalDestination
    options: TransferOptions
    cancel: CancelToken = field(default_factory=CancelToken)
    states: list[FileState] = field(default_factory=list)
    reports: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    stop_after: int | None = None
    """Set the token once so many bytes are reported or recorded."""
    limit_bps: int | None = None

    def __post_init__(self) -> None:
        gauge = Gauge("contract", 1, received=0, total=None, deadline_s=0.0)
        self.throttle: Throttle = Throttles(Limits(), SystemClock()).share("", self.limit_bps, gauge)
        self.hosts: HostGate = Gate(64)

    def place(self, state: FileState, facts: Facts) -> tuple[Part, FileState]:
        part, placed = self.destination.place(state, facts, options=self.options, fence=1, alive=lambda: True)
        self.parts.append(part)
        return part, placed

    def report(self, state_index: int, received: int, total: int | None, connections: int) -> None:
        self.reports.append(received)
        self._stop_if_far_enough(received)

    async def checkpoint(self, state: FileState) -> None:
        self.states.append(state)
        self._stop_if_far_enough(state.received)

    async def record(self, state: FileState) -> None:
        await self.checkpoint(state)

    def warn(self, code: str, message: str) -> None:
        self.warnings.append(code)

    def _stop_if_far_enough(self, received: int) -> None:
        if self.stop_after is not None and received >= self.stop_after:
            self.cancel.set(Stop.PAUSE)

    def close(self) -> None:
        for part in self.parts:
            part.close()


class EngineContract:
    """The promises of :class:`argosy.engines.port.Engine`."""

    @pytest.fixture
    async def destination(self, tmp_path: Path) -> AsyncIterator[LocalDestination]:
        executor = ThreadPoolExecutor(2)
        yield LocalDestination(str(tmp_path / "contract"), flusher=Flusher(executor), executor=executor)
        executor.shutdown()

    def desk(self, subject: Subject, destination: LocalDestination) -> RecordingDesk:
        return RecordingDesk(destination, subject.options)

    def test_it_accepts_what_it_can_fetch(self, subject: Subject) -> None:
        assert subject.engine.accepts(subject.url)

    async def test_it_brings_every_byte_into_the_part(self, subject: Subject, destination: LocalDestination) -> None:
        desk = self.desk(subject, destination)
        fetched = await subject.engine.fetch(FileState("c" * 32, 0, (subject.url,)), subject.options, desk)
        assert desk.parts[-1].read(0, len(subject.content) + 1) == subject.content
        assert_whole(fetched, subject)
        assert fetched.published is None
        desk.close()

    async def test_told_to_stop_it_lets_go_within_a_second_and_goes_on_later(
        self, subject: Subject, destination: LocalDestination
    ) -> None:
        first = self.desk(subject, destination)
        first.limit_bps, first.stop_after = max(64 * 1024, len(subject.content) // 4), 1
        first.__post_init__()
        loop = asyncio.get_running_loop()
        stopped_at: list[float] = []
        first.cancel.subscribe(lambda: stopped_at.append(loop.time()))
        state = FileState("c" * 32, 0, (subject.url,))
        with pytest.raises(Cancelled):
            await subject.engine.fetch(state, subject.options, first)
        assert loop.time() - stopped_at[0] < 1.0
        first.close()
        second = self.desk(subject, destination)
        left = first.states[-1] if first.states else state
        fetched = await subject.engine.fetch(await destination.adopt(left), subject.options, second)
        assert second.parts[-1].read(0, len(subject.content) + 1) == subject.content
        assert_whole(fetched, subject)
        second.close()

    async def test_a_token_that_is_set_already_is_heeded(self, subject: Subject, destination: LocalDestination) -> None:
        desk = self.desk(subject, destination)
        desk.cancel.set(Stop.CANCEL)
        with pytest.raises(Cancelled):
            await subject.engine.fetch(FileState("c" * 32, 0, (subject.url,)), subject.options, desk)
        desk.close()

    async def test_what_it_records_never_claims_more_than_there_is(
        self, subject: Subject, destination: LocalDestination
    ) -> None:
        desk = self.desk(subject, destination)
        await subject.engine.fetch(FileState("c" * 32, 0, (subject.url,)), subject.options, desk)
        for state in desk.states:
            assert state.received == sum(end - start for start, end in state.extents) <= len(subject.content)
            assert state.part is not None
        desk.close()

    async def test_closing_twice_does_no_harm(self, subject: Subject) -> None:
        await subject.engine.close()
        await subject.engine.close()


def assert_whole(fetched: FileState, subject: Subject) -> None:
    """The state says that every byte is here."""
    size = len(subject.content)
    assert fetched.size == fetched.received == size
    assert fetched.extents == (((0, size),) if size else ())
