"""Is what was downloaded still what is there? And if not, only what is damaged is fetched again."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from argosy.core.checksum import Checksum
from argosy.core.events import Warned
from argosy.core.hashing import running
from argosy.core.ranges import Extent, without
from argosy.core.sizes import format_size
from argosy.core.types import FileSpec, FileState, FileStatus, Queue, Status, Task, TaskId, TaskSpec
from argosy.destinations.blocks import trusted
from argosy.errors import IllegalTransition, IntegrityError
from argosy.runtime.machine import Machine
from argosy.runtime.proof import is_still_there
from argosy.store.port import NewTask
from argosy.value import dataclass

if TYPE_CHECKING:
    from argosy.runtime.manager import Runtime

READ_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileReport:
    """One published file. ``checked_by``: a checksum's algorithm, ``blocks``, or ``length`` if nothing better is known."""

    path: str
    ok: bool
    checked_by: str
    damaged: tuple[Extent, ...] = ()
    """Byte ranges that are not what was downloaded; the whole file if nobody can tell where the damage is."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """All files of a task; ``repaired``: what was damaged has been fetched again."""

    task_id: TaskId
    files: tuple[FileReport, ...]
    repaired: bool = False

    @property
    def ok(self) -> bool:
        return all(file.ok for file in self.files)


async def verify(runtime: Runtime, machine: Machine, task: Task, *, repair: bool) -> VerifyReport:
    """Return what became of the task's files; with ``repair``, after they have been made good. Raises what kept them
    from that.
    """
    if task.status is not Status.COMPLETED:
        raise IllegalTransition(
            f"a {task.status} task cannot be verified", hint="only complete ones have files to verify"
        )
    states = await machine.store.files(task.id)
    loop = asyncio.get_running_loop()
    reports = [await loop.run_in_executor(None, check, task.spec.directory, state) for state in states]
    report = VerifyReport(task.id, tuple(reports))
    if report.ok or not repair:
        return report
    damaged = [state for state, file in zip(states, reports, strict=True) if not file.ok]
    ranges = [file.damaged for file in reports if not file.ok]
    mending = await _mend(runtime, machine, task, damaged, ranges)
    again = [await loop.run_in_executor(None, check, task.spec.directory, state) for state in states]
    if not all(file.ok for file in again):
        raise IntegrityError("the source has other bytes now", hint="download it again", code="source_changed")
    await loop.run_in_executor(None, _date_back, task.spec.directory, damaged)
    await _note(runtime, machine, task, mending, ranges)
    return VerifyReport(task.id, tuple(again), repaired=True)


def check(directory: str, state: FileState) -> FileReport:
    """Read one published file and hold it against what is known of it. Blocks; slow."""
    path = state.published or state.path or ""
    whole = ((0, state.size),) if state.size else ()
    try:
        fd = os.open(Path(directory, path), os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return FileReport(path, False, "length", whole)
    try:
        return _check(fd, path, state, whole)
    finally:
        os.close(fd)


def _check(fd: int, path: str, state: FileState, whole: tuple[Extent, ...]) -> FileReport:
    same_size = state.size is None or os.fstat(fd).st_size == state.size
    damaged: tuple[Extent, ...] = ()
    checked_by = "length"
    if state.block_hashes and state.block_size:
        checked_by = "blocks"
        damaged = whole
        for extent in trusted(fd, whole, state.block_size, state.block_hashes):
            damaged = without(damaged, extent)
    if state.checksum is not None:
        checked_by = state.checksum.algorithm
        right = same_size and _digest(fd, state.checksum) == state.checksum.hex
        return FileReport(path, right, checked_by, () if right else damaged or whole)
    ok = same_size and not damaged
    return FileReport(path, ok, checked_by, () if ok else damaged)


def _digest(fd: int, expected: Checksum) -> str:
    computing = running(expected, os.fstat(fd).st_size)
    offset = 0
    while data := os.pread(fd, READ_BYTES, offset):
        computing.update(data)
        offset += len(data)
    return computing.hexdigest()


async def _mend(
    runtime: Runtime, machine: Machine, task: Task, states: Sequence[FileState], damaged: Sequence[tuple[Extent, ...]]
) -> TaskId:
    """Return the task that fetched the damaged ranges and replaced the files, once it has."""
    task_id = secrets.token_hex(16)
    loop = asyncio.get_running_loop()
    files = tuple(
        [
            await loop.run_in_executor(None, _part_of, task, state, task_id, index, ranges)
            for index, (state, ranges) in enumerate(zip(states, damaged, strict=True))
        ]
    )
    now = machine.clock.epoch()
    options = replace(task.spec.options, if_exists="overwrite")
    specs = tuple(FileSpec(file.urls, file.path, file.size, file.checksum) for file in files)
    spec = TaskSpec(task.spec.source, task.spec.directory, specs, options, task.spec.engine)
    mending = Task(
        task_id, spec, now, now, queue=Queue.INTERACTIVE, queued_at=now, host=task.host, session=machine.session,
        name=files[0].path, received=sum(file.received for file in files), files_total=len(files),
    )  # fmt: skip
    (added,) = await machine.store.add([NewTask(mending, files, "repair")])
    await machine.bus.tell([added.event] if added.event is not None else [])
    machine.scheduler.wake()
    await (await runtime.handle(task_id))
    return task_id


def _date_back(directory: str, states: Sequence[FileState]) -> None:
    """Give the files the times they were left with, by which they are known for what was downloaded."""
    for state in states:
        if state.published is not None and state.part_mtime_ns is not None and not is_still_there(directory, state):
            os.utime(Path(directory, state.published), ns=(state.part_mtime_ns, state.part_mtime_ns))


async def _note(
    runtime: Runtime, machine: Machine, task: Task, mending: TaskId, damaged: Sequence[tuple[Extent, ...]]
) -> None:
    """Let the history of the task tell of the repair. What did it is on no list any more: nobody asked for that task."""
    fetched = sum(end - first for ranges in damaged for first, end in ranges)
    told = f"{format_size(fetched)} of it fetched again"
    await machine.store.log([Warned("repaired", told, task.id)], machine.clock.epoch())
    await machine.bus.catch_up()
    await runtime.remove([mending])


def _part_of(task: Task, state: FileState, task_id: TaskId, index: int, damaged: tuple[Extent, ...]) -> FileState:
    """Make a part file of the published one and return its state: all but the damaged ranges is there."""
    published = state.published or state.path or ""
    folder, _, name = published.rpartition("/")
    part = f"{folder}/" * bool(folder) + f".{name[:60]}.{task_id[:8]}-{index}.repair.part"
    target = Path(task.spec.directory, part)
    fresh = replace(
        state, task_id=task_id, index=index, status=FileStatus.PENDING, path=published, published=None, part=part,
        verified_by=None, attempts=0, error=None,
    )  # fmt: skip
    try:
        shutil.copyfile(Path(task.spec.directory, published), target, follow_symlinks=False)
    except OSError:
        return replace(fresh, part=None, extents=(), received=0, block_hashes=b"", part_mtime_ns=None)
    if state.size is not None:
        os.truncate(target, state.size)
    kept: tuple[Extent, ...] = ((0, state.size),) if state.size else ()
    for extent in damaged:
        kept = without(kept, extent)
    received = sum(end - first for first, end in kept)
    return replace(fresh, extents=kept, received=received, part_mtime_ns=target.stat().st_mtime_ns)
