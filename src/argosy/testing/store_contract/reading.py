"""Finding and counting tasks."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, get_args

import pytest

from argosy.core.types import Queue, Status, Task, TaskSpec
from argosy.store.port import Change, Query, SortKey, Store, sort_value
from argosy.testing.store_contract.sample import T0, make_task, moved
from argosy.testing.store_contract.step import put, put_one
from argosy.testing.store_contract.suite import StoreSuite


class ReadingContract(StoreSuite):
    """Finding and counting tasks."""

    async def test_get_returns_those_that_exist(self, store: Store) -> None:
        task = await put_one(store)
        assert await store.get([task.id, "f" * 32]) == {task.id: task}

    async def test_a_prefix_names_the_ids_that_begin_with_it(self, store: Store) -> None:
        await put(store, *(make_task(id=one * 32) for one in ("aa1", "aa2", "ab3", "b")))
        assert await store.resolve("ab") == ["ab3" * 32]
        assert sorted(await store.resolve("aa")) == ["aa1" * 32, "aa2" * 32]
        assert len(await store.resolve("a", limit=2)) == 2
        assert list(await store.resolve("c")) == []

    async def test_pages_follow_each_other_by_number(self, store: Store) -> None:
        tasks = await put(store, *(make_task() for _ in range(5)))
        first = await store.find(Query(limit=2))
        second = await store.find(Query(limit=2, after=first[-1].number))
        assert [*first, *second] == tasks[:4]
        newest = await store.find(Query(limit=2, newest_first=True))
        older = await store.find(Query(limit=2, newest_first=True, after=newest[-1].number))
        assert [*newest, *older] == tasks[:0:-1]

    @pytest.mark.parametrize("newest_first", [False, True])
    @pytest.mark.parametrize("by", get_args(SortKey))
    async def test_pages_in_any_order_have_each_task_once(self, store: Store, by: SortKey, newest_first: bool) -> None:
        kinds: list[dict[str, Any]] = [
            {"priority": 1, "name": "b", "total": 7, "updated_at": T0 + 1, "finished_at": T0 + 2},
            {"priority": -1, "name": "A", "total": None, "updated_at": T0, "finished_at": T0 + 1},
            {"priority": 0, "name": None, "total": 0, "finished_at": T0 + 1.5},
            {"name": "é", "total": 2**62, "finished_at": None},
        ]
        equal = itertools.cycle(kinds)
        tasks = await put(store, *(make_task(**next(equal)) for _ in range(13)))
        eligible = [task for task in tasks if by != "finished_at" or task.finished_at is not None]
        found: list[Task] = []
        while True:
            after, value = (found[-1].number, sort_value(found[-1], by)) if found else (None, None)
            query = Query(by=by, newest_first=newest_first, after=after, after_value=value, limit=3)
            page = await store.find(query)
            found += page
            if len(page) < 3:
                break
        wanted = sorted(eligible, key=lambda task: (sort_value(task, by), task.number), reverse=newest_first)
        assert found == wanted

    async def test_a_sorted_page_heeds_every_condition(self, store: Store) -> None:
        low, high = await put(
            store, make_task(host="a", name="wanted1"), make_task(host="a", name="wanted2", priority=5)
        )
        await put(store, make_task(host="b", name="wanted3"), make_task(host="a", name="y"))
        await put_one(store, host="a", name="wanted4", status=Status.PAUSED)
        query = Query(statuses=frozenset({Status.PENDING}), host="a", text="wanted", by="priority", newest_first=True)
        assert await store.find(query) == [high, low]
        assert await store.find(replace(query, statuses=frozenset())) == []

    @pytest.mark.parametrize("by", ["number", "finished_at", "name"])
    async def test_find_looks_at_when_tasks_were_made_and_ended(self, store: Store, by: SortKey) -> None:
        early = await put_one(store, created_at=T0, finished_at=T0 + 5, name="a", status=Status.FAILED)
        late = await put_one(store, created_at=T0 + 9, finished_at=T0 + 10, name="b", status=Status.COMPLETED)
        await put_one(store, created_at=T0 + 20, name="c")
        assert await store.find(Query(by=by, created=(T0, T0 + 9))) == [early]
        assert await store.find(Query(by=by, created=(T0 + 1, T0 + 10))) == [late]
        assert await store.find(Query(by=by, finished=(None, T0 + 10))) == [early]
        assert await store.find(Query(by=by, finished=(T0 + 5, None))) == [early, late]

    async def test_find_looks_at_status_host_key_and_session(self, store: Store) -> None:
        a = await put_one(store, host="a", key="ka", session="s")
        b = await put_one(store, host="b", key="kb", status=Status.PAUSED)
        c = await put_one(store, host="a", status=Status.PAUSED, session="s")
        both = frozenset({Status.PENDING, Status.PAUSED})
        assert await store.find(Query(statuses=both)) == [a, b, c]
        assert await store.find(Query(statuses=frozenset({Status.PAUSED}))) == [b, c]
        assert await store.find(Query(statuses=frozenset())) == []
        assert await store.find(Query(host="a")) == [a, c]
        assert await store.find(Query(host="a", newest_first=True, limit=1)) == [c]
        assert await store.find(Query(key="kb")) == [b]
        assert await store.find(Query(key="")) == [c]
        assert await store.find(Query(session="s", statuses=both, host="a", after=a.number)) == [c]

    async def test_find_looks_for_text_in_source_and_name_ignoring_case(self, store: Store) -> None:
        a = await put_one(store, spec=TaskSpec("https://example.org/Data_1.ZIP", "/d"))
        b = await put_one(store, spec=TaskSpec("https://example.org/2", "/d"), name="Prüfung 100%.zip")
        assert await store.find(Query(text="zip")) == [a, b]
        assert await store.find(Query(text="data_1")) == [a]
        assert await store.find(Query(text="PRÜF")) == [b]
        assert await store.find(Query(text="0%")) == [b]
        assert await store.find(Query(text="a%1")) == []
        assert await store.find(Query(text="d.ta")) == []

    async def test_a_search_does_not_find_out_secrets(self, store: Store) -> None:
        await put_one(store, spec=TaskSpec("https://name:geheim@example.org/a?token=s3cret&x=1", "/d"))
        for secret in ("geheim", "s3cret", "S3C", "gehé"):
            assert await store.find(Query(text=secret)) == []
        assert len(await store.find(Query(text="x=1"))) == 1

    async def test_counts_tell_every_status(self, store: Store) -> None:
        assert await store.counts() == dict.fromkeys(Status, 0)
        one, two, three = await put(store, make_task(), make_task(), make_task(status=Status.PAUSED))
        await store.commit([moved(one, Status.CANCELLED), Change(two, None), Change(three, three)])
        assert await store.counts() == dict.fromkeys(Status, 0) | {Status.CANCELLED: 1, Status.PAUSED: 1}

    async def test_depths_tell_how_many_wait_in_each_queue(self, store: Store) -> None:
        assert await store.depths() == dict.fromkeys(Queue, 0)
        await put(
            store,
            make_task(queue=Queue.INTERACTIVE), make_task(queue=Queue.INTERACTIVE, due_at=T0 + 1e6),
            make_task(queue=Queue.AUTOMATIC), make_task(queue=Queue.AUTOMATIC, status=Status.PAUSED),
            make_task(queue=Queue.INTERACTIVE, status=Status.RETRYING, due_at=T0 + 5.0),
        )  # fmt: skip
        assert await store.depths() == {Queue.INTERACTIVE: 2, Queue.AUTOMATIC: 1, Queue.RETRY: 1}
