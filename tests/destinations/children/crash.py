"""Publishes a file again and again, dying before one system call further each time; tells what recovery made of it.

usage: crash.py FOLDER POLICY(rename|overwrite) LINKS(links|rename|reserve)

Prints one JSON object a death: what was visible afterwards, and what after recovery. The last one did not die.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from argosy.core.ranges import RangeMap
from argosy.core.types import FileState, FileStatus, TransferOptions
from argosy.destinations import landing
from argosy.destinations.flusher import Flusher
from argosy.destinations.ledger import Ledger
from argosy.destinations.local import LocalDestination
from argosy.destinations.part import FilePart
from argosy.destinations.port import Facts

DATA = bytes(range(256)) * 2000
CALLS = ("open", "link", "unlink", "rename", "replace", "utime", "fsync", "write", "ftruncate")
KILLED = 9


def destination(folder: Path, executor: ThreadPoolExecutor) -> LocalDestination:
    return LocalDestination(str(folder), flusher=Flusher(executor), executor=executor)


def receive(folder: Path) -> FileState:
    with ThreadPoolExecutor(1) as executor:
        state = FileState("0" * 32, 0, ("http://host/file.bin",), path="file.bin", size=len(DATA))
        part, state = destination(folder, executor).place(
            state, Facts(state.urls[0]), options=TransferOptions(), fence=1, alive=lambda: True
        )
        assert isinstance(part, FilePart)
        ranges = RangeMap(len(DATA))
        ledger = Ledger(part, ranges)
        piece = ranges.pieces[0]
        ledger.begin(piece)
        ledger.write(piece, [DATA], len(DATA))
        os.fsync(part.fd)
        state = ledger.snapshot().onto(state, part.mtime_ns)
        part.close()
        return state


async def publish(folder: Path, state: FileState, options: TransferOptions, record: Path) -> FileState:
    """As a runtime does: the choice is recorded before it is carried out, the outcome after."""
    with ThreadPoolExecutor(1) as executor:
        there = destination(folder, executor)
        if state.status is FileStatus.PUBLISHING:
            state = await there.recover(state)
        if not state.finished:
            state = await there.adopt(state)
            assert state.received == len(DATA), state
            state = await there.choose(state, options)
            record.write_bytes(pickle.dumps(state))
            done = await there.publish(state, options)
            assert done is not None
            state = done
        record.write_bytes(pickle.dumps(state))
        return state


def deadly(call: Callable[..., Any], countdown: list[int]) -> Callable[..., Any]:
    def counted(*arguments: Any, **named: Any) -> Any:
        if countdown[0] == 0:
            os._exit(KILLED)
        countdown[0] -= 1
        return call(*arguments, **named)

    return counted


def without_links(how: str) -> None:
    def refuse(*_arguments: Any, **_named: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if how != "links":
        os.link = refuse
    if how == "reserve":
        landing._renameat2 = lambda: None  # type: ignore[assignment]


def dies_at(number: int, folder: Path, options: TransferOptions, how: str, record: Path, state: FileState) -> bool:
    """Publish in a child that dies before its call ``number``; tell whether it came that far."""
    child = os.fork()
    if child == 0:
        countdown = [number]
        without_links(how)
        for name in CALLS:
            setattr(os, name, deadly(getattr(os, name), countdown))
        asyncio.run(publish(folder, state, options, record))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


def look(folder: Path) -> dict[str, bool]:
    return {name: (folder / name).read_bytes() == DATA for name in sorted(os.listdir(folder))}


def main(base: Path, policy: str, how: str) -> None:
    options = TransferOptions(if_exists=policy)  # type: ignore[arg-type]
    number, dying = 0, True
    while dying:
        folder, record = base / str(number), base / f"{number}.state"
        folder.mkdir()
        if policy == "overwrite":
            (folder / "file.bin").write_bytes(b"an older version")
        state = receive(folder)
        dying = dies_at(number, folder, options, how, record, state)
        after = look(folder)
        recorded = pickle.loads(record.read_bytes()) if record.exists() else state
        if os.fork() == 0:
            without_links(how)
            asyncio.run(publish(folder, recorded, options, record))
            os._exit(0)
        os.wait()
        final = pickle.loads(record.read_bytes())
        print(json.dumps({"died": dying, "after": after, "recovered": look(folder), "status": final.status}))
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
