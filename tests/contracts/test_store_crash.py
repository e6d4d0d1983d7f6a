"""What a process was told is kept is there after ``kill -9``, whatever the moment."""

from __future__ import annotations

import os
import random
import select
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import apsw

import argosy.errors
from argosy.core.types import Status
from argosy.store.sqlite import SqliteStore

ROUNDS = int(os.environ.get("ARGOSY_CRASH_ROUNDS", "5"))

PROGRAM = """
import asyncio, os, sys
from dataclasses import replace
from argosy.core.types import Status
from argosy.store.port import Tally
from argosy.store.sqlite import SqliteStore
from argosy.testing.store_contract import claimed, did, full_file, make_task, moved, put

async def one(store, name):
    for serial in range(1_000_000):
        (task,) = await put(store, make_task(id=f"{name}-{serial}"))
        os.write(1, f"{task.id} pending\\n".encode())
        task = await did(store, claimed(task))
        await store.checkpoint(task.lease, Tally(serial, None, 0, 1, 0.0, 1), [full_file(task)])
        os.write(1, f"{task.id} scheduled {serial}\\n".encode())
        await did(store, moved(task, Status.RUNNING), moved(task, Status.COMPLETED))
        os.write(1, f"{task.id} completed {serial}\\n".encode())

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    await asyncio.gather(*(one(store, f"{sys.argv[2]}-{name}") for name in range(16)))

asyncio.run(main())
"""
ORDER = [Status.PENDING, Status.SCHEDULED, Status.RUNNING, Status.COMPLETED]


def acknowledged_before_kill(path: Path, name: str, after_s: float) -> dict[str, tuple[Status, int]]:
    """Run a process for some time from its first answer on, kill it and return the last it was told of each task."""
    environment = os.environ | {"PYTHONPATH": str(Path(argosy.errors.__file__).parents[1])}
    command = [sys.executable, "-c", PROGRAM, str(path), name]
    told = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        told += os.read(process.stdout.fileno(), 1 << 16)
        end = time.monotonic() + after_s
        while (left := end - time.monotonic()) > 0:
            if select.select([process.stdout], [], [], left)[0]:
                told += os.read(process.stdout.fileno(), 1 << 16)
        process.kill()
        told += process.stdout.read()
    known: dict[str, tuple[Status, int]] = {}
    for line in told.decode().splitlines():
        task_id, status, *received = line.split()
        known[task_id] = (Status(status), int(received[0]) if received else 0)
    return known


async def test_nothing_acknowledged_is_lost_by_a_kill_at_a_random_moment(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    chance = random.Random(20261123)
    known: dict[str, tuple[Status, int]] = {}
    for number in range(ROUNDS):
        known |= acknowledged_before_kill(path, str(number), chance.uniform(0.0, 0.4))
        store = SqliteStore(path)
        await store.open()
        found = await store.get(list(known))
        assert known.keys() == found.keys()
        for task_id, (status, received) in known.items():
            assert ORDER.index(found[task_id].status) >= ORDER.index(status)
            assert found[task_id].received >= received
        logged = [recorded.seq for recorded in await store.events(limit=10**6)]
        assert logged == list(range(1, len(logged) + 1))
        await store.close()
    with closing(apsw.Connection(str(path))) as db:
        assert db.pragma("integrity_check") == "ok"
    assert len(known) > ROUNDS


async def test_after_a_kill_the_log_is_read_even_without_its_index(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    known = acknowledged_before_kill(path, "0", 0.1)
    assert (tmp_path / "queue.db-wal").stat().st_size > 0
    (tmp_path / "queue.db-shm").unlink()
    store = SqliteStore(path)
    await store.open()
    assert (await store.get(list(known))).keys() == known.keys()
    await store.close()
