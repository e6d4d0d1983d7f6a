"""The log, the settings, and what is purged in time."""

from __future__ import annotations

import pytest

from argosy.core.events import Lasting, StatusChanged, Warned
from argosy.core.types import TERMINAL, Status
from argosy.errors import Failure
from argosy.store.port import EVENTS_PER_TASK, Query, Store
from argosy.testing.store_contract.sample import T0, make_task
from argosy.testing.store_contract.step import put, put_one
from argosy.testing.store_contract.suite import StoreSuite


class LogContract(StoreSuite):
    """The log, the settings, and what is purged in time."""

    async def test_events_are_numbered_without_holes_and_read_in_order(self, store: Store) -> None:
        task = await put_one(store)
        failure = Failure("network", "reset", "hint", retryable=True, exit_code=3, retry_after_s=2.5)
        failed: Lasting = StatusChanged(task.id, Status.RUNNING, Status.FAILED, "network", failure)
        warned: Lasting = Warned("stalled", "no bytes for 30 s", task.id)
        general: Lasting = Warned("disk_full", "no space in /d\udcff")
        logged = await store.log([failed, warned, general], T0 + 1)
        assert [(one.seq, one.at, one.version, one.event) for one in logged] == [
            (2, T0 + 1, 0, failed),
            (3, T0 + 1, 0, warned),
            (4, T0 + 1, 0, general),
        ]
        assert list(await store.events(after=1)) == list(logged)
        assert [one.seq for one in await store.events(limit=2)] == [1, 2]
        assert [one.seq for one in await store.events(task_id=task.id, after=1, limit=1)] == [2]
        assert [one.seq for one in await store.events(task_id=task.id)] == [1, 2, 3]
        assert await store.last_seq() == 4

    async def test_an_empty_log_ends_at_zero(self, store: Store) -> None:
        assert (await store.last_seq(), list(await store.events())) == (0, [])

    async def test_a_setting_is_what_was_set_last(self, store: Store, rival: Store) -> None:
        assert await store.setting("limit") is None
        await store.set_setting("limit", "2M")
        await store.set_setting("limit", "")
        assert await rival.setting("limit") == ""
        await rival.set_setting("limit", None)
        await rival.set_setting("limit", None)
        assert await store.setting("limit") is None

    async def test_purging_removes_the_longest_finished_tasks_and_their_time_of_the_log(self, store: Store) -> None:
        done = [make_task(status=Status.COMPLETED, finished_at=T0 - n, updated_at=T0 - n) for n in range(1, 5)]
        failed = make_task(status=Status.FAILED, finished_at=T0 - 50)
        waiting = make_task(finished_at=T0 - 60)
        fresh = make_task(status=Status.COMPLETED, finished_at=T0)
        await put(store, *done, failed, waiting, fresh)
        wanted = frozenset({Status.COMPLETED, Status.PENDING})
        assert await store.purge(finished_before=T0, statuses=wanted, limit=3) == 3
        left = {done[0].id, failed.id, waiting.id, fresh.id}
        assert {task.id for task in await store.find(Query())} == left
        assert (await store.counts())[Status.COMPLETED] == 2
        assert [one.at for one in await store.events()] == [T0] * 3
        assert await store.purge(finished_before=T0, statuses=wanted, limit=3) == 1
        assert await store.purge(finished_before=T0, statuses=wanted, limit=3) == 0

    async def test_one_purge_removes_a_bounded_part_of_the_log_and_numbers_go_on(self, store: Store) -> None:
        await store.log([Warned("w", str(serial)) for serial in range(EVENTS_PER_TASK + 3)], T0)
        await store.purge(finished_before=T0 + 1, statuses=TERMINAL, limit=1)
        assert len(await store.events()) == 3
        await store.purge(finished_before=T0 + 1, statuses=TERMINAL, limit=1)
        assert list(await store.events()) == []
        (recorded,) = await store.log([Warned("w", "next")], T0)
        assert recorded.seq == EVENTS_PER_TASK + 4 == await store.last_seq()

    async def test_the_change_count_differs_after_a_write_through_another_store(
        self, store: Store, rival: Store
    ) -> None:
        if rival is store:
            pytest.skip("nobody else can write")
        before = await store.change_count()
        await put_one(store)
        assert await store.change_count() == before
        await put_one(rival)
        after = await store.change_count()
        assert after != before
        assert await store.change_count() == after
