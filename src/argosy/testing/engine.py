"""An engine that follows a script: what comes, how fast, and what goes wrong, without any network."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from xxhash import xxh3_64_digest

from argosy.core.types import FileState, FileStatus, TransferOptions
from argosy.destinations.port import Facts
from argosy.engines.port import Desk
from argosy.errors import ArgosyError

PIECE = 64 * 1024
BLOCK = 64 * 1024
"""Bytes per block hash."""


@dataclass(frozen=True, slots=True)
class Play:
    """What one call of :meth:`ScriptedEngine.fetch` does.

    ``pause_s`` comes before each ``piece``; ``error`` is raised once ``fail_at`` bytes are durable; ``hold`` keeps the
    call waiting after the first piece until it is set or the task is told to stop. A ``deaf`` call heeds no token.
    """

    content: bytes = b"argosy"
    piece: int = PIECE
    pause_s: float = 0.0
    fail_at: int | None = None
    error: ArgosyError | None = None
    hold: threading.Event | None = None
    deaf: bool = False
    facts: Mapping[str, object] | None = None
    """More of the :class:`~argosy.destinations.port.Facts`, such as ``etag`` or ``digests``."""


Script = Callable[[str, int], Play]
"""``(url, how many calls for it came before) -> Play``."""


def _always(play: Play) -> Script:
    return lambda *_: play


class ScriptedEngine:
    """Accepts every URL. ``calls`` and ``most_at_once`` may be read from any thread."""

    name = "scripted"

    def __init__(self, script: Script | Play | None = None) -> None:
        self._script: Script = script if callable(script) else _always(script or Play())
        self._seen: Counter[str] = Counter()
        self.calls: list[tuple[str, int]] = []
        """URL and how many bytes were there already, for each call."""
        self.running: Counter[str] = Counter()
        self.most_at_once = 0
        self.overlaps: list[str] = []
        """URLs fetched twice at the same time, which must never be."""
        self.current = True
        """What :meth:`unchanged` answers."""
        self.closed = False

    def accepts(self, url: str) -> bool:
        return True

    async def unchanged(self, state: FileState, options: TransferOptions) -> bool:
        return self.current

    async def close(self) -> None:
        self.closed = True

    async def fetch(self, state: FileState, options: TransferOptions, desk: Desk) -> FileState:
        url = state.urls[0]
        play = self._script(url, self._seen[url])
        self._seen[url] += 1
        self.calls.append((url, state.received))
        self.running[url] += 1
        if self.running[url] > 1:
            self.overlaps.append(url)
        self.most_at_once = max(self.most_at_once, sum(self.running.values()))
        try:
            return await self._perform(play, state, desk)
        finally:
            self.running[url] -= 1
            if not self.running[url]:
                del self.running[url]

    async def _perform(self, play: Play, state: FileState, desk: Desk) -> FileState:
        content = play.content
        facts = Facts(state.urls[0], size=len(content), resumable=True)
        if play.facts:
            facts = replace(facts, **play.facts)  # type: ignore[arg-type]
        part, state = desk.place(state, facts)
        at = state.extents[0][1] if state.extents and state.extents[0][0] == 0 else 0
        state = replace(state, size=len(content), etag=facts.etag, last_modified=facts.last_modified)
        while True:
            if play.fail_at is not None and at >= play.fail_at and play.error is not None:
                raise play.error
            if at >= len(content):
                break
            if not play.deaf:
                desk.cancel.check()
            await self._pause(play, desk)
            piece = content[at : at + play.piece]
            part.write(at, [piece])
            at += len(piece)
            await part.flush()
            state = replace(
                state, status=FileStatus.RUNNING, extents=((0, at),), received=at, part_mtime_ns=part.mtime_ns,
                block_size=BLOCK, block_hashes=_hashes(content[:at]),
            )  # fmt: skip
            desk.report(state.index, at, len(content), 1)
            await desk.checkpoint(state)
            await self._hold(play, desk)
        return state

    async def _pause(self, play: Play, desk: Desk) -> None:
        if not play.pause_s:
            return
        if play.deaf:
            await asyncio.sleep(play.pause_s)
            return
        try:
            await asyncio.wait_for(desk.cancel.wait(), play.pause_s)
        except TimeoutError:
            return
        desk.cancel.check()

    async def _hold(self, play: Play, desk: Desk) -> None:
        while play.hold is not None and not play.hold.is_set():
            if not play.deaf:
                desk.cancel.check()
            await asyncio.sleep(0.005)


def _hashes(content: bytes) -> bytes:
    return b"".join(xxh3_64_digest(content[start : start + BLOCK]) for start in range(0, len(content), BLOCK))
