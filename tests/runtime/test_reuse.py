"""Content that is here already is not fetched again, and nothing wrong is ever passed on for it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from argosy import Request, Runtime, TransferOptions
from argosy.config import load
from argosy.core.checksum import parse
from argosy.core.types import FileSpec, FileState, FileStatus
from argosy.destinations.blocks import trusted
from argosy.errors import IntegrityError
from argosy.testing.faults import Throttle
from argosy.testing.server import FaultyServer

BODY = bytes(range(256)) * 12_000
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


@pytest.fixture
def first(server: FaultyServer) -> str:
    return server.add("/first.bin", BODY)


@pytest.fixture
def second(server: FaultyServer) -> str:
    return server.add("/second.bin", BODY)


async def brought(runtime: Runtime, url: str, checksum: str | None = SHA256, **more: Any) -> tuple[Path, FileState]:
    task = await runtime.add(url, checksum=checksum, **more)
    await task
    (file,) = await runtime.files(task.id)
    return task.path, file


async def test_the_same_content_from_elsewhere_is_not_asked_for(
    server: FaultyServer, real: Any, first: str, second: str
) -> None:
    async with real() as runtime:
        original, _ = await brought(runtime, first)
        copy, file = await brought(runtime, second)
    assert copy.name == "second.bin"
    assert copy.read_bytes() == BODY
    assert copy.stat().st_ino != original.stat().st_ino
    assert (file.status, file.verified_by, file.size) == (FileStatus.DONE, "local:sha256", len(BODY))
    assert server.requests_to("/second.bin") == []
    assert real.names() == {"first.bin", "second.bin"}


@pytest.mark.parametrize("original_is_here", [True, False])
async def test_a_copy_can_be_repaired_from_its_original_or_by_its_ranges(
    real: Any, first: str, second: str, server: FaultyServer, original_is_here: bool
) -> None:
    async with real() as runtime:
        original, _ = await brought(runtime, first)
        task = await runtime.add(second, checksum=SHA256)
        await task
        (file,) = await runtime.files(task.id)
        with task.path.open("r+b") as opened:
            assert trusted(opened.fileno(), [(0, len(BODY))], file.block_size, file.block_hashes) == ((0, len(BODY)),)
            opened.seek(300_000)
            opened.write(b"damage")
        if not original_is_here:
            original.unlink()
        report = await runtime.verify(task.id, repair=True)
        assert report.ok
        assert task.path.read_bytes() == BODY
    sent = server.bytes_sent("/second.bin")
    assert sent == 0 if original_is_here else 0 < sent < len(BODY) // 2


async def test_the_same_again_asks_no_server_and_makes_no_second_file(
    server: FaultyServer, real: Any, first: str, second: str
) -> None:
    async with real() as runtime:
        await brought(runtime, first)
        for _ in range(2):
            await brought(runtime, second)
    assert server.requests_to("/second.bin") == []
    assert real.names() == {"first.bin", "second.bin"}


@pytest.mark.parametrize("policy", ["copy", "link"])
async def test_a_file_that_was_changed_is_never_passed_on(
    server: FaultyServer, real: Any, first: str, second: str, policy: str
) -> None:
    settings = load(real.home).over({"reuse": policy}, "test")
    async with real(settings=settings) as runtime:
        original, _ = await brought(runtime, first)
        before = original.stat()
        with original.open("r+b") as file:
            file.seek(1_000_000)
            file.write(b"changed behind everybody's back")
        os.utime(original, ns=(before.st_atime_ns, before.st_mtime_ns))
        copy, state = await brought(runtime, second)
    assert copy.read_bytes() == BODY
    assert state.verified_by == "sha256"
    assert server.bytes_sent("/second.bin") >= len(BODY)
    assert original.read_bytes() != BODY


@pytest.mark.parametrize("harm", ["gone", "touched", "shorter", "link", "folder"])
async def test_what_is_not_as_it_was_left_is_fetched(
    server: FaultyServer, real: Any, first: str, second: str, harm: str
) -> None:
    async with real() as runtime:
        original, _ = await brought(runtime, first)
        match harm:
            case "touched":
                os.utime(original, ns=(0, 0))
            case "shorter":
                os.truncate(original, 5)
            case "gone":
                original.unlink()
            case "link":
                original.rename(original.with_name("moved"))
                original.symlink_to("moved")
            case "folder":
                original.unlink()
                original.mkdir()
        copy, state = await brought(runtime, second)
    assert copy.read_bytes() == BODY
    assert state.verified_by == "sha256"


async def test_another_kept_copy_serves_if_the_newest_is_gone(
    server: FaultyServer, real: Any, first: str, second: str
) -> None:
    third = server.add("/third.bin", BODY)
    async with real() as runtime:
        await brought(runtime, first)
        copy, _ = await brought(runtime, second)
        copy.unlink()
        _, state = await brought(runtime, third)
    assert state.verified_by == "local:sha256"


async def test_links_are_made_where_the_setting_says_so(real: Any, first: str, second: str) -> None:
    async with real(settings=load(real.home).over({"reuse": "link"}, "test")) as runtime:
        original, _ = await brought(runtime, first)
        before = original.stat().st_mtime_ns
        copy, state = await brought(runtime, second)
        assert copy.samefile(original)
        assert copy.stat().st_nlink == 2
        assert original.stat().st_mtime_ns == before
        assert state.verified_by == "local:sha256"
        copy.unlink()
        assert original.read_bytes() == BODY


async def test_off_is_off(server: FaultyServer, real: Any, first: str, second: str) -> None:
    async with real(settings=load(real.home).over({"reuse": "off"}, "test")) as runtime:
        await brought(runtime, first)
        _, state = await brought(runtime, second)
    assert state.verified_by == "sha256"
    assert server.bytes_sent("/second.bin") >= len(BODY)


async def test_who_is_not_the_owner_gets_no_file_for_knowing_its_checksum(real: Any, first: str, second: str) -> None:
    settings = load(real.home).over({"allow_network": "127.0.0.0/8"}, "test")
    async with real(settings=settings) as runtime:
        await brought(runtime, first)
        _, state = await brought(runtime, second, options=TransferOptions(public_only=True))
    assert state.verified_by == "sha256"


async def test_a_weak_checksum_is_no_name_of_content(server: FaultyServer, real: Any, first: str, second: str) -> None:
    md5 = f"md5:{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"
    async with real() as runtime:
        await brought(runtime, first, md5)
        _, state = await brought(runtime, second, md5)
    assert state.verified_by == "md5"


async def test_what_stands_under_the_name_already_is_taken_if_it_is_the_content(
    server: FaultyServer, real: Any, first: str
) -> None:
    real.out.mkdir()
    (real.out / "first.bin").write_bytes(BODY)
    async with real() as runtime:
        path, state = await brought(
            runtime, first, size=len(BODY), name="first.bin", options=TransferOptions(if_exists="overwrite")
        )
    assert (path.read_bytes(), state.verified_by) == (BODY, "local:sha256")
    assert server.requests == []


async def test_a_wrong_checksum_still_fails(real: Any, first: str, second: str) -> None:
    wrong = f"sha256:{hashlib.sha256(b'other').hexdigest()}"
    async with real() as runtime:
        await brought(runtime, first)
        with pytest.raises(IntegrityError):
            await brought(runtime, second, wrong, max_retries=0)
    assert real.names() == {"first.bin"}


async def test_what_had_come_of_it_before_goes(server: FaultyServer, real: Any, second: str) -> None:
    first = server.add("/first.bin", BODY, faults=[Throttle(400_000)])
    async with real() as runtime:
        slow = await runtime.add(first, checksum=SHA256)
        async for now in slow.progress():
            if now.received > 500_000:
                break
        await slow.pause()
        await runtime.rest(slow.id)
        await brought(runtime, second)
        await slow.resume()
        await slow
        (state,) = await runtime.files(slow.id)
        assert state.verified_by == "local:sha256"
        assert slow.path.read_bytes() == BODY
    assert real.names() == {"first.bin", "second.bin"}


async def test_files_among_many_are_taken_from_here_too(server: FaultyServer, real: Any, first: str) -> None:
    other = server.add("/other.bin", BODY[:70_000])
    async with real() as runtime:
        await brought(runtime, first)
        known = FileSpec((server.add("/second.bin", BODY),), "b/second.bin", checksum=parse(SHA256))
        (task,) = await runtime.add_many([Request((), files=[FileSpec((other,), "b/other.bin"), known])])
        done = await task
        states = await runtime.files(task.id)
    assert [state.verified_by for state in states] == ["length", "local:sha256"]
    assert (done.received, done.total, done.files_done) == (len(BODY) + 70_000, len(BODY) + 70_000, 2)
    assert server.requests_to("/second.bin") == []


async def test_an_empty_file_is_content_too(server: FaultyServer, real: Any) -> None:
    empty = f"sha256:{hashlib.sha256(b'').hexdigest()}"
    async with real() as runtime:
        await brought(runtime, server.add("/a", b""), empty)
        path, state = await brought(runtime, server.add("/b", b""), empty)
    assert (path.read_bytes(), state.verified_by) == (b"", "local:sha256")
