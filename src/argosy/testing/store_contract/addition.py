"""Adding: every field is kept, and the same request again is the same task."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from argosy.core.checksum import Checksum
from argosy.core.events import StatusChanged
from argosy.core.types import TERMINAL, FileState, FileStatus, Kept, Status, Task
from argosy.store.port import Change, NewTask, Store
from argosy.testing.store_contract.sample import T0, full_file, full_task, make_task, moved
from argosy.testing.store_contract.step import did, ids, put, put_one, stored
from argosy.testing.store_contract.suite import StoreSuite


class AdditionContract(StoreSuite):
    """Adding: every field is kept, and the same request again is the same task."""

    async def test_tasks_are_numbered_from_one_in_the_order_in_which_they_were_added(self, store: Store) -> None:
        first = await put(store, make_task(), make_task())
        second = await put(store, make_task())
        assert [task.number for task in first + second] == [1, 2, 3]

    async def test_every_field_of_a_task_comes_back_as_it_was_given(self, store: Store, rival: Store) -> None:
        task = full_task()
        plain = {field.name: field.default for field in fields(Task)}
        untold = [name for name, default in plain.items() if name != "number" and getattr(task, name) == default]
        assert untold == []  # else this test no longer proves what it says
        assert await put(store, task) == [replace(task, number=1)]
        assert await stored(rival, task) == replace(task, number=1)

    async def test_every_field_of_a_file_comes_back_as_it_was_given(self, store: Store, rival: Store) -> None:
        task = make_task()
        files = (full_file(task, 0), FileState(task.id, 1, ()), full_file(task, 2))
        await store.add([NewTask(task, files)])
        assert await rival.files(task.id) == list(files)

    async def test_adding_logs_that_the_task_came_to_be(self, store: Store) -> None:
        task = make_task(status=Status.PAUSED, updated_at=T0 + 5)
        (added,) = await store.add([NewTask(task, reason="import")])
        (recorded,) = await store.events()
        assert added.event == recorded
        assert (recorded.event, recorded.at) == (StatusChanged(task.id, None, Status.PAUSED, "import"), T0 + 5)
        assert recorded.version == task.version

    async def test_files_of_many_tasks_come_in_one_answer_by_index(self, store: Store, rival: Store) -> None:
        tasks = [make_task() for _ in range(3)]
        files = {
            task.id: [FileState(task.id, index, (f"https://h/{index}",), received=index) for index in range(count)]
            for task, count in zip(tasks, (3, 0, 1), strict=True)
        }
        await store.add([NewTask(task, tuple(reversed(files[task.id]))) for task in tasks])
        found = await rival.files_of([*ids(tasks), "f" * 32])
        assert {task_id: list(each) for task_id, each in found.items()} == {
            task.id: files[task.id] for task in tasks if files[task.id]
        }

    async def test_the_same_key_finds_the_unfinished_task(self, store: Store) -> None:
        first = await put_one(store, key="k")
        (again,) = await store.add([NewTask(make_task(key="k"))])
        assert (again.existed, again.task) == (True, first)
        assert len(await store.events()) == 1

    async def test_the_same_key_twice_in_one_call_is_one_task(self, store: Store) -> None:
        one, two = await store.add([NewTask(make_task(key="k")), NewTask(make_task(key="k"))])
        assert (one.existed, two.existed, two.task) == (False, True, one.task)

    async def test_tasks_without_a_key_are_never_the_same(self, store: Store) -> None:
        assert len({task.number for task in await put(store, make_task(key=""), make_task(key=""))}) == 2

    @pytest.mark.parametrize("end", sorted(TERMINAL))
    async def test_the_key_of_a_finished_task_is_free(self, store: Store, end: Status) -> None:
        first = await put_one(store, key="k")
        await did(store, moved(first, end))
        (again,) = await store.add([NewTask(make_task(key="k"))])
        assert not again.existed

    async def test_the_key_of_a_removed_task_is_free(self, store: Store) -> None:
        first = await put_one(store, key="k")
        await store.commit([Change(first, None)])
        (again,) = await store.add([NewTask(make_task(key="k"))])
        assert not again.existed

    async def test_by_keys_finds_the_newest_finished_task_of_each_key(self, store: Store, rival: Store) -> None:
        for status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED):
            await put_one(store, key="a", status=status)
        newest = await put_one(store, key="a", status=Status.FAILED)
        await put_one(store, key="a")
        other = await put_one(store, key="b\udc80", status=Status.COMPLETED)
        await put_one(store, key="waits")
        await put_one(store, status=Status.COMPLETED)
        assert await rival.by_keys(["a", "b\udc80", "waits", "nobody", ""]) == {"a": newest, "b\udc80": other}
        assert await rival.by_keys([]) == {}

    async def test_by_keys_forgets_what_waits_again_or_is_gone(self, store: Store) -> None:
        again, gone = await put(store, *(make_task(key=key, status=Status.FAILED) for key in "ab"))
        await did(store, moved(again, Status.PENDING))
        await store.commit([Change(gone, None)])
        assert await store.by_keys(["a", "b"]) == {}

    async def test_kept_finds_finished_files_by_their_checksum_newest_first(self, store: Store, rival: Store) -> None:
        known = Checksum("sha256", "0f" * 32)

        def finished(task: Task, index: int, **other: object) -> FileState:
            done = {"status": FileStatus.DONE, "checksum": known, "published": f"\udcfc{index}", "size": 5, **other}
            return replace(full_file(task, index), **done)  # type: ignore[arg-type]

        older, newer = (
            replace(task, spec=replace(task.spec, directory=folder))
            for task, folder in ((make_task(), "/o\udcfc"), (make_task(), "/n"))
        )
        others = (
            finished(older, 1, status=FileStatus.SKIPPED), finished(older, 2, status=FileStatus.PUBLISHING),
            finished(older, 3, checksum=None), finished(older, 4, checksum=Checksum("sha256", "0e" * 32)),
            finished(older, 5, published=None),
        )  # fmt: skip
        mine = finished(newer, 1, part_mtime_ns=None, received=0, extents=(), block_size=0, block_hashes=b"", memo=None)
        await store.add([NewTask(older, (finished(older, 0), *others)), NewTask(newer, (finished(newer, 0), mine))])
        moment = full_file(older).part_mtime_ns
        found = [Kept("/n/\udcfc0", 5, moment), Kept("/n/\udcfc1", 5, None), Kept("/o\udcfc/\udcfc0", 5, moment)]
        assert list(await rival.kept(known, 9)) == found
        assert list(await rival.kept(known, 2)) == found[:2]
        assert list(await rival.kept(Checksum("sha256", "0d" * 32), 9)) == []
        await store.commit([Change((await store.get([newer.id]))[newer.id], None)])
        assert list(await store.kept(known, 9)) == found[2:]

    async def test_the_key_of_a_task_that_was_finished_and_waits_again_is_taken(self, store: Store) -> None:
        task = await put_one(store, key="k", status=Status.FAILED)
        await did(store, moved(task, Status.PENDING))
        (again,) = await store.add([NewTask(make_task(key="k"))])
        assert (again.existed, again.task.id) == (True, task.id)

    async def test_an_id_that_is_stored_is_not_added_again(self, store: Store) -> None:
        task = await put_one(store, status=Status.COMPLETED)
        (again,) = await store.add([NewTask(replace(task, number=0))])
        assert (again.existed, again.task) == (True, task)

    async def test_adding_nothing_is_nothing(self, store: Store) -> None:
        assert list(await store.add([])) == []
        assert list(await store.commit([])) == []
