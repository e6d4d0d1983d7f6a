"""Commands against running tasks: every one is answered, and the last one wins."""

from __future__ import annotations

import asyncio
import random
import threading
from pathlib import Path

import pytest

from argosy import Request, Runtime, Status, TaskHandle
from argosy.core.events import Recorded, StatusChanged, Warned
from argosy.core.types import ACTIVE
from argosy.errors import IllegalTransition, UnknownTask
from argosy.store.port import Store
from argosy.testing.clock import FakeClock
from argosy.testing.engine import Play
from argosy.testing.poll import until
from argosy.testing.scripted import Scripted

CONTENT = bytes(range(256)) * 1024
SLOW = Play(CONTENT, piece=4096, pause_s=0.02)
ENDLESS = Play(CONTENT, hold=threading.Event())


async def status(runtime: Runtime, handle: TaskHandle) -> Status:
    return (await runtime.task(handle.id)).status


async def is_now(runtime: Runtime, handle: TaskHandle, *statuses: Status) -> bool:
    return await status(runtime, handle) in statuses


async def test_pausing_and_resuming_a_hundred_times_ends_as_the_last_command_says(
    scripted: Scripted, store: Store
) -> None:
    async with scripted(SLOW, store=store) as runtime:
        task = await runtime.add("http://h/a.bin")
        for _ in range(50):
            await task.pause()
            await task.resume()
        await task.pause()
        await until(lambda: is_now(runtime, task, Status.PAUSED, Status.COMPLETED))
        await asyncio.sleep(0.05)
        assert await status(runtime, task) in (Status.PAUSED, Status.COMPLETED)
        if await is_now(runtime, task, Status.PAUSED):
            await task.resume()
        await task
    assert task.path.read_bytes() == CONTENT
    assert scripted.engine.overlaps == []


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_commanded_at_once_every_command_is_answered_and_the_end_is_legal(
    scripted: Scripted, store: Store, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    async with scripted(Play(CONTENT, piece=32 * 1024, pause_s=0.002), store=store) as runtime:
        handles = await runtime.add_many([Request(f"http://h/{i}.bin") for i in range(12)])
        ids = [handle.id for handle in handles]
        verbs = [runtime.pause, runtime.resume, runtime.retry, runtime.start, runtime.move_to_top, runtime.cancel]

        async def command() -> None:
            for _ in range(25):
                verb = chance.choices(verbs, [6, 6, 2, 2, 2, 1])[0]
                chosen = chance.sample(ids, 3)
                outcomes = await asyncio.wait_for(verb(chosen), 5)
                assert len(outcomes) == 3
                for outcome in outcomes:
                    assert outcome.error is None or isinstance(outcome.error, IllegalTransition)
                await asyncio.sleep(chance.random() * 0.01)

        await asyncio.gather(*(command() for _ in range(4)))
        await runtime.resume_all()
        await asyncio.wait_for(runtime.idle(), 20)
        tasks = {task.id: task for task in await runtime.tasks()}
        assert {task.status for task in tasks.values()} <= {Status.COMPLETED, Status.CANCELLED}
        for handle in handles:
            whole = tasks[handle.id].status is Status.COMPLETED
            files = await runtime.files(handle.id)
            assert whole == (files[0].published is not None)
            if whole:
                path = tmp_path / "out" / str(tasks[handle.id].name)
                assert path.read_bytes() == CONTENT
    assert scripted.engine.overlaps == []


async def test_a_pause_is_acknowledged_promptly(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT, piece=1024, pause_s=0.01), store=store) as runtime:
        task = await runtime.add("http://h/a.bin")
        await until(lambda: is_now(runtime, task, Status.RUNNING))
        loop = asyncio.get_running_loop()
        start = loop.time()
        await task.pause()
        await until(lambda: is_now(runtime, task, Status.PAUSED))
        assert loop.time() - start < 1.0


async def test_a_worker_that_does_not_acknowledge_is_cut_off_after_five_seconds(
    scripted: Scripted, store: Store
) -> None:
    clock = FakeClock()
    async with scripted(Play(CONTENT, piece=1024, pause_s=0.01, deaf=True), store=store, clock=clock) as runtime:
        task = await runtime.add("http://h/a.bin")
        await until(lambda: _moving(runtime, task))
        await task.pause()
        clock.advance(4.9)
        assert await is_now(runtime, task, Status.PAUSING)
        clock.advance(0.2)
        await until(lambda: is_now(runtime, task, Status.PAUSED))
        await until(lambda: _warned(runtime, "pause_timeout"))
        await until(lambda: not scripted.engine.running)


