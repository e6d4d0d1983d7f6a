"""A folder on this machine: names, part files, and the publishing of what is complete."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeVar

from argosy.core.header import parse_http_date
from argosy.core.names import from_content_disposition, from_url, numbered, safe_name
from argosy.core.types import FileState, FileStatus, TransferOptions
from argosy.destinations.borrow import Stopped, borrowed
from argosy.destinations.errands import Errands
from argosy.destinations.flusher import Flusher
from argosy.destinations.folder import entry, local_error, open_regular, settle, split, walked
from argosy.destinations.landing import land, landed
from argosy.destinations.parcel import MemoryPart, Parcels, stow
from argosy.destinations.part import FilePart, lock, workshop_name
from argosy.destinations.policy import check_replaceable, exists, heed
from argosy.destinations.port import Facts, Loan, Part
from argosy.destinations.salvage import find, part_name, reclaim
from argosy.errors import LocalError

TRIES: Final = 100_000
"""Numbered names looked at before giving up."""
_LOST: Final = frozenset({errno.ENOENT, errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.EISDIR})
"""There is no part, or something else stands where it was."""
_UNREACHABLE: Final = frozenset({"gone", "symlink", "not_a_folder"})
"""Likewise of the folder it was in."""

Published = FileState | None
T = TypeVar("T")


class LocalDestination:
    """The folder ``directory``. Methods that are not coroutines are quick; the others work in the executor.

    ``errands`` may be shared by destinations, so that their trips are. With ``parcels``, small files wait there until they are whole.
    """

    def __init__(
        self, directory: str, *, flusher: Flusher, executor: Executor, errands: Errands | None = None,
        parcels: Parcels | None = None,
    ) -> None:  # fmt: skip
        self.directory = directory
        self._flusher = flusher
        self._executor = executor
        self._errands = errands if errands is not None else Errands(executor)
        self._parcels = parcels if parcels is not None else Parcels(room=0)

    # -- before and while bytes come ---------------------------------------------------------------

    def place(
        self,
        state: FileState,
        facts: Facts,
        *,
        options: TransferOptions,
        fence: int,
        alive: Callable[[], bool],
    ) -> tuple[Part, FileState]:
        """Name the file if it has no name, and open its part: the recorded one if it is still there, else a new one,
        which for a small file is in memory.

        The state returned names both, and has no extents if the part is new. Raises AlreadyThere, UnsafePath,
        LocalError or DiskFull.
        """
        state = state if state.path is not None else state.having(path=_name(state, facts))
        assert state.path is not None
        folders, name = split(state.path)
        part = part_name(name, state, fence)
        if options.if_exists == "rename" and (
            held := self._parcels.begin(state, facts.size, "/".join((*folders, part)))
        ):
            return held, state.having(part=held.path, extents=(), block_hashes=b"", received=0, part_mtime_ns=None)
        with walked(self.directory, folders, create=True) as fd:
            shown = os.path.join(self.directory, *folders, name)
            try:
                heed(state, facts, options, fd, shown)
                opened = _reopen(state, folders, part, fd)
                if opened is None:
                    state = _empty(state)
                    part, opened = _create(part, fd)
            except OSError as error:
                raise local_error(error, shown) from error
        path = "/".join((*folders, part))
        return FilePart(self.directory, path, opened, self._flusher, alive), replace(state, part=path)

    async def adopt(self, state: FileState) -> FileState:
        """Return the state with only those extents that are really in its part file (see :mod:`.salvage`).

        Raises LocalError or DiskFull where that cannot be found out just now: a disk that is not mounted, a folder
        that may not be read.
        """
        if state.part is None or not state.extents:
            return state
        return await self._run_alone(self._adopt, state)

    def _adopt(self, state: FileState) -> FileState:
        assert state.part is not None
        if not os.path.isdir(self.directory):
            if state.part_mtime_ns == MemoryPart.mtime_ns:
                return _empty(state)  # it never was on a disk
            raise local_error(FileNotFoundError(errno.ENOENT, ""), self.directory)
        folders, recorded = split(state.part)
        try:
            with walked(self.directory, folders, create=False) as fd:
                name = find(recorded, fd)
                if name is None:
                    return _empty(state)
                kept = reclaim(name, fd, state)
        except OSError as error:
            if error.errno in _LOST:
                return _empty(state)
            raise local_error(error, os.path.join(self.directory, state.part)) from error
        except LocalError as error:
            if error.detail_code in _UNREACHABLE:
                return _empty(state)
            raise
        received = sum(end - first for first, end in kept)
        return replace(state, extents=kept, received=received, part="/".join((*folders, name)))

    async def borrow(self, state: FileState, options: TransferOptions, loan: Loan, *, fence: int) -> FileState | None:
        """Return the state with every byte in a part of its own, verified and durable, taken from a file that is here
        already; None if there is none, or the policy has to ask the server first.
        """
        return await self._run_alone(self._borrow, state, options, loan, fence)

    def _borrow(self, state: FileState, options: TransferOptions, loan: Loan, fence: int) -> FileState | None:
        named = state if state.path is not None else _named_by_link(state)
        if named is None or named.path is None:
            return None
        folders, name = split(named.path)
        part = part_name(name, state, fence, "c")
        with suppress(OSError, LocalError, Stopped), walked(self.directory, folders, create=True) as fd:
            if options.if_exists not in ("rename", "overwrite") and entry(name, fd) is not None:
                return None
            found = borrowed(_empty(named), part, fd, loan)
            return None if found is None else found.having(part="/".join((*folders, part)))
        return None  # what is in the way is in the way of a download as well, which then says so

    # -- when every byte is here -------------------------------------------------------------------

    async def choose(self, state: FileState, options: TransferOptions) -> FileState:
        """Return the state with the path it is to be published under: the wanted one, or a numbered one if taken.

        A part that was in memory is on the disk afterwards, durably.
        """
        return (await self.choose_many([state], options))[0]

    async def choose_many(self, states: Sequence[FileState], options: TransferOptions) -> list[FileState]:
        """Do the same for many files."""
        return await self._run(self._choose_many, states, options)

    def _choose_many(self, states: Sequence[FileState], options: TransferOptions) -> list[FileState]:
        chosen = list(states)
        for folders, indexes in _by_folder([state.path or "" for state in states]).items():
            names: dict[str, Iterator[str]] = {}
            with walked(self.directory, folders, create=True) as fd:
                for index in indexes:
                    state = states[index]
                    try:
                        chosen[index] = self._choose(self._stowed(state, folders, fd), folders, options, fd, names)
                    except OSError as error:
                        raise local_error(error, os.path.join(self.directory, state.path or "")) from error
        return chosen

    def _stowed(self, state: FileState, folders: tuple[str, ...], fd: int) -> FileState:
        """Return the state with its part on the disk. Raises OSError."""
        held = self._parcels.pop(state)
        if held is None:
            return state
        part, opened = _create(split(held.path)[1], fd)
        try:
            stow(held, opened)
        finally:
            os.close(opened)
        return state.having(part="/".join((*folders, part)))

    def _choose(
        self,
        state: FileState,
        folders: tuple[str, ...],
        options: TransferOptions,
        fd: int,
        names: dict[str, Iterator[str]],
    ) -> FileState:
        """``names`` are those still to be tried, for each that is wanted: of many files of one name each is given its own."""
        assert state.path is not None
        if options.if_exists in ("overwrite", "newer"):
            return state.having(published=state.path, status=FileStatus.PUBLISHING)
        name = split(state.path)[1]
        untried = names.setdefault(name, _candidates(name))
        free = next((n for n in untried if entry(n, fd) is None), None)
        if free is None:
            raise LocalError(
                f"{TRIES} files named like {name} exist", hint="choose another name with -o", code="exists"
            )
        if free != name and options.if_exists == "fail":
            raise exists(os.path.join(self.directory, state.path))
        return state.having(published="/".join((*folders, free)), status=FileStatus.PUBLISHING)

    async def publish(self, state: FileState, options: TransferOptions) -> Published:
        """Put the part under its published name, durably; None if somebody took that name meanwhile."""
        return (await self.publish_many([state], options))[0]

    async def publish_many(self, states: Sequence[FileState], options: TransferOptions) -> list[Published]:
        """Do the same for many files with one trip to the disk for each folder. Raises LocalError for the first that
        cannot be published; those before it are.
        """
        return await self._run(self._publish_many, states, options)

    def _publish_many(self, states: Sequence[FileState], options: TransferOptions) -> list[Published]:
        by_folder = _by_folder([state.published or "" for state in states])
        results: list[Published] = [None] * len(states)
        touched: list[tuple[str, ...]] = []
        try:
            for folders, indexes in by_folder.items():
                touched.append(folders)
                with walked(self.directory, folders, create=True) as fd:
                    for index in indexes:
                        results[index] = self._publish(states[index], options, fd)
        finally:
            self._settle(touched)
        return results

    def _settle(self, folders: Iterable[tuple[str, ...]]) -> None:
        """The names in the folders, and those of the folders, are durable."""
        for path in {folder[:depth] for folder in folders for depth in range(len(folder) + 1)}:
            with walked(self.directory, path, create=False) as fd:
                try:
                    settle(fd)
                except OSError as error:
                    shown = os.path.join(self.directory, *path)
                    raise LocalError(f"the disk did not take {shown}: {error.strerror}", code="flush_failed") from error

    def _publish(self, state: FileState, options: TransferOptions, fd: int) -> Published:
        assert state.part is not None
        assert state.published is not None
        part, name = split(state.part)[1], split(state.published)[1]
        shown = os.path.join(self.directory, state.published)
        try:
            _set_time(part, fd, state, options)
            if options.if_exists in ("overwrite", "newer"):
                there = entry(name, fd)
                if there is not None:
                    check_replaceable(there, shown)
                os.replace(part, name, src_dir_fd=fd, dst_dir_fd=fd)
            elif not land(part, name, fd):
                return None
        except OSError as error:
            raise local_error(error, shown) from error
        return state.having(
            status=FileStatus.DONE, part=None, received=state.size or 0, error=None, part_mtime_ns=_time(name, fd)
        )

    async def recover(self, state: FileState) -> FileState:
        """Return what became of a file whose publishing was cut: done if our bytes stand under the name, else as it
        was before. Never takes somebody else's file for ours.
        """
        return await self._run_alone(self._recover, state)

    def _recover(self, state: FileState) -> FileState:
        assert state.published is not None
        folders, name = split(state.published)
        part = split(state.part)[1] if state.part else None
        done, mtime_ns = False, None
        with suppress(OSError, LocalError), walked(self.directory, folders, create=False) as fd:
            done = landed(state, part, name, fd)
            mtime_ns = _time(name, fd)
        if not done:
            return replace(state, status=FileStatus.RUNNING, published=None)
        self._settle([folders])
        return replace(state, status=FileStatus.DONE, part=None, received=state.size or 0, part_mtime_ns=mtime_ns)

    # -- the rest ----------------------------------------------------------------------------------

    def forget(self, states: Iterable[FileState]) -> None:
        """Let go of what is held in memory of the files: nobody will publish it."""
        for state in states:
            self._parcels.pop(state)

    async def discard(self, states: Sequence[FileState]) -> None:
        """Remove the part files of the states; published files stay."""
        await self._run(self._discard, states)

    def _discard(self, states: Sequence[FileState]) -> None:
        for state in states:
            if self._parcels.pop(state) is not None or state.part is None:
                continue
            folders, name = split(state.part)
            with suppress(OSError, LocalError), walked(self.directory, folders, create=False) as fd:
                while (found := find(name, fd)) is not None:
                    os.unlink(found, dir_fd=fd)
                if entry(workshop_name(name), fd) is not None:
                    import shutil  # noqa: PLC0415 - hardly any file has one

                    shutil.rmtree(workshop_name(name), ignore_errors=True, dir_fd=fd)

    async def sweep(self, states: Sequence[FileState]) -> None:
        """Remove part files of the states' task that no state names: left by an attempt that died unrecorded."""
        await self._run(self._sweep, states)

    def _sweep(self, states: Sequence[FileState]) -> None:
        named = {split(state.part)[1] for state in states if state.part is not None}
        marks = {f".{state.task_id[:8]}-" for state in states}
        for folders in {split(state.path)[0] if state.path else () for state in states}:
            with suppress(OSError, LocalError), walked(self.directory, folders, create=False) as fd:
                for name in os.listdir(fd):
                    ours = name.startswith(".") and name.endswith(".part") and any(mark in name for mark in marks)
                    if ours and name not in named:
                        os.unlink(name, dir_fd=fd)

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        return await self._errands.run(work, *arguments)

    async def _run_alone(self, work: Callable[..., T], *arguments: object) -> T:
        """The same for what may read a whole file: nothing waits behind it."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)


def _name(state: FileState, facts: Facts) -> str:
    named = from_content_disposition(facts.disposition) if facts.disposition else None
    return safe_name(named or from_url(state.urls[0]) or from_url(facts.url) or "")


def _named_by_link(state: FileState) -> FileState | None:
    """Return the state with the name that its link has; None if only the server can tell."""
    name = from_url(state.urls[0])
    return state.having(path=safe_name(name)) if name else None


def _by_folder(paths: Sequence[str]) -> dict[tuple[str, ...], list[int]]:
    """Return the indexes of the paths by the folders they are in."""
    found: dict[tuple[str, ...], list[int]] = {}
    for index, path in enumerate(paths):
        found.setdefault(split(path)[0], []).append(index)
    return found


def _candidates(name: str) -> Iterator[str]:
    yield name
    for n in range(1, TRIES):
        yield numbered(name, n)


def _empty(state: FileState) -> FileState:
    return replace(state, extents=(), block_hashes=b"", received=0, part=None, part_mtime_ns=None)


def _reopen(state: FileState, folders: tuple[str, ...], part: str, fd: int) -> int | None:
    """Open the recorded part under its new name; None if there is none that we may go on with."""
    if state.part is None or split(state.part)[0] != folders:
        return None
    old = split(state.part)[1]
    try:
        opened = open_regular(old, fd, os.O_RDWR)
    except OSError as error:
        if error.errno in _LOST:
            return None
        raise
    try:
        if os.fstat(opened).st_nlink == 1 and lock(opened):
            os.ftruncate(opened, state.extents[-1][1] if state.extents else 0)  # what is behind was never recorded
            os.rename(old, part, src_dir_fd=fd, dst_dir_fd=fd)
            return opened
        os.unlink(old, dir_fd=fd)
    except OSError:
        os.close(opened)
        raise
    os.close(opened)
    return None


def _create(part: str, fd: int) -> tuple[str, int]:
    """Make a new part and return what it is called and its descriptor; whatever has its name stays as it is."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    try:
        opened = open_regular(part, fd, flags)
    except FileExistsError:
        part = f"{part.removesuffix('.part')}-{secrets.token_hex(3)}.part"
        opened = open_regular(part, fd, flags)
    lock(opened)
    return part, opened


def _time(name: str, fd: int) -> int | None:
    """Return the published file's time: while it has that, and its size, nobody has touched it."""
    there = entry(name, fd)
    return None if there is None else there.st_mtime_ns


def _set_time(part: str, fd: int, state: FileState, options: TransferOptions) -> None:
    modified = parse_http_date(state.last_modified or "") if options.keep_time else None
    if modified is not None:
        with suppress(OSError, OverflowError):  # a time that the file system cannot tell is not worth a download
            os.utime(part, (modified, modified), dir_fd=fd, follow_symlinks=False)
