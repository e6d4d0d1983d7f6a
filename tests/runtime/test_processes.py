"""More than one process on one store: crashes, and commands that reach a task somebody else runs."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from argosy import Request, Runtime, Status
from argosy.core.limits import Limits
from argosy.core.types import ACTIVE
from argosy.store.port import Change, Committed, WorkerInfo
from argosy.store.sqlite import SqliteStore
from argosy.testing.engine import Play
from argosy.testing.poll import until
from argosy.testing.scripted import Scripted

CONTENT = bytes(range(256)) * 1024
CHILD = textwrap.dedent(
    """
    import asyncio, sys
    from argosy.core.limits import Limits
    from argosy.engines.registry import Registry
    from argosy.runtime.manager import Runtime
    from argosy.testing.engine import Play, ScriptedEngine

    async def main(home: Path) -> None:
        engine = ScriptedEngine(Play(bytes(range(256)) * 1024, piece=8192, pause_s=0.003))
        limits = Limits(max_running=6, connections_per_host=64)
        async with Runtime(home, directory=home + "/out", engines=lambda: Registry([engine]), limits=limits) as runtime:
            print("ready", flush=True)
            await runtime.idle()

    asyncio.run(main(sys.argv[1]))
    """
)


def work_in_a_child(home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(home)], stdout=subprocess.PIPE)


async def test_after_kill_9_at_any_moment_everything_arrives_whole_and_once(scripted: Scripted, tmp_path: Path) -> None:
    chance = random.Random(7)
    async with scripted(work=False) as runtime:
        handles = await runtime.add_many([Request(f"http://h/{i}.bin", max_retries=100) for i in range(40)])
    for _ in range(4):
        child = work_in_a_child(tmp_path)
        try:
            assert child.stdout is not None
            await asyncio.to_thread(child.stdout.readline)
            await asyncio.sleep(0.05 + chance.random() * 0.3)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.communicate()
    async with scripted(Play(CONTENT)) as runtime:
        await runtime.start_all()
        await asyncio.wait_for(runtime.idle(), 30)
        tasks = [await runtime.task(handle.id) for handle in handles]
    assert {task.status for task in tasks} == {Status.COMPLETED}
    assert {path.name for path in (tmp_path / "out").glob("[!.]*")} == {f"{i}.bin" for i in range(40)}
    assert all((tmp_path / "out" / f"{i}.bin").read_bytes() == CONTENT for i in range(40))


async def test_two_runtimes_on_one_store_never_run_a_task_twice(scripted: Scripted, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        play = Play(CONTENT, piece=64 * 1024, pause_s=0.03)
        first = await stack.enter_async_context(scripted(play))
        one = scripted.engine
        await stack.enter_async_context(scripted(play))
        two = scripted.engine
        await first.add_many([Request(f"http://h/{i}.bin") for i in range(80)])
        await asyncio.wait_for(first.idle(), 30)
    urls = [url for url, _ in one.calls + two.calls]
    assert len(urls) == len(set(urls)) == 80
    assert one.calls
    assert two.calls


async def test_commands_reach_a_task_that_another_runtime_runs(scripted: Scripted) -> None:
    async with scripted(Play(CONTENT, hold=threading.Event())) as worker:
        task = await worker.add("http://h/a.bin")
        await until(lambda: _status(worker, task.id, Status.RUNNING))
        async with scripted(work=False) as elsewhere:
            (outcome,) = await elsewhere.pause([task.id])
            assert outcome.task is not None
            assert outcome.task.status is Status.PAUSING
            await until(lambda: _status(elsewhere, task.id, Status.PAUSED))
            await elsewhere.resume([task.id])
            await until(lambda: _status(elsewhere, task.id, Status.RUNNING))
            await elsewhere.cancel([task.id])
            await until(lambda: _status(elsewhere, task.id, Status.CANCELLED))


async def test_a_handle_sees_what_another_runtime_does(scripted: Scripted) -> None:
    async with scripted(work=False) as asker:
        task = await asker.add("http://h/a.bin")
        waiting = asyncio.create_task(task.result())
        async with scripted(Play(CONTENT)):
            finished = await asyncio.wait_for(waiting, 10)
    assert finished.status is Status.COMPLETED


async def test_a_foreground_runtime_runs_only_what_it_was_given(scripted: Scripted) -> None:
    async with scripted(work=False) as queue:
        other = await queue.add("http://h/queued.bin")
    async with scripted(Play(CONTENT), session=True) as runtime:
        await (await runtime.add("http://h/mine.bin"))
        await runtime.idle()
        assert await _status(runtime, other.id, Status.PENDING)
    assert [url for url, _ in scripted.engine.calls] == ["http://h/mine.bin"]


async def test_what_a_dead_foreground_command_left_is_everybodys(scripted: Scripted, tmp_path: Path) -> None:
    async with scripted(work=False, session=True) as dead:
        task = await dead.add("http://h/a.bin")
        await _register(tmp_path, dead._machine.me)
    async with scripted(Play(CONTENT)) as runtime:
        await until(lambda: _status(runtime, task.id, Status.COMPLETED))


async def _register(tmp_path: Path, worker: WorkerInfo) -> None:
    store = SqliteStore(tmp_path / "argosy.db")
    await store.open()
    gone = WorkerInfo(worker.id, worker.host, worker.boot_id, _no_such_pid(), "1", 0.0)
    await store.register(gone)
    await store.close()


async def test_what_an_attempt_left_that_died_before_it_recorded_anything_is_removed(
    scripted: Scripted, tmp_path: Path
) -> None:
    async with scripted(work=False) as runtime:
        task = await runtime.add("http://h/a.bin")
    store = SqliteStore(tmp_path / "argosy.db")
    await store.open()
    stored = (await store.get([task.id]))[task.id]
    await store.commit([Change(stored, replace(stored, fence=5))])  # claimed once, and given back
    await store.close()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f".a.bin.{task.id[:8]}-0.5.part").write_bytes(b"?")
    async with scripted(Play(CONTENT)) as runtime:
        await (await runtime.handle(task.id))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.bin"]


def _no_such_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


async def test_a_worker_whose_lease_went_to_another_writes_nothing_more(scripted: Scripted, tmp_path: Path) -> None:
    """What a process finds that was stopped for a minute and woke up."""
    hold = threading.Event()
    async with scripted(Play(CONTENT, hold=hold)) as runtime:
        task = await runtime.add("http://h/a.bin")
        await until(lambda: _status(runtime, task.id, Status.RUNNING))
        thief = SqliteStore(tmp_path / "argosy.db")
        await thief.open()
        await _steal(thief, task.id)
        await until(lambda: task.id not in runtime._machine.holdings.tasks)
        hold.set()
        await until(lambda: not scripted.engine.running)
        stolen = (await thief.get([task.id]))[task.id]
        assert (stolen.status, stolen.owner) == (Status.RUNNING, "somebody else")
        assert not (tmp_path / "out" / "a.bin").exists()
        await thief.close()


async def _steal(store: SqliteStore, task_id: str) -> None:
    while True:
        task = (await store.get([task_id]))[task_id]
        taken = replace(task, owner="somebody else", fence=task.fence + 1, lease_until=(task.lease_until or 0.0) + 60)
        (result,) = await store.commit([Change(task, taken)])
        if isinstance(result, Committed):
            return


async def test_stopping_in_the_middle_leaves_no_thread_task_or_descriptor(scripted: Scripted) -> None:
    async def once() -> None:
        async with scripted(Play(CONTENT, piece=4096, pause_s=0.001)) as runtime:
            await runtime.add_many([Request(f"http://h/{i}.bin") for i in range(10)])
            await until(lambda: scripted.engine.running)

    await once()
    before = _descriptors()
    for _ in range(3):
        await once()
    assert _descriptors() <= before
    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("argosy")] == []


@pytest.mark.parametrize("count", [200])
async def test_with_200_tasks_running_events_are_prompt_and_commands_too(scripted: Scripted, count: int) -> None:
    play = Play(CONTENT, piece=2048, pause_s=0.05)
    async with scripted(play, limits=Limits(max_running=count, connections_per_host=count)) as runtime:
        handles = await runtime.add_many([Request(f"http://h/{i}.bin") for i in range(count)])
        await until(lambda: len(scripted.engine.running) == count, 20)
        loop = asyncio.get_running_loop()
        async with runtime.subscribe(task_id=handles[17].id) as events:
            start = loop.time()
            await runtime.pause([handles[17].id])
            while True:
                event = await events.within(5)
                if getattr(getattr(event, "event", None), "to", None) is Status.PAUSED:
                    break
            assert loop.time() - start < 2.0
        await runtime.pause_all()
        await until(lambda: _none_active(runtime), 20)


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _none_active(runtime: Runtime) -> bool:
    counts = await runtime.counts()
    return not any(counts.get(status) for status in ACTIVE)


async def _status(runtime: Runtime, task_id: str, *statuses: Status) -> bool:
    return (await runtime.task(task_id)).status in statuses
