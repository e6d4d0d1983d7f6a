"""A folder on this machine: names, part files, and the publishing of what is complete."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Final, TypeVar

from argosy.core.header import parse_http_date
from argosy.core.names import from_content_disposition, from_url, numbered, safe_name
from argosy.core.ranges import merge
from argosy.core.types import FileState, FileStatus, TransferOptions
from argosy.destinations.blocks import trusted
from argosy.destinations.flusher import Flusher
from argosy.destinations.folder import entry, local_error, open_regular, split, walked
from argosy.destinations.part import FilePart, lock
from argosy.destinations.port import AlreadyThere, Facts
from argosy.errors import LocalError

STEM_BYTES: Final = 180
"""How much of a name its part file shows; the rest of 255 bytes is for whose part it is."""
TRIES: Final = 1000
"""Numbered names looked at before giving up."""
COPY_BYTES: Final = 4 * 1024 * 1024

Published = FileState | None
T = TypeVar("T")


class LocalDestination:
    """The folder ``directory``. Methods that are not coroutines are quick; the others work in the executor."""

    def __init__(self, directory: str, *, flusher: Flusher, executor: Executor) -> None:
        self.directory = directory
        self._flusher = flusher
        self._executor = executor

    # -- before and while bytes come ---------------------------------------------------------------

    def place(
        self,
        state: FileState,
        facts: Facts,
        *,
        options: TransferOptions,
        fence: int,
        alive: Callable[[], bool],
    ) -> tuple[FilePart, FileState]:
        """Name the file if it has no name, and open its part: the recorded one if it is still there, else a new one.

        The state returned names both, and has no extents if the part is new. Raises AlreadyThere, UnsafePath,
        LocalError or DiskFull.
        """
        state = state if state.path is not None else replace(state, path=_name(state, facts))
        assert state.path is not None
        folders, name = split(state.path)
        with walked(self.directory, folders, create=True) as fd:
            self._heed_policy(state, facts, options, name, fd)
            part = _part_name(name, state, fence)
            path = "/".join((*folders, part))
            try:
                opened = self._reopen(state, folders, part, fd)
                if opened is None:
                    opened = open_regular(part, fd, os.O_RDWR | os.O_CREAT | os.O_EXCL)
                    lock(opened)
                    state = replace(state, extents=(), block_hashes=b"", received=0, part_mtime_ns=None)
            except OSError as error:
                raise local_error(error, os.path.join(self.directory, path)) from error
        return FilePart(self.directory, path, opened, self._flusher, alive), replace(state, part=path)

    def _heed_policy(self, state: FileState, facts: Facts, options: TransferOptions, name: str, fd: int) -> None:
        there = entry(name, fd)
        if there is None or state.extents:
            return
        shown = os.path.join(self.directory, state.path or name)
        match options.if_exists:
            case "fail":
                raise LocalError(f"{shown} exists", hint="use --if-exists rename, overwrite, skip or newer", code="exists")
            case "skip":
                raise AlreadyThere(f"{shown} exists", _skipped(state, there.st_size))
            case "newer":
                modified = parse_http_date(facts.last_modified or "")
                if modified is not None and modified <= there.st_mtime:
                    raise AlreadyThere(f"{shown} is up to date", _skipped(state, there.st_size))

    def _reopen(self, state: FileState, folders: tuple[str, ...], part: str, fd: int) -> int | None:
        """Open the recorded part under its new name; None if there is none that we may go on with."""
        if state.part is None or split(state.part)[0] != folders:
            return None
        old = split(state.part)[1]
        try:
            opened = open_regular(old, fd, os.O_RDWR)
        except FileNotFoundError:
            return None
        if os.fstat(opened).st_nlink != 1 or not lock(opened):
            os.close(opened)
            return None
        if old != part:
            os.rename(old, part, src_dir_fd=fd, dst_dir_fd=fd)
        return opened

    async def adopt(self, state: FileState) -> FileState:
        """Return the state with only those extents that are really in its part file.

        A part that nobody touched since we left it is trusted; else every block is read back and held against its
        hash. A part that a living process still holds is copied: it may write to its own inode as long as it likes.
        """
        if state.part is None or not state.extents:
            return state
        return await self._run(self._adopt, state)

    def _adopt(self, state: FileState) -> FileState:
        assert state.part is not None
        folders, name = split(state.part)
        try:
            with walked(self.directory, folders, create=False) as fd:
                part = open_regular(name, fd, os.O_RDWR)
                try:
                    kept = _kept(part, state)
                    if not lock(part):
                        name = _copy(part, kept, name, fd)
                finally:
                    os.close(part)
        except (OSError, LocalError):
            return replace(state, extents=(), block_hashes=b"", received=0, part=None, part_mtime_ns=None)
        held = sum(end - first for first, end in kept)
        return replace(state, extents=kept, received=held, part="/".join((*folders, name)))

    # -- when every byte is here -------------------------------------------------------------------

    async def choose(self, state: FileState, options: TransferOptions) -> FileState:
        """Return the state with the path it is to be published under: the wanted one, or a numbered one if taken."""
        return await self._run(self._choose, state, options)

    async def choose_many(self, states: Sequence[FileState], options: TransferOptions) -> list[FileState]:
        return await self._run(lambda: [self._choose(state, options) for state in states])

    def _choose(self, state: FileState, options: TransferOptions) -> FileState:
        assert state.path is not None
        if options.if_exists in ("overwrite", "newer"):
            return replace(state, published=state.path, status=FileStatus.PUBLISHING)
        folders, name = split(state.path)
        with walked(self.directory, folders, create=True) as fd:
            free = next((n for n in _candidates(name) if entry(n, fd) is None), None)
        if free is None:
            raise LocalError(f"{TRIES} files named like {name} exist", hint="choose another name with -o", code="exists")
        return replace(state, published="/".join((*folders, free)), status=FileStatus.PUBLISHING)

    async def publish(self, state: FileState, options: TransferOptions) -> Published:
        """Put the part under its published name, durably; None if somebody took that name meanwhile."""
        return (await self.publish_many([state], options))[0]

    async def publish_many(self, states: Sequence[FileState], options: TransferOptions) -> list[Published]:
        """Do the same for many files with one trip to the disk for each folder. Raises LocalError for the first that
        cannot be published; those before it are."""
        return await self._run(self._publish_many, states, options)

    def _publish_many(self, states: Sequence[FileState], options: TransferOptions) -> list[Published]:
        by_folder: dict[tuple[str, ...], list[int]] = {}
        for index, state in enumerate(states):
            by_folder.setdefault(split(state.published or "")[0], []).append(index)
        results: list[Published] = [None] * len(states)
        for folders, indexes in by_folder.items():
            with walked(self.directory, folders, create=True) as fd:
                for index in indexes:
                    results[index] = self._publish(states[index], options, fd)
                os.fsync(fd)
        return results

    def _publish(self, state: FileState, options: TransferOptions, fd: int) -> Published:
        assert state.part is not None and state.published is not None
        part, name = split(state.part)[1], split(state.published)[1]
        replacing = options.if_exists in ("overwrite", "newer")
        try:
            _set_time(part, fd, state, options)
            if replacing:
                os.replace(part, name, src_dir_fd=fd, dst_dir_fd=fd)
            elif not _link(part, name, fd):
                return None
        except OSError as error:
            raise local_error(error, os.path.join(self.directory, state.published)) from error
        return replace(state, status=FileStatus.DONE, part=None, received=state.size or 0, error=None)

    async def recover(self, state: FileState) -> FileState:
        """Return what became of a file whose publishing was cut: done if our bytes stand under the name, else as it
        was before. Never takes somebody else's file for ours."""
        return await self._run(self._recover, state)

    def _recover(self, state: FileState) -> FileState:
        assert state.published is not None
        folders, name = split(state.published)
        done = replace(state, status=FileStatus.DONE, part=None, received=state.size or 0)
        try:
            with walked(self.directory, folders, create=False) as fd:
                part = entry(split(state.part)[1], fd) if state.part else None
                target = entry(name, fd)
                if part is not None and target is not None and os.path.samestat(part, target):
                    os.unlink(split(state.part or "")[1], dir_fd=fd)
                    os.fsync(fd)
                    return done
                if part is None and target is not None and _holds(name, fd, state):
                    return done
        except (OSError, LocalError):
            pass
        return replace(state, status=FileStatus.RUNNING, published=None)

    # -- the rest ----------------------------------------------------------------------------------

    async def discard(self, states: Sequence[FileState]) -> None:
        """Remove the part files of the states; published files stay."""
        await self._run(self._discard, states)

    def _discard(self, states: Sequence[FileState]) -> None:
        for state in states:
            if state.part is None:
                continue
            folders, name = split(state.part)
            try:
                with walked(self.directory, folders, create=False) as fd:
                    os.unlink(name, dir_fd=fd)
            except (OSError, LocalError):
                continue

    async def sweep(self, states: Sequence[FileState]) -> None:
        """Remove part files of the states' task that no state names: left by an attempt that died unrecorded."""
        await self._run(self._sweep, states)

    def _sweep(self, states: Sequence[FileState]) -> None:
        named = {split(state.part)[1] for state in states if state.part is not None}
        marks = {f".{state.task_id[:8]}-" for state in states}
        for folders in {split(state.path)[0] if state.path else () for state in states}:
            try:
                with walked(self.directory, folders, create=False) as fd:
                    for name in os.listdir(fd):
                        ours = name.startswith(".") and name.endswith(".part") and any(mark in name for mark in marks)
                        if ours and name not in named:
                            os.unlink(name, dir_fd=fd)
            except (OSError, LocalError):
                continue

    def free_bytes(self) -> int:
        """Return what an ordinary user may still write there (0 if the folder cannot be asked)."""
        try:
            disk = os.statvfs(self.directory)
        except OSError:
            return 0
        return disk.f_bavail * disk.f_frsize

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)


