"""``argosy watch``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from argosy.cli import document, table
from argosy.cli.complete import complete_ids
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
    from argosy.runtime.manager import Runtime

LOOK_S = 0.5
MOST = 1000
SHOWN = ACTIVE | {Status.RETRYING}


@verb()
@click.argument("ids", nargs=-1, metavar="[ID]…", shell_complete=complete_ids)
@click.option("--since", type=int, metavar="SEQ", help="Tell the events after that number first.")
@click.option("--timeout", type=DURATION, metavar="TIME", help="End after so long.")
def watch(ids: tuple[str, ...], since: int | None, timeout: float | None) -> int:
    """Follow tasks live, whoever runs them: bars on a terminal, a line for each event elsewhere, NDJSON with --json.

    Ends with Ctrl-C, which stops nothing but the watching.
    """  # fmt: skip
    return run(_watch(current(click.get_current_context()), ids, since, timeout))


async def _watch(face: Face, words: Sequence[str], since: int | None, timeout_s: float | None) -> int:
    from argosy.runtime.manager import Runtime  # noqa: PLC0415 - help needs none

    with listening() as stopping:
        async with Runtime(work=False) as runtime:
            wanted = frozenset(task.id for task in await looked_up(runtime, words))
            bars = draws_bars() and sys.stdout.isatty() and not face.json and since is None
            looking = _bars(face, runtime, wanted) if bars else _events(face, runtime, wanted, since)
            await first_of(looking, stopping.asked.wait(), within_s=timeout_s)
    return 0


async def _bars(face: Face, runtime: Runtime, wanted: frozenset[TaskId]) -> None:
    from argosy.cli.progress.bars import Bars  # noqa: PLC0415 - rich is for terminals only

    view, board = Bars(face), Board()
    try:
        while True:
            await _refresh(board, runtime, wanted)
            board.tick(asyncio.get_running_loop().time())
            view.draw(board)
            await asyncio.sleep(LOOK_S)
    finally:
        view.close()


async def _refresh(board: Board, runtime: Runtime, wanted: frozenset[TaskId]) -> None:
    """Bring the board up to what the store has: who moves now, and what became of those that did."""
    moving = {task.id: task async for task in pages(runtime, Query(statuses=SHOWN), MOST)}
    for task_id in board.rows.keys() - moving.keys():
        await _take_off(board, runtime, task_id)
    for task in moving.values():
        if not wanted or task.id in wanted:
            _put(board, runtime, task)


async def _take_off(board: Board, runtime: Runtime, task_id: TaskId) -> None:
    try:
        task = await runtime.task(task_id)
    except UnknownTask:
        board.drop(task_id)
        return
    if task.status in (Status.COMPLETED, Status.FAILED):
        board.end(task)
    else:
        board.drop(task_id)


def _put(board: Board, runtime: Runtime, task: Task) -> None:
    if task.id not in board.rows:
        board.add(task, name_of(task))
    board.rename(task.id, name_of(task))
    board.move(task.id, task.status, task.error.message if task.error else "")
    board.measure(runtime.progress_of(task))


async def _events(face: Face, runtime: Runtime, wanted: frozenset[TaskId], since: int | None) -> None:
    async with runtime.subscribe(after=since) as events:
        async for event in events:
            if not isinstance(event, Recorded) or (wanted and event.event.task_id not in wanted):
                continue
            if face.json:
                face.say(document.document("event/1", **document.event(event)))
            else:
                _print(face, event)


def _print(face: Face, record: Recorded) -> None:
    who = short(record.event.task_id) if record.event.task_id else ""
    (line,) = table.lines([(local_time(record.at), who, *in_words(record))])
    face.say(line)
