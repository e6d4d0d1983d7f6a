"""Which tasks may run, which are the first of them, and when the next one is due."""

from __future__ import annotations

from dataclasses import replace

from argosy.core.types import Queue, Status
from argosy.store.port import Change, Store
from argosy.testing.store_contract.sample import T0, claimed, make_task, moved
from argosy.testing.store_contract.step import did, ids, put, put_one, runnable
from argosy.testing.store_contract.suite import StoreSuite


class CandidateContract(StoreSuite):
    """Which tasks may run, which are the first of them, and when the next one is due."""

    async def test_only_waiting_tasks_are_runnable(self, store: Store) -> None:
        tasks = await put(store, *(make_task(status=status) for status in Status))
        waiting = [task.id for task in tasks if task.status in (Status.PENDING, Status.RETRYING)]
        assert await runnable(store) == sorted(waiting)

    async def test_a_candidate_tells_what_the_policy_needs(self, store: Store) -> None:
        task = await put_one(store, priority=2, due_at=T0 - 1, queue=Queue.INTERACTIVE)
        (found,) = await store.runnable(now=T0, limit=9, session=None)
        told = (found.id, found.version, found.status, found.queue, found.priority, found.rank, found.queued_at)
        assert told == (task.id, 1, Status.PENDING, Queue.INTERACTIVE, 2, task.rank, task.queued_at)
        assert (found.host, found.directory, found.due_at) == (task.host, "/downloads", T0 - 1)

    async def test_the_first_by_priority_and_rank_and_the_oldest_are_runnable(self, store: Store) -> None:
        low = await put_one(store, priority=0, rank=0.0, queued_at=T0 - 9)
        second = await put_one(store, priority=5, rank=2.0, queued_at=T0 + 1)
        first = await put_one(store, priority=5, rank=1.0, queued_at=T0)
        await put_one(store, priority=5, rank=3.0, queued_at=T0 + 2)
        assert await runnable(store, limit=1) == sorted([first.id, low.id])
        assert await runnable(store, limit=2) == sorted([first.id, second.id, low.id])

    async def test_each_queue_has_its_own_first_and_retrying_tasks_are_of_the_retry_queue(self, store: Store) -> None:
        tasks = [await put_one(store, queue=queue) for queue in Queue]
        again = await put_one(store, queue=Queue.INTERACTIVE, status=Status.RETRYING, rank=-1.0, queued_at=0.0)
        found = await store.runnable(now=T0, limit=1, session=None)
        assert {one.id: one.queue for one in found} == {
            tasks[0].id: Queue.INTERACTIVE,
            tasks[1].id: Queue.AUTOMATIC,
            again.id: Queue.RETRY,
        }

    async def test_a_task_is_not_runnable_before_it_is_due(self, store: Store) -> None:
        late = await put(store, *(make_task(due_at=T0 + 10 + serial, rank=-1.0) for serial in range(3)))
        now = await put_one(store)
        assert await runnable(store, limit=1) == [now.id]
        assert await runnable(store, limit=1, now=T0 + 10) == [late[0].id]
        assert await runnable(store, now=T0 + 99) == sorted([*ids(late), now.id])
        assert await runnable(store) == [now.id]  # a clock that went back

    async def test_a_task_that_waits_anew_is_runnable_when_it_is_due_again(self, store: Store) -> None:
        task = await put_one(store, due_at=T0)
        assert await runnable(store) == [task.id]
        running = await did(store, claimed(task))
        assert await runnable(store) == []
        await did(store, moved(running, Status.RETRYING, owner=None, lease_until=None, due_at=T0 + 5))
        assert await runnable(store) == []
        assert await runnable(store, now=T0 + 5) == [task.id]

    async def test_tasks_of_a_session_are_runnable_for_it_alone(self, store: Store) -> None:
        mine, others, anyones = [await put_one(store, session=session) for session in ("s", "t", None)]
        assert await runnable(store, session="s") == [mine.id]
        assert await runnable(store) == [anyones.id]
        assert others.session == "t"

    async def test_full_hosts_do_not_hide_the_tasks_of_others(self, store: Store) -> None:
        await put(store, *(make_task(host=host, rank=-1.0, queued_at=0.0) for host in ("full", "also") * 10))
        x = [await put_one(store, host="x", rank=float(rank), queued_at=T0 - rank) for rank in range(4)]
        y = await put_one(store, host="y", rank=0.5, queued_at=T0 + 1)
        full = {"full", "also"}
        assert await runnable(store, limit=2, full_hosts=full) == sorted([x[0].id, y.id, x[2].id, x[3].id])
        assert await runnable(store, full_hosts=full | {"x"}) == [y.id]
        assert await runnable(store, full_hosts=full | {"x", "y"}) == []

    async def test_the_next_due_moment_is_that_of_a_waiting_task_after_now(self, store: Store) -> None:
        assert await store.next_due(now=T0, session=None) is None
        await put_one(store, due_at=T0 + 9)
        await put_one(store, due_at=T0 + 5, status=Status.RETRYING)
        await put_one(store, due_at=T0)
        await put_one(store, due_at=T0 + 1, status=Status.PAUSED)
        await put_one(store, due_at=T0 + 2, session="s")
        assert await store.next_due(now=T0, session=None) == T0 + 5
        assert await store.next_due(now=T0, session="s") == T0 + 2
        await runnable(store, now=T0 + 6)
        assert await store.next_due(now=T0 + 5, session=None) == T0 + 9
        assert await store.next_due(now=T0, session=None) == T0 + 5  # a clock that went back

    async def test_the_first_rank_is_before_every_stored_one(self, store: Store) -> None:
        task = await put_one(store, rank=-40.5)
        await put_one(store, rank=3.0)
        assert await store.first_rank() < -40.5
        await did(store, Change(task, replace(task, rank=-100.0)))
        assert await store.first_rank() < -100.0
