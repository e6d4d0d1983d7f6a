"""``argosy watch``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from argosy.cli import document, table
from argosy.cli.complete import complete_ids
from argosy.cli.counterpart import persistently
from argosy.cli.face import Face, current
from argosy.cli.history import in_words
from argosy.cli.kinds import DURATION
from argosy.cli.loop import run
from argosy.cli.options import verb
from argosy.cli.progress.board import Board
from argosy.cli.race import first_of
from argosy.cli.select import looked_up, pages
from argosy.cli.signals import listening
from argosy.cli.terminal import draws_bars
from argosy.cli.text import local_time, name_of, short
from argosy.core.events import Recorded
from argosy.core.types import ACTIVE, Status, Task, TaskId
from argosy.errors import UnknownTask
from argosy.store.port import Query

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands, Events

LOOK_S = 0.5
FAR_LOOK_S = 5.0
"""Where progress is told as it happens, the tasks themselves are looked at when something lasting happens, or so often."""
MOST = 1000
SHOWN = ACTIVE | {Status.RETRYING}


@verb(asks=True)
@click.argument("ids", nargs=-1, metavar="[ID]…", shell_complete=complete_ids)
@click.option("--since", type=int, metavar="SEQ", help="Tell the events after that number first.")
@click.option("--timeout", type=DURATION, metavar="TIME", help="End after so long.")
def watch(ids: tuple[str, ...], since: int | None, timeout: float | None) -> int:
    """Follow tasks live, whoever runs them: bars on a terminal, a line for each event elsewhere, NDJSON with --json.

    Ends with Ctrl-C, which stops nothing but the watching.
    """  # fmt: skip
    face = current(click.get_current_context())
    bars = draws_bars() and sys.stdout.isatty() and not face.json and since is None
    return run(_watch(face, ids, _Bars(face) if bars else _Lines(face, since), timeout))


async def _watch(face: Face, words: Sequence[str], view: _Bars | _Lines, timeout_s: float | None) -> int:
    wanted: frozenset[TaskId] | None = None

    async def look(commands: Commands) -> None:
        nonlocal wanted
        if wanted is None:
            wanted = frozenset(task.id for task in await looked_up(commands, words))
        await view.follow(commands, wanted)

    with listening() as stopping:
        try:
            await first_of(persistently(look, view.remark), stopping.asked.wait(), within_s=timeout_s)
        finally:
            view.close()
    return 0


class _Lines:
    """A line for each lasting event."""

    def __init__(self, face: Face, since: int | None) -> None:
        self._face = face
        self._since = since

    async def follow(self, commands: Commands, wanted: frozenset[TaskId]) -> None:
        async with commands.subscribe(after=self._since) as events:
            try:
                async for event in events:
                    if isinstance(event, Recorded) and (not wanted or event.event.task_id in wanted):
                        self._tell(event)
            finally:
                self._since = self._since if events.cursor is None else events.cursor

    def _tell(self, event: Recorded) -> None:
        if self._face.json:
            self._face.say(document.document("event/1", **document.event(event)))
            return
        who = short(event.event.task_id) if event.event.task_id else ""
        (line,) = table.lines([(local_time(event.at), who, *in_words(event))])
        self._face.say(line)

    def remark(self, text: str) -> None:
        self._face.note(text)

    def close(self) -> None:
        """There is nothing to take off the screen."""


class _Bars:
    """A bar for each task that moves."""

    def __init__(self, face: Face) -> None:
        from argosy.cli.progress.bars import Bars  # noqa: PLC0415 - rich is for terminals only

        self._face = face
        self._view = Bars(face)
        self._board = Board()

    async def follow(self, commands: Commands, wanted: frozenset[TaskId]) -> None:
        async with commands.subscribe() as events:
            news = asyncio.Event()
            hearing = asyncio.create_task(_hear(events, news))
            try:
                while not hearing.done():
                    await self._draw(commands, wanted, news)
                hearing.result()
            finally:
                hearing.cancel()
                await asyncio.wait([hearing])

    async def _draw(self, commands: Commands, wanted: frozenset[TaskId], news: asyncio.Event) -> None:
        """Look at the tasks, then draw their progress for as long as it comes by itself."""
        news.clear()
        await _refresh(self._board, commands, wanted)
        loop = asyncio.get_running_loop()
        until = loop.time() + (FAR_LOOK_S if commands.works else LOOK_S)
        while True:
            for task_id in self._board.rows:
                if (progress := commands.live_progress(task_id)) is not None:
                    self._board.measure(progress)
            self._board.tick(loop.time())
            self._view.draw(self._board)
            await asyncio.sleep(LOOK_S)
            if news.is_set() or loop.time() >= until:
                return

    def remark(self, text: str) -> None:
        self._view.note(self._face.style(text, sys.stderr, fg="yellow"))

    def close(self) -> None:
        self._view.close()


async def _hear(events: Events, news: asyncio.Event) -> None:
    """Say when something lasting happens; live progress is kept by whoever tells it."""
    async for event in events:
        if isinstance(event, Recorded):
            news.set()


async def _refresh(board: Board, commands: Commands, wanted: frozenset[TaskId]) -> None:
    """Bring the board up to what the store has: who moves now, and what became of those that did."""
    moving = {task.id: task async for task in pages(commands, Query(statuses=SHOWN), MOST)}
    for task_id in board.rows.keys() - moving.keys():
        await _take_off(board, commands, task_id)
    for task in moving.values():
        if not wanted or task.id in wanted:
            _put(board, commands, task)


async def _take_off(board: Board, commands: Commands, task_id: TaskId) -> None:
    try:
        task = await commands.task(task_id)
    except UnknownTask:
        board.drop(task_id)
        return
    if task.status in (Status.COMPLETED, Status.FAILED):
        board.end(task)
    else:
        board.drop(task_id)


def _put(board: Board, commands: Commands, task: Task) -> None:
    if task.id not in board.rows:
        board.add(task, name_of(task))
    board.rename(task.id, name_of(task))
    board.move(task.id, task.status, task.error.message if task.error else "")
    board.measure(commands.progress_of(task))