def _name(state: FileState, facts: Facts) -> str:
    named = from_content_disposition(facts.disposition) if facts.disposition else None
    return safe_name(named or from_url(state.urls[0]) or from_url(facts.url) or "")


def _part_name(name: str, state: FileState, fence: int) -> str:
    stem = name.encode()[:STEM_BYTES].decode(errors="ignore")
    return f".{stem}.{state.task_id[:8]}-{state.index}.{fence:x}.part"


def _candidates(name: str) -> list[str]:
    return [name, *(numbered(name, n) for n in range(1, TRIES))]


def _skipped(state: FileState, size: int) -> FileState:
    return replace(state, status=FileStatus.SKIPPED, published=state.path, size=size, received=size, part=None)


def _kept(part: int, state: FileState) -> tuple[tuple[int, int], ...]:
    facts = os.fstat(part)
    within = merge((first, min(end, facts.st_size)) for first, end in state.extents)
    if within == state.extents and facts.st_mtime_ns == state.part_mtime_ns:
        return within
    return trusted(part, within, state.block_size, state.block_hashes) if state.block_size else ()


def _copy(part: int, extents: tuple[tuple[int, int], ...], name: str, fd: int) -> str:
    """Copy the extents into a new inode beside the part and return its name; the old name goes."""
    fresh = name.removesuffix(".part") + f".{secrets.token_hex(3)}.part"
    target = open_regular(fresh, fd, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        for first, end in extents:
            while first < end:
                data = os.pread(part, min(COPY_BYTES, end - first), first)
                first += os.pwrite(target, data, first)
        os.fsync(target)
    finally:
        os.close(target)
    os.unlink(name, dir_fd=fd)
    return fresh


def _holds(name: str, fd: int, state: FileState) -> bool:
    """Tell whether the file under ``name`` has exactly the bytes that the state's hashes promise."""
    if state.size is None:
        return False
    try:
        target = open_regular(name, fd, os.O_RDONLY)
    except OSError:
        return False
    try:
        whole = ((0, state.size),) if state.size else ()
        same_size = os.fstat(target).st_size == state.size
        return same_size and trusted(target, whole, state.block_size or 1, state.block_hashes) == whole
    finally:
        os.close(target)


def _set_time(part: str, fd: int, state: FileState, options: TransferOptions) -> None:
    modified = parse_http_date(state.last_modified or "") if options.keep_time else None
    if modified is not None:
        os.utime(part, (modified, modified), dir_fd=fd, follow_symlinks=False)


def _link(part: str, name: str, fd: int) -> bool:
    """Give the part its final name unless somebody has it; never replaces anything."""
    try:
        os.link(part, name, src_dir_fd=fd, dst_dir_fd=fd, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS):
            raise
        return _rename_into_reserved(part, name, fd)
    os.unlink(part, dir_fd=fd)
    return True


def _rename_into_reserved(part: str, name: str, fd: int) -> bool:
    """The same where the file system knows no hard links: reserve the name, then rename over the reservation."""
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=fd))
    except FileExistsError:
        return False
    os.replace(part, name, src_dir_fd=fd, dst_dir_fd=fd)
    return True
