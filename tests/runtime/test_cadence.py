"""How often the world and the store hear of a task, however fast its bytes come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import pairwise

from argosy.bus.local import Bus, Subscription
from argosy.core.events import DownloadMetrics, DownloadProgress
from argosy.core.types import FileState, Lease
from argosy.runtime.gauge import Gauge
from argosy.runtime.holdings import Holdings
from argosy.runtime.hub import Hub
from argosy.runtime.manifest import CHECKPOINT_INTERVAL_S
from argosy.store.memory import MemoryStore
from argosy.store.port import Tally
from argosy.testing.clock import FakeClock
from argosy.testing.engine import Play
from argosy.testing.poll import until
from argosy.testing.scripted import Scripted

SECONDS = 5
LOOKS_PER_S = 240
TIMER_S = 0.005
"""A loop's timer may come so much too early."""


async def test_progress_is_told_at_most_15_times_a_second_for_each_task_and_metrics_once() -> None:
    clock, store = FakeClock(), MemoryStore()
    holdings, bus = Holdings("me", 1), Bus(store)
    await bus.open()
    hub = Hub(clock, holdings, bus, store, lambda _: None)
    gauges = [Gauge(name, 1, received=0, total=None, deadline_s=0.0) for name in ("a", "b")]
    holdings.gauges = {gauge.task_id: gauge for gauge in gauges}
    told: dict[str, list[int]] = {"a": [], "b": [], "all": []}
    async with bus.subscribe() as events:
        listening = asyncio.create_task(_listen(events, told))
        looking = asyncio.create_task(hub.run())
        for _ in range(SECONDS * LOOKS_PER_S):
            for gauge in gauges:
                gauge.received += 100_000
            clock.advance(1 / LOOKS_PER_S)
            hub.wake()
            for _ in range(6):  # both get their turn
                await asyncio.sleep(0)
        for task in (looking, listening):
            task.cancel()
        await asyncio.wait([looking, listening])
    for name in ("a", "b"):
        assert SECONDS * 10 <= len(told[name]) <= SECONDS * 15 + 1
        assert all(later > before for before, later in pairwise(told[name]))
    assert 1 <= len(told["all"]) <= SECONDS + 1


async def _listen(events: Subscription, told: dict[str, list[int]]) -> None:
    async for event in events:
        match event:
            case DownloadProgress(task_id, downloaded):
                told[task_id].append(downloaded)
            case DownloadMetrics(active):
                told["all"].append(active)


class Watched(MemoryStore):
    """Remembers when checkpoints of a file under way came, and how far each said it was."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[float, int]] = []

    async def checkpoint(self, lease: Lease, tally: Tally, files: Sequence[FileState]) -> None:
        self.written.append((time.monotonic(), tally.received))
        await super().checkpoint(lease, tally, files)


async def test_the_store_gets_a_checkpoint_of_a_task_at_most_every_half_second(scripted: Scripted) -> None:
    store, content = Watched(), bytes(4 << 20)
    async with scripted(Play(content, piece=4096, pause_s=0.001), store=store) as runtime:
        task = await runtime.add("http://h/a.bin")
        await until(lambda: len(store.written) >= 4)
        await task
    under_way = [moment for moment, received in store.written if received < len(content)]
    assert len(under_way) >= 3
    assert min(later - before for before, later in pairwise(under_way)) >= CHECKPOINT_INTERVAL_S - TIMER_S