async def test_a_task_that_stands_still_is_warned_of_once_and_again_after_it_moved(
    scripted: Scripted, store: Store
) -> None:
    clock, hold = FakeClock(), threading.Event()
    async with scripted(Play(CONTENT, piece=1024, hold=hold), store=store, clock=clock) as runtime:
        task = await runtime.add("http://h/a.bin")
        await until(lambda: _moving(runtime, task))
        await until(lambda: is_now(runtime, task, Status.RUNNING))
        for _ in range(20):
            clock.advance(2)
            await asyncio.sleep(0.01)
        await until(lambda: _warning(runtime, task, "stalled"))
        warned = [event.event for event in await runtime.events() if isinstance(event.event, Warned)]
        assert [warning.code for warning in warned] == ["stalled"]
        assert "h:80" in warned[0].message
        hold.set()
        await task
        assert (await runtime.task(task.id)).warning is None


async def _warned(runtime: Runtime, *codes: str) -> bool:
    return [event.event.code for event in await runtime.events() if isinstance(event.event, Warned)] == list(codes)


async def _warning(runtime: Runtime, task: TaskHandle, code: str) -> bool:
    return (await runtime.task(task.id)).warning == code


async def test_pausing_all_stops_what_runs_and_starts_nothing_else(scripted: Scripted, store: Store) -> None:
    async with scripted(ENDLESS, store=store) as runtime:
        await runtime.add_many([Request(f"http://h/{i}.bin") for i in range(40)])
        await until(lambda: len(scripted.engine.running) == 4)
        assert await runtime.pause_all() == 40
        await until(lambda: _all(runtime, Status.PAUSED, 40))
        assert len(scripted.engine.calls) == 4
        assert await runtime.resume_all() == 40
        await until(lambda: len(scripted.engine.running) == 4)


async def _moving(runtime: Runtime, task: TaskHandle) -> bool:
    shown = runtime.live_progress(task.id)
    return shown is not None and shown.received > 0


async def _all(runtime: Runtime, status: Status, count: int) -> bool:
    return (await runtime.counts()).get(status) == count


async def test_what_is_moved_to_the_top_is_next(scripted: Scripted, store: Store) -> None:
    hold = threading.Event()
    async with scripted(Play(CONTENT, hold=hold), store=store) as runtime:
        handles = await runtime.add_many([Request(f"http://h/{i}.bin", priority=i % 3) for i in range(20)])
        await until(lambda: len(scripted.engine.running) == 4)
        chosen = handles[12]
        await runtime.move_to_top([chosen.id])
        hold.set()
        await runtime.idle()
    assert [url for url, _ in scripted.engine.calls].index("http://h/12.bin") == 4


async def test_a_command_for_a_task_that_is_not_there_is_answered_as_such(scripted: Scripted, store: Store) -> None:
    async with scripted(store=store) as runtime:
        (outcome,) = await runtime.pause(["0" * 32])
        assert isinstance(outcome.error, UnknownTask)


async def test_no_more_run_at_once_than_the_limit_even_while_it_changes(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT, piece=64 * 1024, pause_s=0.003), store=store) as runtime:
        await runtime.add_many([Request(f"http://h/{i}.bin") for i in range(60)])
        await until(lambda: len(scripted.engine.calls) > 8)
        assert scripted.engine.most_at_once <= 4
        await runtime.apply_limits(max_running=9)
        await runtime.idle()
        assert 4 < scripted.engine.most_at_once <= 9


async def test_every_status_change_is_told_once_in_order_after_it_is_stored(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT), store=store) as runtime, runtime.subscribe(after=0) as events:
        handles = await runtime.add_many([Request(f"http://h/{i}.bin") for i in range(30)])
        ways: dict[str, list[Status | None]] = {handle.id: [] for handle in handles}
        numbers = []
        while sum(len(way) for way in ways.values()) < 30 * 5:
            event = await events.within(5)
            assert event is not None
            if not isinstance(event, Recorded) or not isinstance(event.event, StatusChanged):
                continue
            numbers.append(event.seq)
            ways[event.event.task_id].append(event.event.to)
            stored = await runtime.events(after=event.seq - 1, limit=1)
            assert stored[0] == event
    assert numbers == sorted(set(numbers))
    assert set(map(tuple, ways.values())) == {("pending", "scheduled", "running", "completing", "completed")}


async def test_a_stopped_runtime_leaves_nothing_active(scripted: Scripted, store: Store) -> None:
    async with scripted(ENDLESS, store=store) as runtime:
        await runtime.add_many([Request(f"http://h/{i}.bin") for i in range(10)])
        await until(lambda: len(scripted.engine.running) == 4)
    assert scripted.engine.closed
    assert not scripted.engine.running
    await store.open()
    counts = await store.counts()
    assert sum(counts.get(status, 0) for status in ACTIVE) == 0
    assert counts[Status.PENDING] == 10
    assert await store.workers() == []
    await store.close()
