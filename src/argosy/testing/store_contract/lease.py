"""Workers, their leases and checkpoints, and what becomes of what the dead held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argosy.core.types import ACTIVE, Lease, Status
from argosy.errors import Fenced
from argosy.store.port import Change, Store, WorkerInfo
from argosy.testing.store_contract.sample import T0, full_file, make_task, moved, tally
from argosy.testing.store_contract.step import did, leased, put, put_one, runnable, stored
from argosy.testing.store_contract.suite import StoreSuite


class LeaseContract(StoreSuite):
    """Workers, their leases and checkpoints, and what becomes of what the dead held."""

    async def test_workers_are_remembered_until_they_are_forgotten(self, store: Store, rival: Store) -> None:
        one = WorkerInfo("w1", "host", "boot", 12, "34", T0)
        two = WorkerInfo("w2", "host", "boot", 13, "35", T0, serves_queue=False)
        await store.register(one)
        await store.register(two)
        await store.register(replace(one, seen_at=T0 + 1))
        assert await rival.workers() == [replace(one, seen_at=T0 + 1), two]
        await rival.forget("w1")
        assert await store.workers() == [two]

    async def test_tasks_of_a_forgotten_worker_belong_to_nobody_in_particular(self, store: Store, rival: Store) -> None:
        mine, other = await put(store, make_task(session="w1"), make_task(session="w2"))
        await store.forget("w1")
        assert await runnable(rival) == [mine.id]
        kept = await did(store, Change(mine, replace(mine, priority=1)))
        assert (kept.session, (await store.get([other.id]))[other.id].session) == (None, "w2")

    async def test_a_heartbeat_extends_the_leases_and_marks_the_worker_seen(self, store: Store, rival: Store) -> None:
        await store.register(WorkerInfo("w1", "host", "boot", 12, "34", T0))
        task, _ = await leased(store)
        renewal = await store.renew("w1", {task.id: (task.fence, task.version)}, T0 + 60, T0 + 5)
        assert (renewal.lost, dict(renewal.changed)) == (frozenset(), {})
        assert (await rival.get([task.id]))[task.id] == replace(task, lease_until=T0 + 60)
        assert [worker.seen_at for worker in await rival.workers()] == [T0 + 5]

    async def test_a_heartbeat_tells_what_is_lost_and_what_others_changed(self, store: Store, rival: Store) -> None:
        (kept, _), (taken, _), (paused, _), (removed, _) = [await leased(store) for _ in range(4)]
        held = {task.id: (task.fence, task.version) for task in (kept, taken, paused, removed)}
        await did(rival, moved(taken, Status.SCHEDULED, owner="w2", fence=2, lease_until=T0 + 31))
        now_paused = await did(rival, moved(paused, Status.PAUSING))
        await rival.commit([Change(removed, None)])
        renewal = await store.renew("w1", held, T0 + 60, T0)
        assert renewal.lost == {taken.id, removed.id}
        assert dict(renewal.changed) == {paused.id: replace(now_paused, lease_until=T0 + 60)}
        lost = await stored(store, taken)
        assert lost is not None
        assert lost.lease_until == T0 + 31

    async def test_a_checkpoint_replaces_counters_and_files_and_no_version(self, store: Store, rival: Store) -> None:
        task, lease = await leased(store, name="old")
        file = full_file(task)
        await store.checkpoint(lease, tally(5), [file])
        expected = replace(
            task, received=5, total=10, files_done=1, files_total=2, speed_bps=3.5, connections=4, name="old"
        )
        assert await stored(rival, task) == expected
        assert await rival.files(task.id) == [file]
        grown = replace(file, received=6, extents=((0, 9),), block_hashes=b"x" * 8)
        await store.checkpoint(lease, tally(6, "new"), [grown])
        assert await stored(rival, task) == replace(expected, received=6, name="new")
        assert await rival.files(task.id) == [grown]

    async def test_a_checkpoint_with_an_old_lease_is_refused_and_writes_nothing(
        self, store: Store, rival: Store
    ) -> None:
        task, lease = await leased(store)
        taken = await did(rival, moved(task, Status.SCHEDULED, owner="w2", fence=2))
        for old in (lease, replace(lease, fence=2), replace(lease, owner="w2")):
            with pytest.raises(Fenced):
                await store.checkpoint(old, tally(), [full_file(task)])
        assert await stored(store, task) == taken
        assert await store.files(task.id) == []

    @pytest.mark.parametrize("status", sorted(set(Status) - ACTIVE))
    async def test_a_checkpoint_of_a_task_that_is_not_active_is_refused(self, store: Store, status: Status) -> None:
        task, lease = await leased(store)
        await did(store, moved(task, status))
        with pytest.raises(Fenced):
            await store.checkpoint(lease, tally(), ())

    async def test_a_checkpoint_of_a_task_that_is_gone_is_refused(self, store: Store) -> None:
        with pytest.raises(Fenced):
            await store.checkpoint(Lease("f" * 32, "w1", 1), tally(), ())

    async def test_active_tasks_are_reapable_when_their_lease_ended_or_their_owner_is_dead(self, store: Store) -> None:
        (ended, _), (dead, _), (alive, _) = [await leased(store) for _ in range(3)]
        ended = await did(store, Change(ended, replace(ended, lease_until=T0 - 1)))
        dead = await did(store, Change(dead, replace(dead, owner="w9")))
        without = await put_one(store, status=Status.RUNNING)
        await put_one(store, status=Status.PENDING, lease_until=T0 - 5, owner="w9")
        assert await store.reapable(now=T0, dead={"w9"}, limit=9) == [ended, dead, without]
        assert await store.reapable(now=T0, dead=(), limit=1) == [ended]
        assert alive.lease_until is not None
        assert len(await store.reapable(now=alive.lease_until, dead=(), limit=9)) == 2
