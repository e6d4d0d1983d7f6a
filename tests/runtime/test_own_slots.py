"""How many tasks run at once may be one process's own; the other limits stay those of all."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

from argosy import Runtime, Status
from argosy.testing.engine import Play
from argosy.testing.poll import until
from argosy.testing.scripted import Scripted

CONTENT = bytes(1000)


async def test_a_process_with_slots_of_its_own_obeys_the_stored_limits_otherwise(tmp_path: Path) -> None:
    async with Runtime(tmp_path, work=False) as runtime:
        await runtime.apply_limits(rate="2M", max_running=7)

    async with Runtime(tmp_path, max_running=2) as runtime:
        assert (runtime.limits().rate, runtime.limits().max_running) == ("2M", 2)
        assert (await runtime.apply_limits(rate="3M")).max_running == 2

    async with Runtime(tmp_path, work=False) as runtime:
        assert (runtime.limits().rate, runtime.limits().max_running) == ("3M", 7)


async def test_a_process_with_slots_of_its_own_fills_them_and_no_more(scripted: Scripted) -> None:
    async with scripted(Play(CONTENT, hold=threading.Event()), limits=None, max_running=5) as runtime:
        tasks = [await runtime.add(f"http://example.org/{n}.bin") for n in range(6)]
        await until(lambda: _running(runtime, 5))
        reasons = Counter([(await runtime.why(task.id)).code for task in tasks])
    assert reasons["slot"] == 1


async def _running(runtime: Runtime, wanted: int) -> bool:
    return (await runtime.counts())[Status.RUNNING] == wanted
