"""Changes: each to the version it was decided on, with its events, by the holder of the lease."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from argosy.core.events import StatusChanged
from argosy.core.types import FileState, FileStatus, Status
from argosy.store.port import Change, Committed, NewTask, Refused, Store
from argosy.testing.store_contract.sample import T0, claimed, full_file, full_task, make_task, moved, tally
from argosy.testing.store_contract.step import did, ids, leased, put, put_one, stored
from argosy.testing.store_contract.suite import StoreSuite


class CommitContract(StoreSuite):
    """Changes: each to the version it was decided on, with its events, by the holder of the lease."""

    async def test_a_change_is_stored_with_the_next_version_and_its_events(self, store: Store, rival: Store) -> None:
        task = await put_one(store)
        change = moved(task, Status.PAUSED)
        (answer,) = await store.commit([change])
        assert isinstance(answer, Committed)
        assert answer.task == replace(task, status=Status.PAUSED, version=task.version + 1, updated_at=T0 + 1)
        assert await stored(rival, task) == answer.task
        assert [(one.event, one.version, one.at) for one in answer.events] == [(change.events[0], 2, T0 + 1)]
        assert list(await rival.events(after=1)) == list(answer.events)

    async def test_a_change_may_touch_every_field(self, store: Store, rival: Store) -> None:
        task = await put_one(store)
        after = replace(full_task(), id=task.id)
        changed = await did(store, Change(task, after))
        assert changed == replace(after, number=task.number, version=2)
        assert await stored(rival, task) == changed

    async def test_a_change_of_another_version_is_refused_with_the_current_task(self, store: Store) -> None:
        task = await put_one(store)
        current = await did(store, moved(task, Status.PAUSED))
        assert await store.commit([moved(task, Status.CANCELLED)]) == [Refused(task.id, current)]
        assert await stored(store, task) == current
        assert await store.last_seq() == 2

    async def test_a_change_of_a_task_that_is_gone_is_refused(self, store: Store) -> None:
        task = make_task()
        assert await store.commit([moved(task, Status.PAUSED)]) == [Refused(task.id, None)]

    async def test_one_refusal_does_not_undo_the_others(self, store: Store) -> None:
        one, two, three = await put(store, make_task(), make_task(), make_task())
        stale = replace(two, version=9)
        answers = await store.commit([moved(task, Status.PAUSED) for task in (one, stale, three)])
        assert [type(answer) for answer in answers] == [Committed, Refused, Committed]
        assert (await store.counts())[Status.PAUSED] == 2

    async def test_changes_of_one_task_in_one_call_build_on_each_other(self, store: Store) -> None:
        task = await put_one(store)
        first = claimed(task)
        assert first.after is not None
        second = replace(moved(first.after, Status.RUNNING), fenced=True)
        answers = await store.commit([first, second])
        assert [answer.task.version for answer in answers if isinstance(answer, Committed) and answer.task] == [2, 3]
        assert [recorded.version for recorded in await store.events()] == [1, 2, 3]

    async def test_what_builds_on_a_refused_change_is_refused(self, store: Store) -> None:
        task = await put_one(store)
        stale = moved(replace(task, version=0), Status.PAUSED)
        answers = await store.commit([stale, moved(task, Status.CANCELLED)])
        assert answers == [Refused(task.id, task)] * 2

    async def test_of_racing_claims_exactly_one_is_committed(self, store: Store, rival: Store) -> None:
        tasks = await put(store, *(make_task() for _ in range(20)))
        claims = [
            racer.commit([claimed(task, owner)])
            for task in tasks
            for racer, owner in ((store, "a"), (rival, "b"), (store, "c"))
        ]
        answers = [answer for (answer,) in await asyncio.gather(*claims)]
        assert sum(isinstance(answer, Committed) for answer in answers) == 20
        assert all(answer.current is not None for answer in answers if isinstance(answer, Refused))
        owners = {task.id: task.owner for task in (await store.get(ids(tasks))).values()}
        won = [answer.task for answer in answers if isinstance(answer, Committed) and answer.task]
        assert {task.id: task.owner for task in won} == owners

    async def test_of_racing_adds_of_one_key_exactly_one_is_kept(self, store: Store, rival: Store) -> None:
        racers = [racer.add([NewTask(make_task(key="k"))]) for racer in (store, rival) * 5]
        answers = [added for (added,) in await asyncio.gather(*racers)]
        assert sum(not added.existed for added in answers) == 1
        assert len({added.task.id for added in answers}) == 1

    async def test_a_fenced_change_is_refused_once_the_lease_is_gone(self, store: Store, rival: Store) -> None:
        task, _ = await leased(store)
        taken = await did(rival, moved(task, Status.SCHEDULED, owner="w2", fence=task.fence + 1))
        late = replace(moved(task, Status.COMPLETING), fenced=True)
        assert await store.commit([late]) == [Refused(task.id, taken, fenced=True)]
        pretending = replace(late, before=replace(task, version=taken.version))
        assert await store.commit([pretending]) == [Refused(task.id, taken, fenced=True)]

    async def test_a_change_keeps_what_was_written_without_a_version_meanwhile(self, store: Store) -> None:
        task, lease = await leased(store)
        await store.checkpoint(lease, tally(7, "name"), ())
        await store.renew("w1", {task.id: (task.fence, task.version)}, T0 + 90, T0)
        paused = await did(store, moved(task, Status.PAUSING, speed_bps=0.5))
        assert (paused.received, paused.name, paused.lease_until, paused.speed_bps) == (7, "name", T0 + 90, 0.5)

    async def test_files_of_a_change_replace_those_of_their_index(self, store: Store) -> None:
        task = make_task()
        zero, one = (FileState(task.id, index, ("u",)) for index in range(2))
        ((added),) = await store.add([NewTask(task, (zero, one))])
        done = replace(full_file(task, 1), status=FileStatus.DONE)
        changed = await did(store, replace(moved(added.task, Status.PAUSED), files=(done,)))
        assert await store.files(task.id) == [zero, done]
        await did(store, replace(moved(changed, Status.PENDING), files=(one,)))
        assert await store.files(task.id) == [zero, one]

    async def test_a_change_of_all_files_removes_the_others(self, store: Store) -> None:
        task = make_task()
        (added,) = await store.add([NewTask(task, tuple(full_file(task, index) for index in range(3)))])
        only = FileState(task.id, 1, ("new",))
        await did(store, replace(moved(added.task, Status.PAUSED), files=(only,), all_files=True))
        assert await store.files(task.id) == [only]

    async def test_removing_takes_the_files_and_leaves_the_log(self, store: Store) -> None:
        task = make_task()
        (added,) = await store.add([NewTask(task, (full_file(task),))])
        event = StatusChanged(task.id, Status.PENDING, None, "user")
        (answer,) = await store.commit([Change(added.task, None, (event,), at=T0 + 9)])
        assert isinstance(answer, Committed)
        assert answer.task is None
        assert [(one.event, one.at, one.version) for one in answer.events] == [(event, T0 + 9, 2)]
        assert await store.get([task.id]) == {}
        assert await store.files(task.id) == []
        assert len(await store.events(task_id=task.id)) == 2
        assert await store.commit([moved(added.task, Status.PAUSED)]) == [Refused(task.id, None)]

    async def test_the_number_of_a_removed_task_is_not_used_again(self, store: Store) -> None:
        task = await put_one(store)
        await store.commit([Change(task, None)])
        assert (await put_one(store)).number == task.number + 1
