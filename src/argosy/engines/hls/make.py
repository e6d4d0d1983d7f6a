"""From the recording to the file: what is in the part is put into a container beside it, and from there into the part.

    whole ──mux──► made file in the workshop ──► copy ──copied──► done

Each arrow may be cut anywhere. Until the made file is whole and durable the recording is untouched; from then on it is
the made file that is copied, from its beginning if need be.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Final

from argosy.core.ranges import RangeMap
from argosy.core.types import FileState
from argosy.destinations.ledger import Ledger
from argosy.engines.hls.frames import Reel, stretches
from argosy.engines.hls.memo import Memo, Stage, parse
from argosy.engines.hls.mux import CONTAINERS, NotMuxed, Stopped, can_mux, mux
from argosy.engines.hls.recording import at_stage
from argosy.engines.port import Desk, Part
from argosy.engines.roll import Roll
from argosy.errors import BadResponse, DiskFull, LocalError, UsageError

COPIED_BYTES: Final = 4 * 1024 * 1024
MADE: Final = "made"
FALLBACK: Final = ".mkv"
"""Of several tracks that do not go into what was wanted: it takes nearly everything."""


class Make:
    """Makes the file of one roll. ``run`` once."""

    def __init__(self, roll: Roll, part: Part, tracks: int, desk: Desk) -> None:
        self._roll = roll
        self._part = part
        self._tracks = tracks
        self._desk = desk
        self._made = None if part.workshop is None else Path(part.workshop, MADE)

    async def run(self) -> FileState:
        """Return the state of the finished file. Raises what kept it from being made; the recording is kept then."""
        memo = parse(self._roll.state.memo) or Memo()
        container = CONTAINERS.get(PurePosixPath(self._roll.state.path or "").suffix.lower(), "mp4")
        if memo.stage is Stage.WHOLE:
            ending = await self._muxed(container)
            if ending is None:
                return await self._as_it_is(memo)
            memo = replace(memo, ending=ending)
            at_stage(self._roll, memo, Stage.COPY, 0)
            blank = self._roll.state.having(extents=(), received=0, block_hashes=b"", part_mtime_ns=None)
            await self._desk.record(blank)
        return await self._copied(memo)

    async def _as_it_is(self, memo: Memo) -> FileState:
        """The recording is the file, under a name that says so."""
        self._rename(".ts")
        at_stage(self._roll, memo, Stage.DONE, self._roll.received)
        await cleared(self._part)
        return await self._roll.finish()

    def _rename(self, ending: str) -> None:
        path = PurePosixPath(self._roll.state.path or "")
        self._roll.state = self._roll.state.having(path=str(path.with_suffix(ending)))

    # -- muxing ------------------------------------------------------------------------------------

    async def _muxed(self, container: str) -> str | None:
        """Return the ending that the file is to have instead of its own (empty: none), once it is durable in the workshop;
        None if the one track cannot be put into a container here.
        """
        if self._made is None:
            raise LocalError("a stream needs a folder on this machine to be put together in", code="no_workshop")
        if not can_mux():
            if self._tracks > 1:
                raise UsageError(
                    "picture and sound are joined by PyAV", hint="pip install 'argosy[media]'", code="missing_extra"
                )
            return None
        try:
            await self._in_a_thread(container)
        except NotMuxed as error:
            if self._tracks == 1:
                self._desk.warn("not_remuxed", f"the stream stays as it came: {error}")
                return None
            return await self._otherwise(error)
        return ""

    async def _otherwise(self, error: NotMuxed) -> str:
        """Put several tracks into what takes nearly everything."""
        try:
            await self._in_a_thread(CONTAINERS[FALLBACK])
        except NotMuxed:
            raise BadResponse(
                f"picture and sound cannot be joined: {error}",
                hint="--no-join brings them as files of their own", code="not_joined",
            ) from error  # fmt: skip
        self._desk.warn(
            "not_remuxed", f"the stream does not go into that container ({error}); it becomes a Matroska file"
        )
        return FALLBACK

    async def _in_a_thread(self, container: str) -> None:
        assert self._made is not None
        stop = Event()
        release = self._desk.cancel.subscribe(stop.set)
        working = asyncio.ensure_future(asyncio.to_thread(self._mux, self._made, container, stop))
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([working])  # it reads the part, which is about to be closed
            working.exception()
            raise
        except Stopped:
            self._desk.cancel.check()
            raise
        except OSError as error:
            kind = DiskFull if error.errno == 28 else LocalError
            raise kind(f"the stream cannot be put together: {error.strerror}", hint="nothing is lost") from error
        finally:
            release()

    def _mux(self, made: Path, container: str, stop: Event) -> None:
        draft = made.with_name(f"{MADE}.new")
        made.parent.mkdir(mode=0o700, exist_ok=True)
        if made.parent.is_symlink():
            raise OSError(0, f"{made.parent} is a symbolic link")
        reels = [Reel(self._part, each) for each in stretches(self._part, self._roll.received, self._tracks)]
        mux(_filled(reels), draft, container, stop)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(made)
        folder = os.open(made.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    # -- copying -----------------------------------------------------------------------------------

    async def _copied(self, memo: Memo) -> FileState:
        """Return the state once every byte of the made file is in the part, and the workshop is gone."""
        made = self._made
        if made is None or not made.is_file():
            raise LocalError(
                "what the stream was made into is gone", hint="cancel the task and add it again", code="gone"
            )
        size = made.stat().st_size
        ledger = Ledger(self._part, RangeMap(size))
        ledger.restart(size)
        piece = ledger.ranges.take()
        with made.open("rb") as file:
            while piece is not None and (data := await asyncio.to_thread(file.read, COPIED_BYTES)):
                if not ledger.ranges.received:
                    ledger.begin(piece)
                ledger.write(piece, [data], len(data))
                self._desk.cancel.check()
        snapshot = ledger.snapshot()
        await self._part.flush()
        if memo.ending:
            self._rename(memo.ending)
        at_stage(self._roll, memo, Stage.DONE, size)
        state = snapshot.onto(self._roll.state, self._part.mtime_ns).having(size=size)
        await self._desk.record(state)
        self._desk.report(state.index, size, size, 0)
        await cleared(self._part)
        return state


async def cleared(part: Part) -> None:
    """Nothing is left of the workshop."""
    if part.workshop is not None:
        await asyncio.to_thread(shutil.rmtree, part.workshop, ignore_errors=True)


def _filled(reels: Sequence[Reel]) -> list[Reel]:
    """Leave out tracks of which nothing came."""
    found = []
    for reel in reels:
        if reel.read(1):
            found.append(reel)
        reel.seek(0)
    return found
