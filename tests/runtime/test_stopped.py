"""A process that is stopped (SIGSTOP) while it downloads loses its lease, and writes nothing when it goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from argosy import Runtime, Status
from argosy.core.events import StatusChanged
from argosy.runtime.clock import SystemClock
from argosy.testing.faults import Throttle
from argosy.testing.poll import until
from argosy.testing.server import Body, FaultyServer

BODY = Body.generated(4_000_000, seed=9)
STOPPED_S = 60.0
LONGEST_S = 40.0


class Later(SystemClock):
    """The clock of somebody who comes a minute later, by when every lease of today has ended."""

    def epoch(self) -> float:
        return time.time() + STOPPED_S


def stop_outside_of_a_write(process: subprocess.Popen[str], path: Path) -> None:
    """Stop the process where it does not hold the database, which would keep everybody waiting."""
    while True:
        process.send_signal(signal.SIGSTOP)
        try:
            with closing(apsw.Connection(str(path))) as store:
                store.set_busy_timeout(500)
                store.execute("BEGIN IMMEDIATE; ROLLBACK")
                return
        except apsw.BusyError:
            process.send_signal(signal.SIGCONT)


async def test_who_was_stopped_for_longer_than_its_lease_is_no_second_writer(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", BODY, faults=[Throttle(1_000_000)])
    async with real(work=False) as runtime:
        task = await runtime.add(url)
    stopped = subprocess.Popen(
        [sys.executable, "-m", "argosy", "run"], env={**os.environ, "ARGOSY_HOME": str(real.home)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        await asyncio.to_thread(server.wait_for_bytes, 1_500_000)
        await asyncio.to_thread(stop_outside_of_a_write, stopped, real.home / "argosy.db")
        server.set_faults("/a.bin")
        async with real(clock=Later()) as other:
            finished = await asyncio.wait_for((await other.handle(task.id)).result(), LONGEST_S)
            assert finished.status is Status.COMPLETED
        here = (real.out / "a.bin").stat()
        stopped.send_signal(signal.SIGCONT)
        said, erred = await asyncio.to_thread(stopped.communicate, timeout=LONGEST_S)
    finally:
        stopped.kill()
        stopped.wait()
    assert "Traceback" not in erred
    assert stopped.returncode == 0, (said, erred)
    assert (real.out / "a.bin").read_bytes() == BODY.read()
    assert ((real.out / "a.bin").stat().st_ino, (real.out / "a.bin").stat().st_mtime_ns) == (
        here.st_ino,
        here.st_mtime_ns,
    )
    async with real(work=False) as runtime:
        assert await _completions(runtime, task.id) == 1
        assert (await runtime.task(task.id)).status is Status.COMPLETED
    await until(lambda: real.names() == {"a.bin"})


async def _completions(runtime: Runtime, task_id: str) -> int:
    told = [recorded.event for recorded in await runtime.events(task_id=task_id)]
    return sum(isinstance(event, StatusChanged) and event.to is Status.COMPLETED for event in told)
