"""What happens on a disk of 8 MB, a read-only or broken one, or in a folder of somebody else's.

usage: small_disk.py CASE FOLDER; prints one JSON object. The disk is there already.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from argosy.core.ranges import RangeMap
from argosy.core.types import FileState, TransferOptions
from argosy.destinations.flusher import Flusher
from argosy.destinations.ledger import Ledger
from argosy.destinations.local import LocalDestination
from argosy.destinations.part import FilePart
from argosy.destinations.port import Facts, Part
from argosy.engines import port
from argosy.engines.curl import CurlEngine
from argosy.errors import ArgosyError
from argosy.testing.faults import Throttle
from argosy.testing.server import FaultyServer

DATA = os.urandom(4 * 1024 * 1024)
NOBODY = 65534
Told = dict[str, object]


def told(error: ArgosyError) -> Told:
    return {"kind": type(error).__name__, "code": error.detail_code, "message": error.message, "hint": error.hint}


def fresh(size: int | None = None) -> FileState:
    return FileState("0" * 32, 0, ("http://host/file.bin",), path="file.bin", size=size)


def place(there: LocalDestination, state: FileState, fence: int = 1) -> tuple[FilePart, FileState]:
    facts = Facts(state.urls[0], state.size)
    part, state = there.place(state, facts, options=TransferOptions(), fence=fence, alive=lambda: True)
    assert isinstance(part, FilePart)
    return part, state


def fill(part: FilePart, state: FileState) -> tuple[Ledger, ArgosyError | None]:
    """Write on from where the state is until all is here or the disk has had enough."""
    ranges = RangeMap(len(DATA), state.extents)
    ledger = Ledger(part, ranges, state.block_hashes, state.block_size if state.extents else 0)
    piece = ranges.take()
    assert piece is not None
    ledger.begin(piece)
    try:
        while not piece.complete:
            chunk = DATA[piece.position : piece.position + 50_000]
            ledger.write(piece, [chunk], len(chunk))
    except ArgosyError as error:
        return ledger, error
    return ledger, None


async def publish(there: LocalDestination, state: FileState) -> FileState:
    done = await there.publish(await there.choose(state, TransferOptions()), TransferOptions())
    assert done is not None
    return done


async def full_while_writing(there: LocalDestination, folder: Path) -> Told:
    """The disk fills up meanwhile, is emptied, and the download goes on where it stopped."""
    part, state = place(there, fresh(len(DATA)))
    part.reserve(len(DATA))
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(5 * 1024 * 1024))
    ledger, error = fill(part, state)
    assert error is not None
    await part.flush()
    state = ledger.snapshot().onto(state, part.mtime_ns)
    part.close()
    ballast.unlink()
    adopted = await there.adopt(state)
    part, state = place(there, adopted, fence=2)
    ledger, again = fill(part, state)
    await part.flush()
    state = ledger.snapshot().onto(state, part.mtime_ns)
    part.close()
    await publish(there, state)
    whole = (folder / "file.bin").read_bytes() == DATA
    return {**told(error), "kept": adopted.received, "again": again is not None, "whole": whole}


class Open:
    """No limits: throttle and gate of the desk below."""

    limited = False

    def admit(self, size: int) -> float:
        return 0.0

    def try_acquire(self, host: str, *, spare: bool = False) -> bool:
        return True

    async def acquire(self, host: str) -> None:
        return

    def release(self, host: str, *, spare: bool = False) -> None:
        return

    def crowded(self, host: str) -> bool:
        return False


class Desk:
    """Remembers what it was told to record."""

    def __init__(self, there: LocalDestination, fence: int) -> None:
        self.cancel = port.CancelToken()
        self.throttle: port.Throttle = Open()
        self.hosts: port.HostGate = Open()
        self.recorded: list[FileState] = []
        self.parts: list[Part] = []
        self._there = there
        self._fence = fence

    def place(self, state: FileState, facts: Facts) -> tuple[Part, FileState]:
        options = TransferOptions()
        part, state = self._there.place(state, facts, options=options, fence=self._fence, alive=lambda: True)
        self.parts.append(part)
        return part, state

    def report(self, state_index: int, received: int, total: int | None, connections: int) -> None:
        return

    async def checkpoint(self, state: FileState) -> None:
        self.recorded.append(state)

    async def record(self, state: FileState) -> None:
        await self.checkpoint(state)

    def warn(self, code: str, message: str) -> None:
        return


async def download(there: LocalDestination, state: FileState, fence: int) -> tuple[FileState, ArgosyError | None]:
    """Return what is recorded of the file after one attempt at it, and why that ended."""
    engine, desk = CurlEngine(), Desk(there, fence)
    try:
        return await engine.fetch(state, TransferOptions(connections=4), desk), None
    except ArgosyError as error:
        return desk.recorded[-1] if desk.recorded else state, error
    finally:
        for part in desk.parts:
            part.close()
        await engine.close()


async def full_while_downloading(there: LocalDestination, folder: Path) -> Told:
    """Somebody else fills the disk while a download goes on, and empties it later."""
    with FaultyServer() as server:
        url = server.add("/file.bin", DATA, faults=[Throttle(2_000_000)])
        fetching = asyncio.create_task(download(there, replace(fresh(), urls=(url,)), 1))
        while server.bytes_sent() < 1_000_000 and not fetching.done():
            await asyncio.sleep(0.01)
        ballast = folder / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as taking:
            while taking.write(bytes(65536)):
                pass
        state, error = await fetching
        assert error is not None
        ballast.unlink()
        server.set_faults("/file.bin")
        adopted = await there.adopt(state)
        state, again = await download(there, adopted, 2)
        assert again is None, again
        await publish(there, state)
        whole = (folder / "file.bin").read_bytes() == DATA
        return {**told(error), "kept": adopted.received, "twice": server.bytes_sent() - len(DATA), "whole": whole}


async def broken_while_downloading(there: LocalDestination, folder: Path) -> Told:
    """Run under a tracer that lets one flush fail: nothing that came since the last good one is recorded."""
    with FaultyServer() as server:
        url = server.add("/file.bin", DATA, faults=[Throttle(4_000_000)])
        state, error = await download(there, replace(fresh(), urls=(url,)), 1)
        assert error is not None
        return {**told(error), "recorded": state.received}


async def full_before(there: LocalDestination, folder: Path) -> Told:
    """A length that does not fit is refused at once, one that fits is not."""
    part, _ = place(there, fresh())
    part.reserve(len(DATA))
    try:
        part.reserve(20 * 1024 * 1024)
    except ArgosyError as error:
        return told(error)
    return {}


async def full_while_copying(there: LocalDestination, folder: Path) -> Told:
    """A part that somebody else holds cannot be copied for want of space: that is no reason to lose it."""
    part, state = place(there, fresh(len(DATA)))
    ledger, _ = fill(part, state)
    await part.flush()
    state = ledger.snapshot().onto(state, part.mtime_ns)
    (folder / "ballast").write_bytes(bytes(3 * 1024 * 1024))
    try:
        await there.adopt(state)
    except ArgosyError as error:
        return {**told(error), "left": sorted(os.listdir(folder))}
    return {}


async def read_only(there: LocalDestination, folder: Path) -> Told:
    """The file system turns read-only while bytes come; what is here can still be told."""
    part, state = place(there, fresh(len(DATA)))
    ledger, _ = fill(part, state)
    await part.flush()
    state = ledger.snapshot().onto(state, part.mtime_ns)
    part.close()
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    try:
        await publish(there, state)
    except ArgosyError as error:
        return told(error)
    return {}


async def somebody_elses(there: LocalDestination, folder: Path) -> Told:
    (folder / "file.bin").write_bytes(b"theirs")
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    try:
        place(there, fresh())
    except ArgosyError as error:
        return told(error)
    return {}


async def foreign_above(there: LocalDestination, folder: Path) -> Told:
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    try:
        place(LocalDestination(str(folder / "mine"), flusher=there._flusher, executor=there._executor), fresh())
    except ArgosyError as error:
        return told(error)
    return {}


async def failing_flush(there: LocalDestination, folder: Path) -> Told:
    """Run under a tracer that lets the first fdatasync fail: the next ones "succeed", and nothing is believed."""
    part, state = place(there, fresh(len(DATA)))
    fill(part, state)
    codes = []
    for _ in range(3):
        try:
            await part.flush()
            codes.append("durable")
        except ArgosyError as error:
            codes.append(error.detail_code)
    return {"codes": codes}


async def main(case: str, folder: Path) -> None:
    with ThreadPoolExecutor(2) as executor:
        there = LocalDestination(str(folder), flusher=Flusher(executor), executor=executor)
        print(json.dumps(await CASES[case](there, folder)))


CASES = {
    case.__name__: case
    for case in (
        full_while_writing, full_while_downloading, broken_while_downloading, full_before, full_while_copying, read_only, somebody_elses, foreign_above, failing_flush,
    )
}  # fmt: skip

if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(main(sys.argv[1], Path(sys.argv[2])), 50))  # nobody is left to end it later
