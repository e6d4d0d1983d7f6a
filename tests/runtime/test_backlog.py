"""The store is asked what could run only when the answer may be another one by now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from argosy.core.schedule import Candidate
from argosy.core.types import Status
from argosy.runtime.backlog import SPARE_CANDIDATES, Backlog
from argosy.store.memory import MemoryStore
from argosy.store.port import Change
from argosy.testing.store_contract.sample import T0, make_task
from argosy.testing.store_contract.step import put, put_one

NOW = T0 + 1_000_000
OPEN: frozenset[str] = frozenset()


class Watched(MemoryStore):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self.read: list[int] = []

    async def runnable(self, **asked: Any) -> list[Candidate]:
        found = await super().runnable(**asked)
        self.asked.append(len(found))
        return list(found)

    async def get(self, ids: Sequence[str]) -> Any:
        self.read.append(len(ids))
        return await super().get(ids)


@pytest.fixture
async def store() -> Watched:
    store = Watched()
    await store.open()
    return store


async def test_who_takes_from_a_long_queue_asks_seldom_and_reads_only_what_is_taken(store: Watched) -> None:
    await put(store, *(make_task() for _ in range(100)))
    backlog = Backlog(store, None)
    taken = []
    for _ in range(20):
        candidates = await backlog.candidates(NOW, 1, OPEN)
        taken += await backlog.take(candidates[:1])
    assert len({task.id for task in taken}) == 20
    assert len(store.asked) == 1
    assert sum(store.read) == 20
    assert len(store.read) == 10  # two at a time


async def test_what_is_new_is_seen_once_somebody_says_so(store: Watched) -> None:
    await put(store, make_task())
    backlog = Backlog(store, None)
    assert len(await backlog.candidates(NOW, 3, OPEN)) == 1
    await put(store, make_task())
    assert len(await backlog.candidates(NOW, 3, OPEN)) == 1
    backlog.outdated()
    assert len(await backlog.candidates(NOW, 3, OPEN)) == 2


async def test_a_crowded_host_costs_no_question_for_each_look(store: Watched) -> None:
    await put(store, *(make_task(host="a:80") for _ in range(SPARE_CANDIDATES + 9)), make_task(host="b:80"))
    backlog = Backlog(store, None)
    for _ in range(9):
        (other,) = await backlog.candidates(NOW, 4, {"a:80"})
        assert other.host == "b:80"
    assert len(store.asked) == 1
    assert len(await backlog.candidates(NOW, 4, OPEN)) > 4  # open again: its tasks are there
    for _ in range(9):
        (other,) = await backlog.candidates(NOW, 4, {"a:80"})
        assert len(await backlog.candidates(NOW, 4, OPEN)) > 4
    assert len(store.asked) <= 4


async def test_what_comes_due_is_seen_when_it_is_due(store: Watched) -> None:
    await put(store, make_task(due_at=NOW + 10, status=Status.RETRYING))
    backlog = Backlog(store, None)
    assert await backlog.candidates(NOW, 3, OPEN) == []
    assert backlog.due_at == NOW + 10
    assert await backlog.candidates(NOW + 9, 3, OPEN) == []
    assert len(store.asked) == 1
    assert len(await backlog.candidates(NOW + 10, 3, OPEN)) == 1
    assert backlog.due_at is None


async def test_one_that_is_gone_is_not_taken(store: Watched) -> None:
    task = await put_one(store)
    backlog = Backlog(store, None)
    candidates = await backlog.candidates(NOW, 3, OPEN)
    await store.commit([Change(task, None)])
    assert await backlog.take(candidates) == []
