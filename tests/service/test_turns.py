"""However much is asked for at once, others have the loop many times before it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from argosy import Request, config
from argosy.runtime.clock import SystemClock
from argosy.runtime.manager import Runtime
from argosy.service.jobs.initiation import Initiation, Order
from argosy.service.security.principal import Principal, Scope
from argosy.store.port import Added, NewTask
from argosy.store.sqlite import SqliteStore

MANY = 10_000
OWNER = Principal("owner", Scope.ADMIN, True)


class Watched(SqliteStore):
    """Notes how often others had the loop before something was to be stored."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.turns = 0
        self.before: list[int] = []

    async def add(self, tasks: Sequence[NewTask]) -> Sequence[Added]:
        self.before.append(self.turns)
        self.turns = 0
        return await super().add(tasks)

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[None]:
        async def count() -> None:
            while True:
                self.turns += 1
                await asyncio.sleep(0)

        others = asyncio.create_task(count())
        try:
            yield
        finally:
            others.cancel()
            with suppress(asyncio.CancelledError):
                await others


async def test_a_job_of_ten_thousand_urls_does_not_hold_the_loop(tmp_path: Path) -> None:
    settings = config.load(tmp_path)
    store = Watched(settings.home.database)
    async with Runtime(settings=settings, store=store, work=False) as runtime:
        async with Initiation(runtime, settings, b"k" * 32, SystemClock()) as initiation, store.counting():
            begun = await initiation.begin(Order(urls=[f"http://127.0.0.1:9/{n}" for n in range(MANY)]), OWNER)
        assert len(await runtime.files(begun.job_id)) == begun.total_files == MANY
    assert store.before[0] >= MANY / 500


async def test_ten_thousand_tasks_do_not_hold_the_loop(tmp_path: Path) -> None:
    settings = config.load(tmp_path)
    store = Watched(settings.home.database)
    async with Runtime(settings=settings, store=store, work=False) as runtime, store.counting():
        await runtime.add_many([Request(f"http://127.0.0.1:9/{n}", paused=True) for n in range(2000)])
    assert min(store.before) >= 9
