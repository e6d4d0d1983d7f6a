"""However much is asked for at once, others have the loop many times before it is stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from fastapi.exceptions import RequestValidationError

from argosy import Request, config
from argosy.runtime.clock import SystemClock
from argosy.runtime.manager import Runtime
from argosy.runtime.turn import in_turns
from argosy.service.asking import many
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


async def test_ten_thousand_tasks_of_one_request_are_understood_and_written_in_turns(tmp_path: Path) -> None:
    store = Watched(tmp_path / "unused")
    sent = [{"source": f"http://127.0.0.1:9/{n}"} for n in range(MANY)]
    async with store.counting():
        tasks = await many.understood(sent)
        understood, store.turns = store.turns, 0
        text = await many.written(tasks)
    assert min(understood, store.turns) >= MANY / many.TOGETHER - 1
    assert json.loads(text) == {"tasks": [{"source": [each["source"]]} for each in sent]}


async def test_what_is_wrong_with_one_of_many_tasks_is_said_with_its_place_among_all() -> None:
    sent: list[object] = [{"source": f"http://127.0.0.1:9/{n}"} for n in range(1000)]
    sent[3], sent[700] = {"source": "http://h/", "prority": 1}, "http://h/"
    with pytest.raises(RequestValidationError) as caught:
        await many.understood(sent)
    assert [each["loc"] for each in caught.value.errors()] == [
        ("body", "tasks", 3, "prority"),
        ("body", "tasks", 700),
    ]


async def test_items_in_turns_come_in_order_and_leave_the_loop_to_others_in_between() -> None:
    heard: list[int | str] = []
    asyncio.get_running_loop().call_soon(heard.append, "other")
    async for some in in_turns(range(5), 2):
        heard += some
    assert heard == [0, 1, "other", 2, 3, 4]
