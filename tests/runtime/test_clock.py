"""The wall clock is set while things run: by a year, by an hour, forwards and back. What has been stored is wall time."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from argosy import Runtime, Status, TaskHandle
from argosy.core.events import StatusChanged
from argosy.errors import ServerBusy
from argosy.store.port import Store
from argosy.testing.clock import FakeClock
from argosy.testing.engine import Play
from argosy.testing.poll import until
from argosy.testing.scripted import Scripted

CONTENT = bytes(range(256)) * 1024
BUSY = ServerBusy("503 Service Unavailable", retry_after_s=30.0)
HOUR_S, YEAR_S = 3600.0, 365 * 86_400.0


class SetClock(FakeClock):
    """A clock whose hands can be moved: what it counts steadily, leases and pauses, goes on as if nothing were."""

    moved_s = 0.0

    def epoch(self) -> float:
        return super().epoch() + self.moved_s

    def local(self) -> datetime:
        return super().local() + timedelta(seconds=self.moved_s)


async def _is(runtime: Runtime, task: TaskHandle, status: Status) -> bool:
    return (await runtime.task(task.id)).status is status


async def _ways(runtime: Runtime, task: TaskHandle) -> list[Status | None]:
    events = [recorded.event for recorded in await runtime.events(task_id=task.id)]
    return [event.to for event in events if isinstance(event, StatusChanged)]


@pytest.mark.parametrize("moved_s", [HOUR_S, YEAR_S, -HOUR_S, -YEAR_S])
async def test_what_runs_is_disturbed_by_no_clock_that_is_set(scripted: Scripted, store: Store, moved_s: float) -> None:
    clock = SetClock()
    async with scripted(Play(CONTENT, piece=4096, pause_s=0.002), store=store, clock=clock) as runtime:
        task = await runtime.add("http://h/a.bin")
        await until(lambda: _is(runtime, task, Status.RUNNING))
        clock.moved_s = moved_s

        async def over() -> bool:
            clock.advance(1)
            return await _is(runtime, task, Status.COMPLETED)

        await until(over)
        assert await _ways(runtime, task) == ["pending", "scheduled", "running", "completing", "completed"]
    assert (scripted.out / "a.bin").read_bytes() == CONTENT
    assert scripted.engine.overlaps == []


async def _waiting_for_a_retry(runtime: Runtime) -> TaskHandle:
    task = await runtime.add("http://h/a.bin")
    await until(lambda: _is(runtime, task, Status.RETRYING))
    return task


def _busy_once(url: str, number: int) -> Play:
    return Play(fail_at=0, error=BUSY) if number == 0 else Play(CONTENT)


@pytest.mark.parametrize("moved_s", [HOUR_S, YEAR_S])
async def test_a_clock_set_forwards_ends_the_wait_for_a_retry(scripted: Scripted, store: Store, moved_s: float) -> None:
    clock = SetClock()
    async with scripted(_busy_once, store=store, clock=clock) as runtime:
        task = await _waiting_for_a_retry(runtime)
        clock.moved_s = moved_s

        async def over() -> bool:
            clock.advance(1)
            return await _is(runtime, task, Status.COMPLETED)

        await until(over)
        assert len(scripted.engine.calls) == 2


@pytest.mark.parametrize("moved_s", [-HOUR_S, -YEAR_S])
async def test_a_clock_set_back_prolongs_the_wait_which_is_told_and_which_a_person_can_end(
    scripted: Scripted, store: Store, moved_s: float
) -> None:
    clock = SetClock()
    async with scripted(_busy_once, store=store, clock=clock) as runtime:
        task = await _waiting_for_a_retry(runtime)
        clock.moved_s = moved_s
        why = await runtime.why(task.id)
        assert why.code == "retry"
        assert why.until is not None
        assert why.until - clock.epoch() == pytest.approx(30 - moved_s, abs=5)
        await runtime.start([task.id])

        async def over() -> bool:
            clock.advance(60)
            await asyncio.sleep(0)
            return await _is(runtime, task, Status.COMPLETED)

        await until(over)
