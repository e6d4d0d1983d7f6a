"""The same request by other means: the bytes that are here stay, everything else goes by what was said last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from argosy import Runtime, Status, TransferOptions
from argosy.errors import AuthError, IllegalTransition, IntegrityError, UsageError
from argosy.testing.faults import Cut, RequireBasic, Throttle, after, ranged, with_header
from argosy.testing.faults import Status as Answer
from argosy.testing.poll import until
from argosy.testing.server import Body, FaultyServer

SIZE = 6_000_000
BODY = Body.generated(SIZE, seed=3)
OTHER = Body.generated(SIZE, seed=4)
HURRIED = with_header("X-Hurry")
OVERLAP = 64 * 1024
"""So much at most may be fetched twice, to see that it is the same."""
ONE = TransferOptions(connections=1)


def _is(runtime: Runtime, task_id: str, *statuses: Status) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return (await runtime.task(task_id)).status in statuses

    return look


def _came(runtime: Runtime, task_id: str, size: int) -> Callable[[], bool]:
    def look() -> bool:
        shown = runtime.live_progress(task_id)
        return shown is not None and shown.received >= size

    return look


async def _partly(real: Any, server: FaultyServer, url: str) -> str:
    """Bring part of the file and stop the runtime; returns the task's id."""
    server.set_faults("/a.bin", Throttle(2_000_000))
    async with real() as runtime:
        task = await runtime.add(url, options=ONE)
        await until(_came(runtime, task.id, 1_000_000))
        task_id: str = task.id
    server.set_faults("/a.bin")
    return task_id


