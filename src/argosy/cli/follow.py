"""Following tasks until each has come to rest, and reporting all of it. It commands nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from argosy.cli.progress.board import Board
from argosy.cli.report import Reporter
from argosy.cli.text import name_of
from argosy.core.events import DownloadProgress, Recorded, StatusChanged, Warned
from argosy.core.types import TERMINAL, FileState, Status, Task, TaskId
from argosy.errors import Interrupted, UnknownTask

if TYPE_CHECKING:
    from argosy.bus.local import Event
    from argosy.runtime.commands import Commands, Events

AT_REST = TERMINAL | {Status.PAUSED}
PUT_ASIDE = frozenset({Status.PAUSED, Status.CANCELLED})
"""For who works the queue, somebody else's wish and no failure."""
BATCH = 200
"""So many ended tasks are looked up together."""
FEW = 50
"""Up to so many tasks, each one's files are looked up for what is said of it."""
LOOK_S = 1.0
"""Tasks that another process runs are looked at so often."""
MOST_LOOKED_AT = 20


class Follower:
    """Follows tasks. ``adopts``: also those that begin to run without having been told of, if it says so of the task."""

    def __init__(
        self, runtime: Commands, reporter: Reporter, *, adopts: Callable[[TaskId], object] | None = None
    ) -> None:
        self._runtime = runtime
        self._reporter = reporter
        self._adopts = adopts
        self._ended: asyncio.Queue[TaskId] = asyncio.Queue()
        self._open: set[TaskId] = set()
        self.board = Board()
        self.exit_codes: list[int] = []
        """Of each task that did not become complete."""
        self.busy = False
        """It has heard something and looks what that means."""
        self.stopping = False
        """The command stops: that tasks are paused now is no news."""
        self.disk_full: tuple[Task, str] | None = None
        self.full = asyncio.Event()
        """A disk is full; :attr:`disk_full` tells which task noticed, and what it said. One who adopts waits for space."""

    def add(self, task: Task, *, joined: bool = False) -> None:
        """Follow the task from now on."""
        if task.id in self._open:
            return
        self._open.add(task.id)
        self.board.add(task, name_of(task))
        self._reporter.added(task, joined=joined)
        if task.status in AT_REST:
            self._ended.put_nowait(task.id)

    @property
    def unfinished(self) -> list[TaskId]:
        """Return the tasks that have not come to rest; those that wait come first."""
        active = {row.id for row in self.board.active()}
        return [task_id for task_id in self._open if task_id not in active] + list(active)

    async def until_rest(self, events: Events) -> None:
        """Return once every task followed has come to rest."""
        await self._along(events, self._settle(forever=False))

    async def forever(self, events: Events) -> None:
        """Follow until cancelled."""
        await self._along(events, self._settle(forever=True))

    async def _along(self, events: Events, settle: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [group.create_task(helper) for helper in (self._listen(events), self._draw(), self._look())]
                await settle
                for helper in helpers:
                    helper.cancel()
        except BaseExceptionGroup as several:
            raise _first(several) from None

    # -- events ------------------------------------------------------------------------------------

    async def _listen(self, events: Events) -> None:
        async for event in events:
            self.busy = True
            await self._take(event)
            self.busy = False

    async def _take(self, event: Event) -> None:
        match event:
            case Recorded(event=StatusChanged() as told):
                await self._changed(told)
            case Recorded(event=Warned() as told):
                await self._warned(told)
            case DownloadProgress(task_id=task_id) if task_id in self._open:
                self._measure(task_id)

    async def _changed(self, told: StatusChanged) -> None:
        if told.task_id not in self._open:
            if not (self._adopts and told.to is Status.RUNNING and self._adopts(told.task_id)):
                return
            self.add(await self._runtime.task(told.task_id))
        if told.to is None or told.to in AT_REST:
            self._ended.put_nowait(told.task_id)
            return
        self.board.move(told.task_id, told.to, told.error.message if told.error else "")
        if told.to is Status.RETRYING and told.error is not None:
            self._reporter.retrying(await self._runtime.task(told.task_id))

    async def _warned(self, told: Warned) -> None:
        if told.task_id is not None and told.task_id not in self._open:
            return
        if told.code == "disk_full" and told.task_id is not None and not self._adopts:
            self.disk_full = self.disk_full or (await self._runtime.task(told.task_id), told.message)
            self.full.set()
            return
        row = self.board.rows.get(told.task_id or "")
        self._reporter.warned(told.code, told.message, row.name if row else "", told.task_id)

    def _measure(self, task_id: TaskId) -> None:
        progress = self._runtime.live_progress(task_id)
        if progress is not None:
            self.board.measure(progress)
            self._reporter.progress(progress)

    # -- what ended --------------------------------------------------------------------------------

    async def _settle(self, *, forever: bool) -> None:
        while self._open or forever:
            ids = [await self._ended.get()]
            while len(ids) < BATCH and not self._ended.empty():
                ids.append(self._ended.get_nowait())
            await asyncio.gather(*(self._end(task_id) for task_id in dict.fromkeys(ids)))

    async def _end(self, task_id: TaskId) -> None:
        if task_id not in self._open:
            return
        try:
            task = await self._runtime.task(task_id)
        except UnknownTask:
            self._open.discard(task_id)
            self.board.drop(task_id)
            return
        if task.status not in AT_REST:
            self.board.move(task_id, task.status)  # somebody has let it go on meanwhile
            return
        files = await self._files(task)
        self._open.discard(task_id)
        if self.stopping and task.status is Status.PAUSED:
            self.board.put_down(task)
            return
        if self._adopts and task.status in PUT_ASIDE:
            self.board.put_down(task)
            self._reporter.warned(task.status.value, f"it was {task.status.value}", name_of(task), task_id)
            return
        self.board.end(task)
        if task.status is Status.COMPLETED:
            self._reporter.finished(task, files)
        else:
            self._reporter.failed(task, files)
            failed = task.error if task.status is Status.FAILED else None
            self.exit_codes.append(Interrupted.exit_code if failed is None else failed.exit_code)

    async def _files(self, task: Task) -> Sequence[FileState]:
        if task.files_total == 1 and self.board.tasks > FEW:
            return ()
        return await self._runtime.files(task.id)

    # -- now and then ------------------------------------------------------------------------------

    async def _draw(self) -> None:
        period_s = self._reporter.period_s
        self.board.tick(asyncio.get_running_loop().time())
        while period_s is not None:
            await asyncio.sleep(period_s)
            self.board.tick(asyncio.get_running_loop().time())
            self._reporter.draw(self.board)

    async def _look(self) -> None:
        """See how tasks get on that another process runs: of those no live progress comes here."""
        while True:
            await asyncio.sleep(LOOK_S)
            await asyncio.gather(*(self._look_at(task_id) for task_id in self._elsewhere()))

    def _elsewhere(self) -> Iterable[TaskId]:
        active = (row.id for row in self.board.active())
        return [task_id for task_id in active if self._runtime.live_progress(task_id) is None][:MOST_LOOKED_AT]

    async def _look_at(self, task_id: TaskId) -> None:
        try:
            task = await self._runtime.task(task_id)
        except UnknownTask:
            self._ended.put_nowait(task_id)
            return
        progress = self._runtime.progress_of(task)
        self.board.measure(progress)
        self._reporter.progress(progress)


def _first(error: BaseException) -> BaseException:
    """Return the error that made the others end."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
