"""Finished files, opened for who may have them: never another file than the one that was downloaded.

The way goes from folder handle to folder handle and follows no link within the task's folder; what is not of the size and
time that the download left is not given out. Everything that touches a disk is done in threads of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from typing import Any, Final, Protocol, Self, TypeVar

from argosy.core.header import parse_http_date
from argosy.core.types import FileState, Task, TaskId
from argosy.destinations.folder import open_regular, split, walked
from argosy.errors import ArgosyError, LocalError, UnknownTask, UnsafePath
from argosy.service.results.conditional import Version
from argosy.service.results.link import name_of

THREADS: Final = 8
KEPT_FILES: Final = 100_000
"""Of ended tasks, whose files do not change any more, so many are remembered."""
T = TypeVar("T")


class NotReady(ArgosyError):
    """The file, or the job, is not finished yet."""

    code = "not_ready"
    retryable = True

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message, hint="ask again later, or listen to the job's events")
        self.retry_after_s = retry_after_s


class UnknownFile(UnknownTask):
    """The task has no file of that number."""

    code = "not_found"


class ResultGone(ArgosyError):
    """The file was there and is not any more, or is another one."""

    code = "result_gone"


class Runtime(Protocol):
    """What is needed of a runtime."""

    async def task(self, task_id: TaskId) -> Task: ...

    async def files(self, task_id: TaskId) -> Sequence[FileState]: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A finished file; whoever has this closes ``file``."""

    file: FileIO
    version: Version
    name: str
    content_type: str | None


class Results:
    """An async context manager."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argosy-results")
        self._ended: OrderedDict[TaskId, tuple[int, Sequence[FileState]]] = OrderedDict()
        self._held = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401 - the work's own
        """Do something that touches a disk, or takes a while, beside the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def files(self, task: Task) -> Sequence[FileState]:
        """Return the task's files; those of one that has ended are read once."""
        known = self._ended.get(task.id)
        if known is not None and known[0] == task.version:
            self._ended.move_to_end(task.id)
            return known[1]
        files = await self._runtime.files(task.id)
        if task.terminal:
            self._remember(task, files)
        return files

    def _remember(self, task: Task, files: Sequence[FileState]) -> None:
        before = self._ended.pop(task.id, None)
        self._held += len(files) - (0 if before is None else len(before[1]))
        self._ended[task.id] = (task.version, files)
        while self._held > KEPT_FILES and len(self._ended) > 1:
            _, (_, oldest) = self._ended.popitem(last=False)
            self._held -= len(oldest)

    async def finished(self, task_id: TaskId, index: int) -> tuple[Task, FileState]:
        """Return the task and its file. Raises UnknownTask, UnknownFile, or NotReady while it is still to come."""
        task = await self._runtime.task(task_id)
        files = await self.files(task)
        if not 0 <= index < len(files):
            raise UnknownFile(f"the task has no file {index}", hint=f"it has {len(files)}, counted from 0")
        file = files[index]
        if not file.finished:
            if task.terminal:
                raise UnknownFile(
                    "the file did not come", hint="the task's files say why; retry fetches what is missing"
                )
            raise NotReady("the file is not finished")
        return task, file

    async def open(self, task_id: TaskId, index: int) -> Opened:
        """Return the finished file, open. Raises also ResultGone, and LocalError for a disk that fails."""
        task, file = await self.finished(task_id, index)
        return await self.run(self._open, task, file)

    def _open(self, task: Task, file: FileState) -> Opened:
        root, above = self._way(task)
        try:
            folders, name = split(file.published or file.path or "")
            with walked(root, above + folders, create=False) as fd:
                opened = FileIO(open_regular(name, fd, os.O_RDONLY), "rb")
        except (OSError, LocalError, UnsafePath) as error:
            raise ResultGone("the file is not there any more", hint="somebody moved, removed or replaced it") from error
        there = os.fstat(opened.fileno())
        if not is_as_left(file, there):
            opened.close()
            raise ResultGone("the file was changed after it had been downloaded", hint="verify tells more")
        return Opened(
            opened, Version(there.st_size, etag_of(file, there), there.st_mtime), name_of(file), file.content_type
        )

    def _way(self, task: Task) -> tuple[str, tuple[str, ...]]:
        """Return where to begin, and the folders from there. Where somebody's own folder is may be told by links, as they
        like it; a job's folder is made by us, and is none.
        """
        above, own = os.path.split(task.spec.directory)
        return (above, (own,)) if own == task.id else (task.spec.directory, ())


def is_as_left(file: FileState, there: os.stat_result) -> bool:
    """Whether the file has the size and the time that the download left."""
    if file.size is not None and there.st_size != file.size:
        return False
    served = parse_http_date(file.last_modified or "")
    return file.part_mtime_ns in (None, there.st_mtime_ns) or there.st_mtime == served


def etag_of(file: FileState, there: os.stat_result) -> str:
    """Return a strong entity-tag: nobody gives out the file once its size or time has changed."""
    text = f"{file.task_id}/{file.index}/{there.st_size}/{there.st_mtime_ns}/{file.checksum}"
    return f'"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"'
