"""What goes wrong around the downloads: the database, the disk, the clock, the host. Nothing is lost, and it heals."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import apsw
import pytest

from argosy import Request, Runtime, Status, TaskHandle
from argosy.core.events import StatusChanged, Warned
from argosy.core.limits import Limits
from argosy.errors import DiskFull, ServerBusy, StoreError
from argosy.store.port import Store
from argosy.store.sqlite import SqliteStore
from argosy.testing.clock import FakeClock
from argosy.testing.engine import Play
from argosy.testing.poll import until
from argosy.testing.scripted import Scripted

CONTENT = bytes(range(256)) * 2048
"""Too much to be held in memory until it is whole."""
SLOW = Play(CONTENT, piece=8192, pause_s=0.02)
FULL = DiskFull("no space left on the disk")


def is_now(runtime: Runtime, task: TaskHandle, *statuses: Status) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return (await runtime.task(task.id)).status in statuses

    return look


def pass_time(runtime: Runtime, clock: FakeClock) -> None:
    """Let seconds pass while nobody holds a lease that the heartbeat, which takes real time, could not keep up with."""
    if not runtime._machine.holdings.tasks:
        clock.advance(5)


async def told(runtime: Runtime, task: TaskHandle) -> list[Status | None]:
    events = [recorded.event for recorded in await runtime.events(task_id=task.id)]
    return [event.to for event in events if isinstance(event, StatusChanged)]


def locked(path: Path) -> apsw.Connection:
    """Return a connection as another process has it, which keeps everybody else from writing."""
    rival = apsw.Connection(str(path))
    rival.set_busy_timeout(5000)
    rival.execute("BEGIN EXCLUSIVE")
    return rival


# -- the database --------------------------------------------------------------------------------------


async def test_a_database_that_is_locked_for_a_while_costs_nothing_but_the_while(
    scripted: Scripted, tmp_path: Path
) -> None:
    path = tmp_path / "argosy.db"
    async with scripted(SLOW, store=SqliteStore(path, lock_timeout_s=0.2)) as runtime:
        handles = await runtime.add_many([Request(f"http://h/{i}.bin") for i in range(12)])
        await until(lambda: len(scripted.engine.running) == 4)
        rival = locked(path)
        with pytest.raises(StoreError) as caught:
            await runtime.add("http://h/meanwhile.bin")
        assert caught.value.detail_code == "store_busy"
        await until(lambda: not scripted.engine.running)  # every worker has something to report by now
        rival.execute("ROLLBACK")
        rival.close()
        await asyncio.wait_for(runtime.idle(), 30)
        assert {(await handle.task()).status for handle in handles} == {Status.COMPLETED}
        assert all([await told(runtime, handle) for handle in handles])
    assert scripted.engine.overlaps == []
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{i}.bin" for i in range(12)}


async def test_what_is_told_to_a_worker_in_vain_is_settled_when_the_database_is_back(
    scripted: Scripted, tmp_path: Path
) -> None:
    """The worker is deaf and the verdict on it cannot be stored at once: it must not be forgotten."""
    path, clock = tmp_path / "argosy.db", FakeClock()
    play = Play(CONTENT, piece=1024, pause_s=0.01, deaf=True)
    async with scripted(play, store=SqliteStore(path, lock_timeout_s=0.1), clock=clock) as runtime:
        task = await runtime.add("http://h/a.bin")
        await until(is_now(runtime, task, Status.RUNNING))
        await task.pause()
        rival = locked(path)
        clock.advance(5.1)
        await until(lambda: not scripted.engine.running)
        rival.execute("ROLLBACK")
        rival.close()

        async def paused() -> bool:
            clock.advance(0.6)
            return await is_now(runtime, task, Status.PAUSED)()

        await until(paused)


# -- the timetable -------------------------------------------------------------------------------------


async def test_when_the_window_closes_what_runs_goes_back_and_goes_on_when_it_opens(
    scripted: Scripted, store: Store
) -> None:
    clock, hold = FakeClock(datetime(2026, 6, 1, 12, 59, 55)), threading.Event()
    limits = Limits(max_running=2, window="11:00-13:00")
    async with scripted(Play(CONTENT, hold=hold), store=store, clock=clock, limits=limits) as runtime:
        handles = await runtime.add_many([Request(f"http://h/{i}.bin") for i in range(3)])
        await until(lambda: len(scripted.engine.running) == 2)

        async def stopped() -> bool:
            clock.advance(1)
            counts = await runtime.counts()
            return not scripted.engine.running and counts[Status.PENDING] == 3

        await until(stopped)
        assert (await runtime.why(handles[0].id)).code == "window"
        assert [(await handle.task()).attempt for handle in handles] == [0, 0, 0]
        clock.advance(3600)
        await asyncio.sleep(0.05)
        assert len(scripted.engine.calls) == 2
        hold.set()
        clock.advance(21 * 3600)
        await asyncio.wait_for(runtime.idle(), 10)
    resumed = dict(scripted.engine.calls[2:])
    assert min(resumed["http://h/0.bin"], resumed["http://h/1.bin"]) > 0


# -- the disk ------------------------------------------------------------------------------------------


async def test_a_full_disk_stops_its_folder_alone_burns_no_retry_and_heals_by_itself(
    scripted: Scripted, store: Store, tmp_path: Path
) -> None:
    clock, full = FakeClock(), threading.Event()
    full.set()

    def script(url: str, n: int) -> Play:
        return Play(CONTENT, fail_at=64 * 1024, error=FULL) if "full" in url and full.is_set() else Play(CONTENT)

    async with scripted(script, store=store, clock=clock, limits=Limits(max_running=1)) as runtime:
        crowded = [await runtime.add(f"http://h/full-{i}", directory=tmp_path / "small", max_retries=1) for i in "12"]
        await until(is_now(runtime, crowded[0], Status.RETRYING))
        other = await runtime.add("http://h/elsewhere", directory=tmp_path / "large")
        await other
        assert [url for url, _ in scripted.engine.calls] == ["http://h/full-1", "http://h/elsewhere"]
        assert (await runtime.why(crowded[1].id)).code == "disk_full"
        for tries in range(3, 8):
            waiting = await crowded[0].task()
            assert (waiting.status, waiting.attempt, waiting.warning) == (Status.RETRYING, 0, "disk_full")
            await until(_tried(runtime, scripted, clock, tries))
            await until(is_now(runtime, crowded[0], Status.RETRYING))
        full.clear()

        async def over() -> bool:
            pass_time(runtime, clock)
            return (await runtime.counts())[Status.COMPLETED] == 3

        await until(over)
        assert (await crowded[0].task()).warning is None
        warned = [event.event for event in await runtime.events() if isinstance(event.event, Warned)]
    assert {warning.code for warning in warned} == {"disk_full"}


def _tried(runtime: Runtime, scripted: Scripted, clock: FakeClock, times: int) -> Callable[[], bool]:
    def look() -> bool:
        pass_time(runtime, clock)
        return len(scripted.engine.calls) >= times

    return look


# -- the machine sleeps --------------------------------------------------------------------------------


async def test_a_worker_that_slept_through_its_lease_writes_nothing_more(scripted: Scripted, tmp_path: Path) -> None:
    """The clock that leases are measured with goes on in suspend; the worker sees that before any heartbeat comes."""
    asleep, hold = FakeClock(), threading.Event()
    awake = FakeClock(asleep.local() + timedelta(seconds=90))
    async with scripted(Play(CONTENT, piece=4096, hold=hold), clock=asleep) as sleeper:
        first = scripted.engine
        task = await sleeper.add("http://h/a.bin")
        await until(lambda: first.running)
        await until(is_now(sleeper, task, Status.RUNNING))
        async with scripted(Play(CONTENT), clock=awake) as other:
            await until(is_now(other, task, Status.RETRYING, Status.COMPLETED, Status.RUNNING))

            async def completed() -> bool:
                awake.advance(1)
                return await is_now(other, task, Status.COMPLETED)()

            await until(completed)
            hold.set()  # the sleeper's engine moves, but its lease is over
            asleep.advance(90)
            await until(lambda: not first.running)
            history = await told(other, task)
            assert history.count(Status.COMPLETED) == 1
            await asyncio.sleep(0.05)
            assert await told(other, task) == history
    assert {path.name for path in (tmp_path / "out").glob("[!.]*")} == {"a.bin"}
    assert (tmp_path / "out" / "a.bin").read_bytes() == CONTENT


async def test_a_lease_that_nobody_took_in_a_sleep_goes_on(scripted: Scripted, store: Store, tmp_path: Path) -> None:
    clock = FakeClock()
    async with scripted(Play(CONTENT, piece=4096, pause_s=0.002), store=store, clock=clock) as runtime:
        task = await runtime.add("http://h/a.bin")
        await until(is_now(runtime, task, Status.RUNNING))
        clock.advance(3600)

        async def over() -> bool:
            clock.advance(1)
            return await is_now(runtime, task, Status.COMPLETED)()

        await until(over)
    assert (tmp_path / "out" / "a.bin").read_bytes() == CONTENT
    assert scripted.engine.overlaps == []


# -- the host ------------------------------------------------------------------------------------------


async def test_a_host_that_wants_to_be_left_alone_is_left_alone_by_all_its_tasks(
    scripted: Scripted, store: Store
) -> None:
    clock = FakeClock()
    busy = Play(fail_at=0, error=ServerBusy("429 Too Many Requests", retry_after_s=30.0))

    def script(url: str, n: int) -> Play:
        return busy if url == "http://busy/1" and n == 0 else Play(CONTENT)

    async with scripted(script, store=store, clock=clock, limits=Limits(max_running=1)) as runtime:
        handles = await runtime.add_many([Request(url) for url in ("http://busy/1", "http://busy/2", "http://other/3")])
        await handles[2]
        assert [url for url, _ in scripted.engine.calls] == ["http://busy/1", "http://other/3"]
        assert (await runtime.why(handles[1].id)).code == "host_cooling"
        clock.advance(29)
        await asyncio.sleep(0.05)
        assert len(scripted.engine.calls) == 2
        clock.advance(2)

        async def over() -> bool:
            pass_time(runtime, clock)
            return (await runtime.counts())[Status.COMPLETED] == 3

        await until(over)


# -- slots ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("holds", [True, False])
async def test_a_paused_task_keeps_its_slot_only_if_it_is_to(scripted: Scripted, store: Store, holds: bool) -> None:
    hold = threading.Event()
    limits = Limits(max_running=1, hold_slot_while_paused=holds)
    async with scripted(Play(CONTENT, hold=hold), store=store, limits=limits) as runtime:
        first, second = await runtime.add_many([Request("http://h/1"), Request("http://h/2")])
        await until(is_now(runtime, first, Status.RUNNING))
        await first.pause()
        await until(is_now(runtime, first, Status.PAUSED))
        if holds:
            await asyncio.sleep(0.1)
            assert await is_now(runtime, second, Status.PENDING)()
            await first.cancel()
        await until(is_now(runtime, second, Status.RUNNING))
        hold.set()
        await second
