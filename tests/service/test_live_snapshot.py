"""Of the tasks that a client begins with."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from argosy.bus.local import Bus
from argosy.core.types import Progress, Status, Task
from argosy.service.live.feed import Feed
from argosy.service.live.filter import Filter
from argosy.service.live.snapshot import Snapshots
from argosy.store.memory import MemoryStore
from argosy.store.port import Query
from argosy.testing.clock import FakeClock
from argosy.testing.store_contract import make_task
from argosy.testing.store_contract.sample import moved
from argosy.testing.store_contract.step import did, put, put_one


class Busy(MemoryStore):
    """After each look at it the ``turning`` task is in the other of two statuses."""

    turning: Task | None = None

    async def find(self, query: Query) -> Sequence[Task]:
        found = await super().find(query)
        if self.turning is not None:
            to = Status.RUNNING if self.turning.status is Status.PENDING else Status.PENDING
            self.turning = await did(self, moved(self.turning, to))
        return found


class Runtime:
    """Nothing runs in it."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    def live_progress(self, task_id: str) -> Progress | None:
        return None


def snapshots(store: MemoryStore) -> Snapshots:
    return Snapshots(Runtime(store), Feed(Bus(store), FakeClock()), FakeClock())


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING])
async def test_a_task_that_begins_or_ends_to_run_meanwhile_is_there(status: Status) -> None:
    store = Busy()
    store.turning = await put_one(store, status=status)
    view = await snapshots(store).take(Filter(), 10)
    assert ([task.id for task in view.tasks], view.complete) == ([store.turning.id], True)


async def test_what_is_active_comes_first_however_old_and_the_newest_of_the_rest_where_there_is_room() -> None:
    store = MemoryStore()
    old = await put(store, *(make_task(status=Status.RUNNING) for _ in range(2)))
    await put(store, *(make_task(status=Status.COMPLETED) for _ in range(5)))
    new = await put(store, *(make_task() for _ in range(5)))
    view = await snapshots(store).take(Filter(), 4)
    expected = [old[1], old[0], new[4], new[3]]
    assert ([task.id for task in view.tasks], view.complete) == ([task.id for task in expected], False)


async def test_what_is_active_comes_first_if_all_is_shown() -> None:
    store = MemoryStore()
    (running,) = await put(store, make_task(status=Status.RUNNING))
    (waiting,) = await put(store, make_task())
    view = await snapshots(store).take(Filter(), 2)
    assert ([task.id for task in view.tasks], view.complete) == ([running.id, waiting.id], True)
