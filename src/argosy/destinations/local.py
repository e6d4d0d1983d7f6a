"""A folder on this machine: names, part files, and the publishing of what is complete."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from typing import Final, TypeVar

from xxhash import xxh3_64

from argosy.core.names import from_content_disposition, from_url, safe_name
from argosy.core.ranges import block_size_for
from argosy.core.types import FileState, TransferOptions
from argosy.destinations.borrow import Stopped, borrowed
from argosy.destinations.errands import Errands
from argosy.destinations.flusher import Flusher
from argosy.destinations.folder import entry, local_error, open_regular, split, walked
from argosy.destinations.parcel import MemoryPart, Parcels
from argosy.destinations.part import FilePart, lock, workshop_name
from argosy.destinations.policy import heed
from argosy.destinations.port import Facts, Loan, Part, Proof
from argosy.destinations.publishing import Published, Publishing
from argosy.destinations.salvage import another_name, find, part_name, reclaim
from argosy.errors import LocalError

_LOST: Final = frozenset({errno.ENOENT, errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.EISDIR})
"""There is no part, or something else stands where it was."""
_UNREACHABLE: Final = frozenset({"gone", "symlink", "not_a_folder"})
"""Likewise of the folder it was in."""

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
        self._publishing = Publishing(directory, self._parcels, self._errands)

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

    def hold(self, state: FileState, facts: Facts, body: bytes, proof: Proof, *, fence: int) -> FileState | None:
        """Return the state of a new file all of whose bytes are here, held in memory until it is published; None if there
        is no room. Raises UnsafePath.
        """
        path = state.path if state.path is not None else _name(state, facts)
        folders, name = split(path)
        size = len(body)
        held = self._parcels.begin(state, size, "/".join((*folders, part_name(name, state, fence))))
        if held is None:
            return None
        held.data += body
        return state.having(
            path=path, size=size, part=held.path, received=size, extents=((0, size),), block_size=block_size_for(size),
            block_hashes=xxh3_64(body).digest(), part_mtime_ns=held.mtime_ns, etag=facts.etag,
            last_modified=facts.last_modified, date_is_strong=facts.date_is_strong, content_type=facts.content_type,
            resumable=facts.resumable, checksum=proof.checksum, verified_by=proof.by,
        )  # fmt: skip

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

    # -- when every byte is here: see :mod:`.publishing` -------------------------------------------

    async def choose(self, state: FileState, options: TransferOptions) -> FileState:
        """Do what :meth:`choose_many` does for one file."""
        return (await self.choose_many([state], options))[0]

    async def choose_many(self, states: Sequence[FileState], options: TransferOptions) -> list[FileState]:
        """Return the states with the paths they are to be published under: the wanted one, or a numbered one if taken.

        A part that was in memory is on the disk afterwards, durably.
        """
        return await self._publishing.choose(states, options)

    async def publish(self, state: FileState, options: TransferOptions) -> Published:
        """Do what :meth:`publish_many` does for one file."""
        return (await self.publish_many([state], options))[0]

    async def publish_many(self, states: Sequence[FileState], options: TransferOptions) -> list[Published]:
        """Put the parts under their published names, durably, with one trip to the disk for each folder; None for each
        whose name somebody took meanwhile. Raises LocalError for the first that cannot be published; those before it are.
        """
        return await self._publishing.publish(states, options)

    async def recover(self, state: FileState) -> FileState:
        """Return what became of a file whose publishing was cut: done if our bytes stand under the name, else as it
        was before. Never takes somebody else's file for ours.
        """
        return await self._run_alone(self._publishing.recover, state)

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
        part = another_name(part)
        opened = open_regular(part, fd, flags)
    lock(opened)
    return part, opened
