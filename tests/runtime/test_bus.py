from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from argosy.bus.local import Bus, Gap, Subscription
from argosy.core.events import DownloadProgress, Recorded, Warned
from argosy.store.memory import MemoryStore


def told(number: int) -> Warned:
    return Warned("test", str(number))


def progress(task_id: str, received: int) -> DownloadProgress:
    return DownloadProgress(task_id, received, None, 0.0, 0.0, None)


@pytest.fixture
def log() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def bus(log: MemoryStore) -> Bus:
    bus = Bus(log)
    await bus.open()
    return bus


async def take(subscription: Subscription, count: int) -> list[Any]:
    return [await asyncio.wait_for(anext(subscription), 5) for _ in range(count)]


async def test_events_come_in_order_and_once(bus: Bus, log: MemoryStore) -> None:
    async with bus.subscribe() as heard:
        for number in range(10):
            await bus.tell(await log.log([told(number)], 0.0))
        assert [event.event.message for event in await take(heard, 10)] == [str(number) for number in range(10)]
        assert await heard.within(0.05) is None


async def test_a_subscriber_can_start_with_the_past(bus: Bus, log: MemoryStore) -> None:
    await bus.tell(await log.log([told(number) for number in range(2000)], 0.0))
    async with bus.subscribe(after=1200) as heard:
        await bus.tell(await log.log([told(2000)], 0.0))
        assert [event.seq for event in await take(heard, 801)] == list(range(1201, 2002))
        assert await heard.within(0.05) is None


class Counted(MemoryStore):
    """Counts how often its log is read."""

    reads = 0

    async def events(self, *, after: int = 0, limit: int = 1000, task_id: str | None = None) -> Sequence[Recorded]:
        self.reads += 1
        await asyncio.sleep(0)
        return await super().events(after=after, limit=limit, task_id=task_id)


async def test_many_who_catch_up_together_look_together_and_each_hears_what_was_there_when_it_asked() -> None:
    log = Counted()
    bus = Bus(log)
    await bus.open()
    async with bus.subscribe() as heard:

        async def commit_and_look(number: int) -> bool:
            (recorded,) = await log.log([told(number)], 0.0)
            await bus.catch_up()
            return bus.last >= recorded.seq

        assert all(await asyncio.gather(*map(commit_and_look, range(200))))
        assert log.reads < 10
        assert [event.seq for event in await take(heard, 200)] == list(range(1, 201))


async def test_who_gives_up_waiting_keeps_no_other_from_catching_up(bus: Bus, log: MemoryStore) -> None:
    async with bus.subscribe() as heard:
        await log.log([told(0)], 0.0)
        first, second = asyncio.create_task(bus.catch_up()), asyncio.create_task(bus.catch_up())
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert [event.seq for event in await take(heard, 1)] == [1]


async def test_what_another_process_committed_is_told_before_what_came_after(bus: Bus, log: MemoryStore) -> None:
    async with bus.subscribe() as heard:
        await log.log([told(0)], 0.0)  # nobody here was told
        await bus.tell(await log.log([told(1)], 0.0))
        assert [event.seq for event in await take(heard, 2)] == [1, 2]


async def test_catching_up_tells_what_others_did(bus: Bus, log: MemoryStore) -> None:
    async with bus.subscribe() as heard:
        await log.log([told(0)], 0.0)
        await bus.catch_up()
        await bus.catch_up()
        assert (await take(heard, 1))[0].seq == 1
        assert await heard.within(0.05) is None


async def test_a_slow_subscriber_costs_bounded_memory_and_misses_nothing_lasting(bus: Bus, log: MemoryStore) -> None:
    async with bus.subscribe(buffer=16) as slow:
        for number in range(5000):
            if number % 50 == 0:
                await bus.tell(await log.log([told(n) for n in range(50)], 0.0))
            bus.show(progress("a", number))
            assert len(slow._queue) + len(slow._newest) <= 2 * 16
        lasting: list[int] = []
        while not lasting or lasting[-1] < 5000:
            (event,) = await take(slow, 1)
            lasting += [event.seq] if isinstance(event, Recorded) else []
        assert lasting == list(range(1, 5001))


async def test_progress_nobody_has_read_yet_is_replaced_by_newer(bus: Bus) -> None:
    async with bus.subscribe() as heard:
        for received in range(100):
            bus.show(progress("a", received))
            bus.show(progress("b", received * 2))
        first, second = await take(heard, 2)
        assert (first.downloaded, second.downloaded) == (99, 198)
        assert await heard.within(0.05) is None


async def test_a_gap_is_told_where_the_log_no_longer_reaches_back(bus: Bus, log: MemoryStore) -> None:
    await bus.tell(await log.log([told(number) for number in range(10)], 0.0))
    log._all.events = log._all.events[6:]
    async with bus.subscribe(after=2) as heard:
        first, second = await take(heard, 2)
    assert first == Gap(3, 6)
    assert second.seq == 7


async def test_a_filter_lets_through_only_its_task(bus: Bus, log: MemoryStore) -> None:
    async with bus.subscribe(task_id="a") as heard:
        await bus.tell(await log.log([Warned("x", "", "b"), Warned("x", "", "a"), told(0)], 0.0))
        bus.show(progress("b", 1))
        bus.show(progress("a", 2))
        first, second = await take(heard, 2)
    assert first.event.task_id == "a"
    assert second.downloaded == 2


async def test_a_closed_bus_ends_its_subscriptions(bus: Bus, log: MemoryStore) -> None:
    heard = bus.subscribe()
    await bus.tell(await log.log([told(0)], 0.0))
    bus.close()
    assert [event.seq async for event in heard if isinstance(event, Recorded)] == [1]