async def test_an_unfinished_task_goes_on_with_the_options_given_now(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", BODY)
    task_id = await _partly(real, server, url)
    newer = TransferOptions(
        connections=2, headers=(("X-Now", "yes"),), user_agent="me/2", if_exists="overwrite", connect_timeout_s=5
    )
    before = len(server.requests)
    async with real(session=True) as runtime:
        task = await runtime.add(url, options=newer, max_retries=9)
        assert task.id == task_id
        finished = await task
    assert (finished.spec.options, finished.max_retries) == (newer, 9)
    later = server.requests[before:]
    assert {(record.header("X-Now"), record.agent) for record in later} == {("yes", "me/2")}
    assert task.path.read_bytes() == BODY.read()
    assert all((record.request.first_byte or 0) >= 1_000_000 - OVERLAP for record in later)


async def test_a_task_that_failed_for_want_of_a_password_goes_on_with_one(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", BODY, faults=[Cut(2_000_000, times=1), RequireBasic("me", "geheim", when=after(1))])
    async with real() as runtime:
        first = await runtime.add(url, options=ONE)
        with pytest.raises(AuthError):
            await first
        kept = (await runtime.task(first.id)).received
        again = await runtime.add(url, options=TransferOptions(connections=1, user="me:geheim"))
        assert again.id == first.id
        await again
    assert kept > 1_000_000
    assert (server.requests[-1].request.first_byte or 0) >= kept - OVERLAP
    assert again.path.read_bytes() == BODY.read()


async def test_a_checksum_given_later_is_heeded(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", BODY)
    task_id = await _partly(real, server, url)
    async with real() as runtime:
        wrong = await runtime.add(url, checksum="sha256:" + "0" * 64, options=ONE)
        assert wrong.id == task_id
        with pytest.raises(IntegrityError):
            await wrong
        right = await runtime.add(url, checksum="sha256:" + BODY.hexdigest(), options=ONE)
        assert right.id == task_id
        await right
        (file,) = await runtime.files(task_id)
    assert file.verified_by == "sha256"
    assert real.names() == {"a.bin"}


async def test_a_mirror_given_later_is_used(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", BODY)
    task_id = await _partly(real, server, url)
    server.set_faults("/a.bin", Answer(404))
    with FaultyServer() as mirror:
        other = mirror.add("/b.bin", BODY)
        async with real() as runtime:
            task = await runtime.add(url, mirrors=[other], checksum="sha256:" + BODY.hexdigest(), options=ONE)
            assert task.id == task_id
            await task
        assert 0 < mirror.bytes_sent() < SIZE
    assert task.path.read_bytes() == BODY.read()


async def test_a_running_task_changes_over_at_once(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", BODY, faults=[Throttle(500_000, when=~HURRIED)])
    async with real() as runtime:
        task = await runtime.add(url, options=ONE)
        await until(_came(runtime, task.id, 100_000))
        again = await runtime.add(url, options=TransferOptions(connections=1, headers=(("X-Hurry", "1"),)))
        assert again.id == task.id
        await asyncio.wait_for(task.result(), 8)
    assert task.path.read_bytes() == BODY.read()
    assert server.bytes_sent("/a.bin") < 1.5 * SIZE


async def test_a_task_that_another_process_runs_changes_over_too(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", BODY, faults=[Throttle(500_000, when=~HURRIED)])
    async with real() as worker:
        task = await worker.add(url, options=ONE)
        await until(_came(worker, task.id, 100_000))
        async with real(work=False) as elsewhere:
            await elsewhere.update(task.id, options=TransferOptions(connections=1, headers=(("X-Hurry", "1"),)))
        await asyncio.wait_for(task.result(), 10)
    assert task.path.read_bytes() == BODY.read()


async def test_the_same_options_disturb_nobody(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", BODY, faults=[Throttle(4_000_000)])
    async with real() as runtime:
        task = await runtime.add(url, options=ONE)
        await until(_came(runtime, task.id, 100_000))
        before = await task.task()
        after = await runtime.update(task.id, options=ONE)
        assert (after.version, after.status, after.spec) == (before.version, before.status, before.spec)
        await runtime.add(url, options=ONE)
        await task
    assert len(server.requests) == 1


# -- a new link ----------------------------------------------------------------------------------------


async def test_a_fresh_link_goes_on_where_the_expired_one_ended(server: FaultyServer, real: Any) -> None:
    expired = server.add("/a.bin", BODY, faults=[Cut(3_000_000, times=1), Answer(403, when=ranged & after(1))])
    async with real() as runtime:
        task = await runtime.add(expired + "?sig=old", options=ONE)
        with pytest.raises(AuthError):
            await task
        kept = (await runtime.task(task.id)).received
        fresh = server.add("/new/b.bin", BODY)
        updated = await runtime.update(task.id, urls=[fresh + "?sig=new"])
        assert (updated.status, updated.received, updated.key) == (Status.FAILED, kept, (await task.task()).key)
        await task.retry()
        await task
        same = await runtime.add(expired + "?sig=old", options=ONE)
        assert same.path == task.path
    assert kept > 2_000_000
    assert server.bytes_sent("/new/b.bin") <= SIZE - kept + 64 * 1024
    assert task.path.name == "a.bin"
    assert task.path.read_bytes() == BODY.read()


async def test_a_fresh_link_to_something_else_never_mixes_with_what_is_here(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", BODY)
    task_id = await _partly(real, server, url)
    async with real(work=False) as runtime:
        await runtime.update(task_id, urls=[server.add("/b.bin", OTHER)])
    async with real() as runtime:
        await (await runtime.handle(task_id))
        path = (await runtime.handle(task_id)).path
    assert path.read_bytes() == OTHER.read()


async def test_the_old_command_again_does_not_bring_the_expired_link_back(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", BODY)
    task_id = await _partly(real, server, url)
    server.set_faults("/a.bin", Answer(403))
    async with real() as runtime:
        await runtime.pause([task_id])
        await runtime.update(task_id, urls=[server.add("/b.bin", BODY)])
        task = await runtime.add(url, options=ONE)
        assert task.id == task_id
        await task
    assert task.path.read_bytes() == BODY.read()


async def test_what_makes_no_sense_is_refused(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", b"x")
    async with real() as runtime:
        done = await runtime.add(url)
        await done
        with pytest.raises(IllegalTransition):
            await runtime.update(done.id, urls=[url + "?b"])
        many = await runtime.add([url, url + "?c"], paused=True)
        for urls in ([], ["file:///etc/passwd"]):
            with pytest.raises(UsageError):
                await runtime.update(done.id, urls=urls)
        with pytest.raises(UsageError, match="one file"):
            await runtime.update(many.id, urls=[url])
