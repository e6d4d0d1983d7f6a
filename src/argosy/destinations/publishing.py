"""Giving files their names: a name is chosen, the caller records it, and then it is given.

Many files at a time. What Python does for a small one is little beside the system calls, and each of those gives up its lock:
a thread that made them beside the transfer loop would have the two wait for each other most of the time. So small files
are written, and names are given, on the loop, some files a turn, as the bytes of all others are. What takes time on a
disk, flushing and what may free a large file, is a thread's.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from argosy.core.header import parse_http_date
from argosy.core.names import numbered
from argosy.core.types import FileState, FileStatus, TransferOptions
from argosy.destinations.errands import Errands
from argosy.destinations.folder import entry, local_error, settle, split, walked
from argosy.destinations.landing import land, landed
from argosy.destinations.parcel import Parcels, Stowed, flushed, stow
from argosy.destinations.policy import check_replaceable, exists
from argosy.errors import LocalError

TRIES: Final = 100_000
"""Numbered names looked at before giving up."""
TURN: Final = 32
"""Files of one turn of the loop."""

Names = dict[tuple[tuple[str, ...], str], Iterator[str]]
"""Those still to be tried, by folder and the name that is wanted: of many files of one name each is given its own."""
Published = FileState | None


class Publishing:
    """Publishes below one folder; see :class:`argosy.destinations.local.LocalDestination`."""

    def __init__(self, directory: str, parcels: Parcels, errands: Errands) -> None:
        self._directory = directory
        self._parcels = parcels
        self._errands = errands

    # -- choosing ----------------------------------------------------------------------------------

    async def choose(self, states: Sequence[FileState], options: TransferOptions) -> list[FileState]:
        chosen, names = list(states), Names()
        held = [index for index, state in enumerate(states) if self._parcels.holds(state)]
        for turn in _turns(held):
            stowed: list[Stowed] = []
            try:
                self._choose_some(chosen, turn, options, names, stowed)
            finally:  # those before one that fails are on the disk, and must be there durably
                await self._errands.run(flushed, stowed)
        if len(held) < len(states):
            others = sorted({*range(len(states))}.difference(held))
            await self._errands.run(self._choose_some, chosen, others, options, names, [])
        return chosen

    def _choose_some(
        self,
        states: list[FileState],
        indexes: Sequence[int],
        options: TransferOptions,
        names: Names,
        stowed: list[Stowed],
    ) -> None:
        """Replace the states by those with a name; parts that were in memory are on the disk then, but not flushed."""
        for folders, some in _by_folder({index: states[index].path for index in indexes}).items():
            with walked(self._directory, folders, create=True) as fd:
                for index in some:
                    state = states[index]
                    try:
                        part = self._stowed(state, folders, fd, stowed)
                        states[index] = state.having(
                            part=part,
                            published="/".join((*folders, self._name(state, folders, options, fd, names))),
                            status=FileStatus.PUBLISHING,
                        )
                    except OSError as error:
                        raise local_error(error, self._shown(state.path)) from error

    def _stowed(self, state: FileState, folders: tuple[str, ...], fd: int, stowed: list[Stowed]) -> str | None:
        """Return the path of the state's part, which is on the disk. Raises OSError."""
        held = self._parcels.pop(state)
        if held is None:
            return state.part
        written = stow(held, fd)
        stowed.append(written)
        return "/".join((*folders, written.name))

    def _name(self, state: FileState, folders: tuple[str, ...], options: TransferOptions, fd: int, names: Names) -> str:
        assert state.path is not None
        name = split(state.path)[1]
        if options.if_exists in ("overwrite", "newer"):
            return name
        untried = names.setdefault((folders, name), _candidates(name))
        free = next((n for n in untried if entry(n, fd) is None), None)
        if free is None:
            raise LocalError(
                f"{TRIES} files named like {name} exist", hint="choose another name with -o", code="exists"
            )
        if free != name and options.if_exists == "fail":
            raise exists(self._shown(state.path))
        return free

    # -- publishing --------------------------------------------------------------------------------

    async def publish(self, states: Sequence[FileState], options: TransferOptions) -> list[Published]:
        results: list[Published] = [None] * len(states)
        touched: set[tuple[str, ...]] = set()
        try:
            if options.if_exists in ("overwrite", "newer"):
                await self._errands.run(self._publish_some, states, range(len(states)), options, results, touched)
            else:
                for turn in _turns(range(len(states))):
                    self._publish_some(states, turn, options, results, touched)
                    await asyncio.sleep(0)
        finally:
            await self._errands.run(self._settle, touched)
        return results

    def _publish_some(
        self,
        states: Sequence[FileState],
        indexes: Sequence[int],
        options: TransferOptions,
        results: list[Published],
        touched: set[tuple[str, ...]],
    ) -> None:
        for folders, some in _by_folder({index: states[index].published for index in indexes}).items():
            touched.add(folders)
            with walked(self._directory, folders, create=True) as fd:
                for index in some:
                    results[index] = self._publish(states[index], options, fd)

    def _settle(self, folders: Iterable[tuple[str, ...]]) -> None:
        """The names in the folders, and those of the folders, are durable."""
        for path in {folder[:depth] for folder in folders for depth in range(len(folder) + 1)}:
            with walked(self._directory, path, create=False) as fd:
                try:
                    settle(fd)
                except OSError as error:
                    shown = os.path.join(self._directory, *path)
                    raise LocalError(f"the disk did not take {shown}: {error.strerror}", code="flush_failed") from error

    def _publish(self, state: FileState, options: TransferOptions, fd: int) -> Published:
        assert state.part is not None
        assert state.published is not None
        part, name = split(state.part)[1], split(state.published)[1]
        shown = self._shown(state.published)
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

    # -- after a crash -----------------------------------------------------------------------------

    def recover(self, state: FileState) -> FileState:
        assert state.published is not None
        folders, name = split(state.published)
        part = split(state.part)[1] if state.part else None
        done, mtime_ns = False, None
        with suppress(OSError, LocalError), walked(self._directory, folders, create=False) as fd:
            done = landed(state, part, name, fd)
            mtime_ns = _time(name, fd)
        if not done:
            return replace(state, status=FileStatus.RUNNING, published=None)
        self._settle([folders])
        return replace(state, status=FileStatus.DONE, part=None, received=state.size or 0, part_mtime_ns=mtime_ns)

    def _shown(self, path: str | None) -> str:
        return os.path.join(self._directory, path or "")


def _candidates(name: str) -> Iterator[str]:
    yield name
    for n in range(1, TRIES):
        yield numbered(name, n)


def _turns(indexes: Sequence[int]) -> Iterator[Sequence[int]]:
    return (indexes[start : start + TURN] for start in range(0, len(indexes), TURN))


def _by_folder(paths: Mapping[int, str | None]) -> dict[tuple[str, ...], list[int]]:
    """Return the indexes by the folders that their paths are in."""
    found: dict[tuple[str, ...], list[int]] = {}
    for index, path in paths.items():
        found.setdefault(split(path or "")[0], []).append(index)
    return found


def _time(name: str, fd: int) -> int | None:
    """Return the published file's time: while it has that, and its size, nobody has touched it."""
    there = entry(name, fd)
    return None if there is None else there.st_mtime_ns


def _set_time(part: str, fd: int, state: FileState, options: TransferOptions) -> None:
    modified = parse_http_date(state.last_modified or "") if options.keep_time else None
    if modified is not None:
        with suppress(OSError, OverflowError):  # a time that the file system cannot tell is not worth a download
            os.utime(part, (modified, modified), dir_fd=fd, follow_symlinks=False)
