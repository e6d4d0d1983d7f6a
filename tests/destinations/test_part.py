"""Positioned writes, and flushes that are believed only once."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import resource
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from argosy.core.checksum import Checksum
from argosy.core.hashing import running
from argosy.destinations.digest import PrefixDigest
from argosy.destinations.errands import BATCH, JOBS
from argosy.destinations.flusher import Flusher
from argosy.destinations.folder import local_error, open_regular
from argosy.destinations.local import LocalDestination
from argosy.destinations.part import FilePart
from argosy.errors import DiskFull, Fenced, LocalError

from .filling import arrived, bytes_of, file_state, place


class BrokenDisk(Flusher):
    """Fails once and then, like a kernel that has dropped the bytes, says that all is well."""

    def __init__(self, executor: Executor, code: int) -> None:
        super().__init__(executor)
        self.code = code
        self.flushes = 0

    async def flush(self, fd: int) -> None:
        self.flushes += 1
        if self.flushes == 1:
            raise OSError(self.code, os.strerror(self.code))
        await super().flush(fd)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY)
    yield open_regular("part", fd, os.O_RDWR | os.O_CREAT)
    os.close(fd)


def part_of(tmp_path: Path, fd: int, flusher: Flusher) -> FilePart:
    return FilePart(str(tmp_path), "part", fd, flusher, lambda: True)


@pytest.mark.parametrize(
    ("code", "kind", "name"),
    [
        (errno.EIO, LocalError, "flush_failed"),
        (errno.ENOSPC, DiskFull, "disk_full"),
        (errno.EDQUOT, DiskFull, "disk_full"),
    ],
)
async def test_a_failed_flush_is_never_followed_by_one_that_succeeds(
    tmp_path: Path, opened: int, executor: ThreadPoolExecutor, code: int, kind: type[LocalError], name: str
) -> None:
    disk = BrokenDisk(executor, code)
    part = part_of(tmp_path, opened, disk)
    part.write(0, [b"data"])

    for _ in range(3):
        with pytest.raises(kind) as failed:
            await part.flush()
        assert failed.value.detail_code == name

    part.close()
    assert disk.flushes == 1


async def test_nothing_is_written_once_the_lease_is_over(tmp_path: Path, opened: int, executor: Executor) -> None:
    alive = [True]
    part = FilePart(str(tmp_path), "part", opened, Flusher(executor), lambda: alive[0])
    part.write(0, [b"data"])
    alive[0] = False

    with pytest.raises(Fenced):
        part.write(4, [b"more"])

    assert part.read(0, 100) == b"data"
    part.close()


async def test_closing_twice_closes_nobody_elses_file(tmp_path: Path, opened: int, executor: Executor) -> None:
    part = part_of(tmp_path, opened, Flusher(executor))
    part.close()
    with tempfile.TemporaryFile() as other:
        part.close()
        assert os.fstat(other.fileno())


def test_a_short_write_is_completed(destination: LocalDestination, folder: Path) -> None:
    """The system stops a write at the limit for the size of a file; then the rest fails in a way that says why."""
    part, _ = place(destination, file_state())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(LocalError) as failed:
            part.write(0, [b"x" * 6000, b"y" * 6000])
        with pytest.raises(LocalError) as reserved:
            part.reserve(20_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert failed.value.detail_code == reserved.value.detail_code == "file_too_large"
    assert part.read(0, 20_000) == b"x" * 6000 + b"y" * 4000
    part.close()


def test_what_cannot_fit_is_refused_before_a_byte_comes(destination: LocalDestination) -> None:
    part, _ = place(destination, file_state())

    with pytest.raises(DiskFull) as failed:
        part.reserve(1 << 60)

    assert "free some space" in failed.value.hint
    assert os.fstat(part.fd).st_size == 0
    part.close()


@pytest.mark.parametrize("code", list(errno.errorcode))
def test_every_error_of_the_system_is_told_with_a_code_and_without_steering_the_terminal(code: int) -> None:
    error = local_error(OSError(code, os.strerror(code)), "/home/me/\x1b[31mfile\n.bin")

    assert error.detail_code
    assert "\x1b" not in error.message
    assert "\n" not in error.message


# -- group flush -----------------------------------------------------------------------------------------------------


class Held(ThreadPoolExecutor):
    """Runs nothing until it is let go; then everything, counting the jobs."""

    def __init__(self) -> None:
        super().__init__(2)
        self.jobs: list[tuple[Future[Any], Any, Any]] = []
        self.batches: list[int] = []

    def submit(self, call: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.jobs.append((future, call, arguments))
        self.batches.append(len(arguments[0]))
        return future

    def run(self) -> None:
        jobs, self.jobs = self.jobs, []
        for future, call, arguments in jobs:
            if future.set_running_or_notify_cancel():
                future.set_result(call(*arguments))


async def handed_over(held: Held) -> None:
    while not held.jobs:
        await asyncio.sleep(0)


async def settled(held: Held, flushes: list[asyncio.Task[None]]) -> None:
    while not all(flush.done() for flush in flushes):
        held.run()
        await asyncio.sleep(0)


async def test_many_files_share_few_trips_to_the_disk(opened: int) -> None:
    held = Held()
    flusher = Flusher(held)
    flushes = [asyncio.create_task(flusher.flush(opened)) for _ in range(500)]
    await handed_over(held)
    assert len(held.jobs) == JOBS

    await settled(held, flushes)

    assert sum(held.batches) == 500
    assert len(held.batches) <= JOBS + -(-500 // BATCH)
    os.close(opened)
    held.shutdown()


async def test_a_failure_reaches_only_the_one_whose_file_it_is(opened: int) -> None:
    held = Held()
    flusher = Flusher(held)
    readable, writable = os.pipe()  # cannot be flushed
    fds = [opened, opened, writable, opened, writable, opened]
    flushes = [asyncio.create_task(flusher.flush(fd)) for fd in fds]
    await handed_over(held)

    await settled(held, flushes)

    assert [isinstance(flush.exception(), OSError) for flush in flushes] == [fd == writable for fd in fds]
    for fd in (opened, readable, writable):
        os.close(fd)
    held.shutdown()


async def test_who_stops_waiting_disturbs_nobody(opened: int) -> None:
    held = Held()
    flusher = Flusher(held)
    flushes = [asyncio.create_task(flusher.flush(opened)) for _ in range(10)]
    await handed_over(held)
    for flush in flushes[::2]:
        flush.cancel()

    await settled(held, flushes)

    assert [flush.cancelled() for flush in flushes] == [True, False] * 5
    assert not any(flush.exception() for flush in flushes[1::2])
    os.close(opened)
    held.shutdown()


async def test_a_flush_that_is_given_up_is_not_taken_for_done(opened: int) -> None:
    held = Held()
    flushing = asyncio.create_task(Flusher(held).flush(opened))
    await handed_over(held)
    held.jobs[0][0].cancel()

    with pytest.raises(OSError, match="given up"):
        await flushing
    os.close(opened)
    held.shutdown()


# -- checksums that run along ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
async def test_a_running_checksum_is_that_of_the_whole(
    destination: LocalDestination, executor: ThreadPoolExecutor, algorithm: str
) -> None:
    data = bytes_of(3_000_000)
    part, _ = place(destination, arrived(destination, data))
    digest = PrefixDigest(part, lambda: running(Checksum(algorithm, ""), 0), executor)

    for upto in (0, 1, 999_999, 999_999, 5, 2_500_000):
        await digest.advance(upto)

    assert await digest.finish(len(data)) == hashlib.new(algorithm, data).hexdigest()
    part.close()


async def test_a_checksum_of_bytes_that_are_not_there_is_not_made_up(
    destination: LocalDestination, executor: ThreadPoolExecutor
) -> None:
    part, _ = place(destination, arrived(destination, b"data"))

    with pytest.raises(LocalError) as failed:
        await PrefixDigest(part, hashlib.sha256, executor).finish(5)

    assert failed.value.detail_code == "part_damaged"
    part.close()
