"""The same desk for an engine that works for another: what it records is the file as it is kept, not as that engine saw it."""

from __future__ import annotations

from collections.abc import Callable

from argosy.core.types import FileState
from argosy.destinations.port import Facts, Part
from argosy.engines.port import Desk, Segment, Throttle, segments_of


class Veil:
    """Implements :class:`argosy.engines.port.Desk` on another one; the file's kept URLs stand in what that one sees."""

    def __init__(self, desk: Desk, kept: FileState, memo: str | None = None) -> None:
        self._desk = desk
        self._kept = kept
        self._memo = memo
        self.cancel = desk.cancel
        self.throttle: Throttle = desk.throttle
        self.hosts = desk.hosts
        self.segment: Callable[[Segment], None] | None = segments_of(desk)

    def dressed(self, state: FileState) -> FileState:
        """Return the state as it is kept."""
        return state.having(urls=self._kept.urls, memo=self._memo or state.memo)

    def place(self, state: FileState, facts: Facts) -> tuple[Part, FileState]:
        part, placed = self._desk.place(self.dressed(state), facts)
        return part, placed.having(urls=state.urls)

    def report(self, state_index: int, received: int, total: int | None, connections: int) -> None:
        self._desk.report(state_index, received, total, connections)

    async def checkpoint(self, state: FileState) -> None:
        await self._desk.checkpoint(self.dressed(state))

    async def record(self, state: FileState) -> None:
        await self._desk.record(self.dressed(state))

    def warn(self, code: str, message: str) -> None:
        self._desk.warn(code, message)


class Free:
    """A limit on nothing."""

    limited = False

    def admit(self, size: int) -> float:  # noqa: ARG002 - the port's
        return 0.0


class Quiet(Veil):
    """For bytes that have been counted when they came, and are only moved now."""

    def __init__(self, desk: Desk, kept: FileState) -> None:
        super().__init__(desk, kept)
        self.throttle = Free()
        self.part: Part | None = None

    def place(self, state: FileState, facts: Facts) -> tuple[Part, FileState]:
        self.part, placed = super().place(state, facts)
        return self.part, placed

    def report(self, state_index: int, received: int, total: int | None, connections: int) -> None:
        """Nothing new has come."""
