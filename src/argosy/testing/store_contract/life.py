"""Opening, closing, and calls from many loops: what was handed over is done, in order."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

from argosy.core.types import TERMINAL, Status, Task
from argosy.store.port import Committed, NewTask, Refused, Store
from argosy.testing.store_contract.sample import T0, make_task, moved
from argosy.testing.store_contract.step import ids, put, put_one, stored
from argosy.testing.store_contract.suite import StoreSuite


class LifeContract(StoreSuite):
    """Opening, closing, and calls from many loops: what was handed over is done, in order."""

    async def test_opening_and_closing_twice_is_like_once(self, store: Store) -> None:
        await store.open()
        task = await put_one(store)
        await store.close()
        await store.close()
        await store.open()
        assert await stored(store, task) == task

    async def test_close_finishes_what_was_handed_over(self, store: Store) -> None:
        waiting = [asyncio.ensure_future(put_one(store)) for _ in range(50)]
        await asyncio.sleep(0)  # let each of them hand over
        await store.close()
        tasks = await asyncio.gather(*waiting)
        await store.open()
        assert len(await store.get(ids(tasks))) == 50

    async def test_several_event_loops_may_use_one_store(self, store: Store) -> None:
        results: list[Task] = []
        threads = [threading.Thread(target=lambda: results.append(asyncio.run(put_one(store)))) for _ in range(4)]
        for thread in threads:
            thread.start()
        mine = await put_one(store)
        await asyncio.gather(*(asyncio.to_thread(thread.join) for thread in threads))
        assert sorted(task.number for task in [*results, mine]) == [1, 2, 3, 4, 5]

    async def test_operations_handed_over_together_happen_in_their_order(self, store: Store) -> None:
        task, ended = make_task(session="w1", key="k"), make_task(status=Status.FAILED, finished_at=T0 - 1)
        before = await store.add([NewTask(ended)])
        paused = moved(replace(task, number=2), Status.PAUSED)
        gone = {"finished_before": T0, "statuses": TERMINAL, "limit": 5}
        *_, answers, again, purged, missing = await asyncio.gather(
            store.add([NewTask(task)]),
            store.forget("w1"),
            store.commit([paused]),
            store.add([NewTask(make_task(key="k"))]),
            store.purge(**gone),  # type: ignore[arg-type]
            store.commit([moved(before[0].task, Status.PENDING)]),
        )
        assert isinstance(answers[0], Committed)
        assert await store.get([task.id]) == {task.id: answers[0].task}
        assert answers[0].task is not None
        assert answers[0].task.session is None
        assert (again[0].existed, again[0].task) == (True, answers[0].task)
        assert (purged, list(missing)) == (1, [Refused(ended.id, None)])

    async def test_an_operation_goes_on_when_its_caller_is_cancelled(self, store: Store) -> None:
        task = make_task()
        caller = asyncio.ensure_future(put(store, task))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        await put_one(store)
        assert await stored(store, task) is not None
