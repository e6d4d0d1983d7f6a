"""A task of many small files: they come by the hundred, and whatever is not small or not plain comes as it would alone."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from argosy import Request, Status, TaskHandle, Warned
from argosy.config import load
from argosy.core.checksum import Checksum
from argosy.core.types import FileSpec, FileStatus, TransferOptions
from argosy.errors import ArgosyError, IntegrityError, TransferError
from argosy.testing.faults import BEFORE_HEAD, Cut, Drip, Redirect, Stall, first
from argosy.testing.faults import Status as Answers
from argosy.testing.server import Body, FaultyServer

MANY = 120
ONCE = TransferOptions(file_retries=0)


def body(seed: int, size: int = 3_000) -> Body:
    return Body.generated(size, seed=seed)


def asked(server: FaultyServer) -> Counter[str]:
    """Return how often each path was asked for."""
    return Counter(record.path for record in server.requests)


async def rest_after(task: TaskHandle, files: int) -> None:
    """Pause the task once so many files are done, and return when it rests."""
    async for progress in task.progress():
        if progress.files_done >= files:
            break
    await task.pause()
    async for _ in task.progress():
        pass


async def test_small_files_come_each_with_one_request_over_a_few_connections(server: FaultyServer, real: Any) -> None:
    bodies = [body(seed, size=1 + 97 * seed) for seed in range(MANY)]
    urls = [server.add(f"/{seed}.bin", each) for seed, each in enumerate(bodies)]
    async with real() as runtime:
        task = await runtime.add(urls)
        await task
        files = await runtime.files(task.id)
    for state, each in zip(files, bodies, strict=True):
        assert (real.out / state.published).read_bytes() == each.read()
        assert (state.status, state.verified_by, state.received) == (FileStatus.DONE, "length", state.size)
        assert state.etag is not None
        assert state.part is None
    assert set(asked(server).values()) == {1}
    assert server.connections <= 16
    assert real.names() == {f"{seed}.bin" for seed in range(MANY)}


async def test_those_that_are_not_small_or_plain_come_as_well_and_none_is_asked_for_twice(
    server: FaultyServer, real: Any
) -> None:
    large, slow = body(1001, size=900_000), body(1002)
    urls = [server.add(f"/{seed}.bin", body(seed)) for seed in range(MANY)]
    odd = [
        server.add("/large.bin", large),
        server.add("/slow.bin", slow, faults=[Stall(BEFORE_HEAD, 0.5)]),
        server.add("/trickle.bin", body(1003), faults=[Drip(0.02, 200)]),
        server.add("/empty.bin", body(1004, size=0)),
        server.add("/cut.bin", body(1005), faults=[Cut(1_000, when=first(1))]),
    ]
    urls[10:10] = odd
    async with real() as runtime:
        task = await runtime.add(urls, options=TransferOptions(connections=1))
        await task
    assert (real.out / "large.bin").read_bytes() == large.read()
    assert (real.out / "slow.bin").read_bytes() == slow.read()
    assert (real.out / "trickle.bin").read_bytes() == body(1003).read()
    assert (real.out / "empty.bin").read_bytes() == b""
    assert (real.out / "cut.bin").read_bytes() == body(1005).read()
    assert len(real.names()) == len(urls)
    again = {path: count for path, count in asked(server).items() if count > 1}
    assert again == {"/cut.bin": 2, "/empty.bin": 2}  # an empty file has no ranges, and is asked for without


async def test_one_that_is_not_there_fails_alone_and_one_that_moved_is_followed(
    server: FaultyServer, real: Any
) -> None:
    target = server.add("/elsewhere/new.bin", body(1))
    urls = [server.add(f"/{seed}.bin", body(seed)) for seed in range(MANY)]
    urls.insert(5, server.add("/gone.bin", body(2), faults=[Answers(404, body=b"no")]))
    urls.insert(9, server.add("/moved.bin", body(3), faults=[Redirect(target)]))
    async with real() as runtime:
        task = await runtime.add(urls, options=ONCE, max_retries=0)
        with pytest.raises(TransferError, match=r"1 of 122 files failed: .*gone\.bin.*404"):
            await task
        failed = [state for state in await runtime.files(task.id) if state.status is FileStatus.FAILED]
    assert [state.error.code for state in failed if state.error] == ["http_404"]
    assert len(real.names()) == MANY + 1
    assert asked(server)["/gone.bin"] == 1


async def test_one_that_nobody_can_fetch_fails_alone_wherever_it_stands(server: FaultyServer, real: Any) -> None:
    good = [FileSpec((server.add(f"/{seed}.bin", body(seed)),)) for seed in range(MANY)]
    bad = FileSpec(("gopher://nobody/bad",), path="bad")
    async with real() as runtime:
        for files in ([bad, *good], [*good, bad]):
            (task,) = await runtime.add_many([Request((), files=files, options=ONCE, max_retries=0)])
            with pytest.raises(ArgosyError, match="1 of 121 files failed: bad"):
                await task
    assert {f"{seed}.bin" for seed in range(MANY)} <= real.names()


@pytest.mark.parametrize("reuse", ["off", "copy"])
async def test_a_checksum_is_heeded_and_a_wrong_file_is_fetched_once_more(
    reuse: str, server: FaultyServer, real: Any
) -> None:
    def specs() -> list[FileSpec]:
        return [
            FileSpec((server.add(f"/{seed}.bin", body(seed)),), path=f"d/{seed}.bin", checksum=_sha256(body(seed)))
            for seed in range(MANY)
        ]

    wrong = FileSpec((server.add("/wrong.bin", body(1)),), path="d/wrong.bin", checksum=_sha256(body(-1)))
    async with real(settings=load(real.home).over({"reuse": reuse}, "test")) as runtime:
        (task,) = await runtime.add_many([Request((), files=[*specs(), wrong], options=ONCE, max_retries=0)])
        with pytest.raises(IntegrityError, match=r"wrong\.bin has sha256"):
            await task
        files = await runtime.files(task.id)
    assert Counter(state.verified_by for state in files if state.finished) == {"sha256": MANY}
    assert asked(server)["/wrong.bin"] == 2
    assert not (real.out / "d" / "wrong.bin").exists()


async def test_a_pause_leaves_nothing_behind_and_what_had_come_is_not_fetched_again(
    server: FaultyServer, real: Any
) -> None:
    urls = [server.add(f"/{seed}.bin", body(seed), faults=[Stall(BEFORE_HEAD, 0.05)]) for seed in range(MANY)]
    async with real() as runtime:
        task = await runtime.add(urls)
        await rest_after(task, 1)
        assert (await task.task()).status is Status.PAUSED
        done = [state for state in await runtime.files(task.id) if state.finished]
        assert all(name.endswith(".bin") for name in real.names())
        server.wait_until(lambda: all(server.connections_open(f"/{seed}.bin") == 0 for seed in range(MANY)))
        before = asked(server)
        await task.resume()
        await task
    for state in done:
        assert asked(server)[f"/{state.index}.bin"] == before[f"/{state.index}.bin"]
    assert {path.name: path.read_bytes() for path in Path(real.out).iterdir()} == {
        f"{seed}.bin": body(seed).read() for seed in range(MANY)
    }


async def test_what_was_removed_while_the_task_rested_is_fetched_again(server: FaultyServer, real: Any) -> None:
    urls = [server.add(f"/{seed}.bin", body(seed), faults=[Stall(BEFORE_HEAD, 0.05)]) for seed in range(MANY)]
    async with real() as runtime:
        task = await runtime.add(urls)
        await rest_after(task, 2)
        gone, edited = [state for state in await runtime.files(task.id) if state.finished][:2]
        (real.out / gone.published).unlink()
        (real.out / edited.published).write_bytes(b"a person's own words")
        await task.resume()
        await task
        told = [event.event for event in await runtime.events(task_id=task.id) if isinstance(event.event, Warned)]
    assert [warning.code for warning in told] == ["files_gone"]
    assert (real.out / gone.published).read_bytes() == body(gone.index).read()
    assert (real.out / edited.published).read_bytes() == b"a person's own words"
    assert len(real.names()) == MANY


async def test_names_that_meet_are_numbered(server: FaultyServer, real: Any) -> None:
    urls = [server.add(f"/{seed}/same.bin", body(seed)) for seed in range(MANY)]
    async with real() as runtime:
        task = await runtime.add(urls)
        await task
        files = await runtime.files(task.id)
    assert len({state.published for state in files}) == MANY
    for state in files:
        assert (real.out / state.published).read_bytes() == body(state.index).read()


async def test_a_limit_holds_for_small_files_too(server: FaultyServer, real: Any) -> None:
    urls = [server.add(f"/{seed}.bin", body(seed, size=20_000)) for seed in range(20)]
    loop = asyncio.get_running_loop()
    async with real() as runtime:
        began = loop.time()
        task = await runtime.add(urls, options=TransferOptions(limit_bps=400_000))
        await task
        took = loop.time() - began
    assert took > 0.5  # 400 kB at 400 kB/s, less what a bucket holds
    assert len(real.names()) == 20


async def test_no_host_gets_more_connections_than_it_may(server: FaultyServer, real: Any) -> None:
    urls = [server.add(f"/{seed}.bin", body(seed), faults=[Stall(BEFORE_HEAD, 0.01)]) for seed in range(MANY)]
    async with real() as runtime:
        await runtime.apply_limits(connections_per_host=3)
        task = await runtime.add(urls)
        await task
    assert server.max_open() <= 3
    assert len(real.names()) == MANY


def _sha256(content: Body) -> Checksum:
    return Checksum("sha256", hashlib.sha256(content.read()).hexdigest())
