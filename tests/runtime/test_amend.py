"""Changes made as one, tasks found by their ids, and what goes with a task that is removed."""

from __future__ import annotations

import asyncio
import threading

import pytest

from argosy import Queue, Request, Status
from argosy.errors import Conflict, IllegalTransition, UnknownTask, UsageError
from argosy.runtime.amendment import Amendment
from argosy.store.port import Store
from argosy.testing.engine import Play
from argosy.testing.poll import until
from argosy.testing.scripted import Scripted

CONTENT = bytes(range(256)) * 64
ID = "0123456789abcdef" * 2


async def test_all_changes_are_one_version(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT), store=store) as runtime:
        handle = await runtime.add("http://h/a.bin", paused=True)
        before = await handle.task()
        wanted = Amendment(5, Queue.AUTOMATIC, ["http://h/b.bin"], "md5:" + "0" * 32, 9, {"connections": 2})
        after = await runtime.amend(handle.id, wanted, version=before.version)
        assert after.version == before.version + 1
        assert (after.priority, after.queue, after.max_retries) == (5, Queue.AUTOMATIC, 9)
        assert (after.spec.files[0].urls, after.spec.options.connections) == (("http://h/b.bin",), 2)
        assert await runtime.amend(handle.id, wanted) == after


async def test_a_change_meant_for_another_version_is_not_made(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT), store=store) as runtime:
        handle = await runtime.add("http://h/a.bin", paused=True)
        before = await handle.task()
        await runtime.amend(handle.id, Amendment(priority=1), version=before.version)
        with pytest.raises(Conflict) as raised:
            await runtime.amend(handle.id, Amendment(priority=2), version=before.version)
        assert raised.value.detail_code == "precondition_failed"
        assert (await handle.task()).priority == 1


async def test_of_many_changes_for_one_version_one_is_made(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT), store=store) as runtime:
        handle = await runtime.add("http://h/a.bin", paused=True)
        version = (await handle.task()).version
        changes = (runtime.amend(handle.id, Amendment(priority=n), version=version) for n in range(1, 21))
        outcomes = await asyncio.gather(*changes, return_exceptions=True)
        made = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        assert len(made) == 1
        assert all(isinstance(outcome, Conflict) for outcome in outcomes if outcome not in made)


async def test_changes_of_different_things_at_once_are_all_made(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT), store=store) as runtime:
        handle = await runtime.add("http://h/a.bin", paused=True)
        await asyncio.gather(
            runtime.amend(handle.id, Amendment(options={"connections": 3})),
            runtime.amend(handle.id, Amendment(options={"limit_bps": 77})),
            runtime.amend(handle.id, Amendment(max_retries=1)),
            runtime.amend(handle.id, Amendment(priority=4)),
        )
        task = await handle.task()
        options = task.spec.options
        assert (options.connections, options.limit_bps, task.max_retries, task.priority) == (3, 77, 1, 4)


async def test_one_change_that_is_not_allowed_forbids_the_others(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT), store=store) as runtime:
        handle = await runtime.add("http://h/a.bin")
        done = await handle
        with pytest.raises(IllegalTransition):
            await runtime.amend(handle.id, Amendment(priority=3, options={"connections": 1}))
        assert await handle.task() == done
        with pytest.raises(UnknownTask):
            await runtime.amend("f" * 32, Amendment(priority=3))


async def test_a_running_task_goes_on_by_what_was_changed(scripted: Scripted, store: Store) -> None:
    hold = threading.Event()
    async with scripted(Play(CONTENT, hold=hold), store=store) as runtime:
        handle = await runtime.add("http://h/a.bin")

        async def runs() -> bool:
            return (await handle.task()).status is Status.RUNNING

        await until(runs)
        await runtime.amend(handle.id, Amendment(priority=2, options={"connections": 1}))
        hold.set()
        task = await handle
    assert (task.priority, task.spec.options.connections) == (2, 1)


async def test_a_task_that_is_named_by_its_id_stays_as_it_is(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT), store=store) as runtime:
        first = await runtime.add_many([Request("http://h/a.bin", paused=True, id=ID)])
        await runtime.cancel([ID])
        before = await runtime.task(ID)
        again = await runtime.add_many([Request("http://h/a.bin", priority=7, id=ID)])
        assert (first[0].id, first[0].joined, again[0].id, again[0].joined) == (ID, False, ID, True)
        assert await runtime.task(ID) == before
        unnamed = await runtime.add("http://h/a.bin", paused=True)
        assert unnamed.id == ID


async def test_requests_that_make_no_sense_keep_no_other_out(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT), store=store) as runtime:
        requests = [Request(url, paused=True) for url in ("http://h/1", "nonsense", "http://h/2", "gopher://h/")]
        results = await runtime.add_each(requests)
        assert [isinstance(result, UsageError) for result in results] == [False, True, False, True]
        assert sum((await runtime.counts()).values()) == 2


async def test_files_go_with_their_tasks_if_that_is_asked(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT), store=store) as runtime:
        kept, gone, waiting = await runtime.add_many(
            [Request("http://h/kept"), Request("http://h/gone"), Request("http://h/waiting", paused=True)]
        )
        await kept
        await gone
        await runtime.remove([kept.id])
        outcomes = await runtime.remove([gone.id, waiting.id, "f" * 32], files=True)
    assert [outcome.error is None for outcome in outcomes] == [True, True, False]
    assert kept.path.exists()
    assert not gone.path.exists()


async def test_what_has_ended_is_forgotten_up_to_a_moment(scripted: Scripted, store: Store) -> None:
    async with scripted(Play(CONTENT), store=store) as runtime:
        done, waiting = await runtime.add_many([Request("http://h/a"), Request("http://h/b", paused=True)])
        task = await done
        assert task.finished_at is not None
        assert await runtime.purge(task.finished_at) == 0
        assert await runtime.purge(task.finished_at + 1, frozenset({Status.FAILED})) == 0
        assert await runtime.purge(task.finished_at + 1) == 1
        assert [left.id for left in await runtime.tasks()] == [waiting.id]
