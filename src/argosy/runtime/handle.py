"""What a caller holds of a task: something to await, to watch and to command."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from argosy.core.events import DownloadProgress, Recorded, StatusChanged
from argosy.core.types import Progress, Status, Task, TaskId
from argosy.errors import (
    ArgosyError,
    AuthError,
    Failure,
    IntegrityError,
    Interrupted,
    LocalError,
    ServerBusy,
    ServerRefused,
    StoreError,
    TransferError,
    UnknownTask,
    UsageError,
)
from argosy.runtime.message import Outcome
from argosy.runtime.watch import AT_REST

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands

ELSEWHERE_LOOK_S: Final = 0.5
"""A task that another process runs is looked at this often."""

BY_EXIT_CODE: Final[dict[int, type[ArgosyError]]] = {
    2: UsageError, 3: TransferError, 4: AuthError, 5: ServerRefused, 6: LocalError, 7: IntegrityError, 8: StoreError,
}  # fmt: skip


class TaskHandle:
    """One task of one runtime, near or far. ``await handle`` gives the finished task or raises why there is none."""

    __slots__ = ("_runtime", "_seen", "id", "joined")

    def __init__(self, runtime: Commands, task: Task, *, joined: bool = False) -> None:
        self._runtime = runtime
        self._seen = task
        self.id: TaskId = task.id
        self.joined = joined
        """Whether the task was there already."""

    def __repr__(self) -> str:
        return f"<TaskHandle of {self._seen!r}>"

    def __await__(self) -> Generator[Any, None, Task]:
        return self.result().__await__()

    async def result(self) -> Task:
        """Return the task once it is complete. Raises the error it failed with, or Interrupted if it was paused,
        cancelled or removed.
        """
        task = await self._runtime.rest(self.id)
        if task is None:
            raise Interrupted("the task was removed", code="removed")
        self._seen = task
        if task.status is Status.COMPLETED:
            return task
        if task.status is Status.FAILED and task.error is not None:
            raise raised(task.error)
        raise Interrupted(f"the task was {task.status}", hint=f"argosy resume {task.id[:8]} goes on")

    async def followed(self, tell: Callable[[Progress], object] | None) -> Task:
        """Do the same, and ``tell`` the counters as they change until then."""
        if tell is not None:
            async for now in self.progress():
                tell(now)
        return await self.result()

    @property
    def seen(self) -> Task:
        """The task as it was when it was last looked at."""
        return self._seen

    async def task(self) -> Task:
        """Return the task as it is now. Raises UnknownTask if it was removed."""
        self._seen = await self._runtime.task(self.id)
        return self._seen

    @property
    def path(self) -> Path:
        """Where it is, or will be: the file once it has a name, before that (and for many files) the folder."""
        folder = Path(self._seen.spec.directory)
        name = self._seen.name or (self._seen.spec.files[0].path if len(self._seen.spec.files) == 1 else None)
        return folder / name if name else folder

    async def progress(self) -> AsyncIterator[Progress]:
        """Yield the counters as they change, at most 15 times a second, until the task comes to rest."""
        async with self._runtime.subscribe(task_id=self.id) as events:
            task = await self._look()
            while task is not None:
                self._seen = task
                yield self._runtime.progress_of(task)
                if task.status in AT_REST:
                    return
                event = await events.within(ELSEWHERE_LOOK_S)
                while isinstance(event, DownloadProgress):
                    shown = self._runtime.live_progress(self.id)
                    if shown is not None:
                        yield shown
                    event = await events.within(ELSEWHERE_LOOK_S)
                if isinstance(event, Recorded) and isinstance(event.event, StatusChanged) and event.event.to is None:
                    return
                task = await self._look()

    async def _look(self) -> Task | None:
        try:
            return await self._runtime.task(self.id)
        except UnknownTask:
            return None

    async def pause(self) -> None:
        await self._command(self._runtime.pause([self.id]))

    async def resume(self) -> None:
        await self._command(self._runtime.resume([self.id]))

    async def cancel(self) -> None:
        await self._command(self._runtime.cancel([self.id]))

    async def remove(self) -> None:
        await self._command(self._runtime.remove([self.id]))

    async def retry(self) -> None:
        await self._command(self._runtime.retry([self.id]))

    async def _command(self, command: Awaitable[list[Outcome]]) -> None:
        (outcome,) = await command
        self._seen = outcome.require() or self._seen


def raised(failure: Failure) -> ArgosyError:
    """Return the error that a kept failure was."""
    kind = by_code().get(failure.code) or BY_EXIT_CODE.get(failure.exit_code, ArgosyError)
    error = kind(failure.message, hint=failure.hint, code=failure.code)
    error.retryable = failure.retryable
    if failure.exit_code != kind.exit_code:
        error.exit_code = failure.exit_code  # type: ignore[misc]  # of many failures in one, the first one's counts
    if isinstance(error, ServerBusy):
        error.retry_after_s = failure.retry_after_s
    return error


@cache
def by_code() -> dict[str, type[ArgosyError]]:
    """Return the public tree by code; what other modules raise among themselves is not for callers."""
    found: dict[str, type[ArgosyError]] = {}
    waiting = [ArgosyError]
    while waiting:
        kind = waiting.pop()
        found.setdefault(kind.code, kind)
        waiting += [below for below in kind.__subclasses__() if below.__module__ == ArgosyError.__module__]
    return found
