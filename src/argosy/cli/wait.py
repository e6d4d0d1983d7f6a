"""``argosy wait``."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

import click

from argosy.cli import document, trouble
from argosy.cli.complete import complete_ids
from argosy.cli.counterpart import persistently
from argosy.cli.face import Face, current
from argosy.cli.kinds import DURATION
from argosy.cli.loop import run
from argosy.cli.options import verb
from argosy.cli.progress.view import Silent
from argosy.cli.race import first_of
from argosy.cli.report import Words
from argosy.cli.select import looked_up, pages
from argosy.core.types import TERMINAL, Status, Task, TaskId
from argosy.errors import ArgosyError, Interrupted, UnknownTask
from argosy.store.port import Query

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands

OPEN = Query(statuses=frozenset(Status) - TERMINAL)


@verb(asks=True)
@click.argument("ids", nargs=-1, metavar="[ID]…", shell_complete=complete_ids)
@click.option(
    "--timeout", type=DURATION, metavar="TIME", help="Give up waiting after so long (exit 124); the tasks go on."
)
def wait(ids: tuple[str, ...], timeout: float | None) -> int:
    """Return once tasks have ended or are paused, whoever runs them; without an id, all there are now.

    Prints the paths of what is complete, like 'argosy get', and has its exit codes.
    """  # fmt: skip
    return run(_wait(current(click.get_current_context()), ids, timeout))


async def _wait(face: Face, words: Sequence[str], timeout_s: float | None) -> int:
    tasks: list[Task] = []
    ended: dict[TaskId, Task] = {}

    async def work(runtime: Commands) -> None:
        if not tasks:
            tasks.extend(await looked_up(runtime, words) if words else [task async for task in pages(runtime, OPEN)])
        await _all([_end_of(runtime, face, task, ended) for task in tasks if task.id not in ended])

    if await first_of(persistently(work, face.note), within_s=timeout_s) is None:
        raise _TimeIsOver(
            f"{len(tasks) - len(ended)} of {len(tasks)} have not ended", hint="they go on without this command"
        )
    if face.json:
        face.say(document.document("tasks/1", tasks=[document.task(ended[task.id]) for task in tasks]))
    return trouble.exit_code([_code(task) for task in ended.values() if task.status is not Status.COMPLETED])


class _TimeIsOver(ArgosyError):
    code = "time_is_over"
    exit_code = trouble.EXIT_TIME_IS_OVER


async def _all(waits: Sequence[Coroutine[Any, Any, None]]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _end_of(runtime: Commands, face: Face, task: Task, ended: dict[TaskId, Task]) -> None:
    rested = await runtime.rest(task.id)
    if rested is None:
        raise UnknownTask(f"task {task.id[:8]} was removed while it was waited for")
    files = [] if face.json else await runtime.files(task.id)
    ended[task.id] = rested
    if face.json:
        return
    words = Words(face, Silent())
    if rested.status is Status.COMPLETED:
        words.finished(rested, files)
    else:
        words.failed(rested, files)


def _code(task: Task) -> int:
    return task.error.exit_code if task.status is Status.FAILED and task.error else Interrupted.exit_code
