"""``argosy history``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from argosy.cli import document, table
from argosy.cli.complete import complete_ids
from argosy.cli.face import Face, current
from argosy.cli.kinds import Number
from argosy.cli.loop import on_store
from argosy.cli.options import verb
from argosy.cli.select import looked_up, pages
from argosy.cli.text import error_beside, local_time, name_of, short, size_of
from argosy.core.events import Recorded, StatusChanged, Warned
from argosy.core.names import terminal_safe
from argosy.core.types import TERMINAL, Status, Task
from argosy.errors import UsageError
from argosy.store.port import Query

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands

MOST = 50
EVENT_PAGE = 1000


@verb(asks=True)
@click.argument("task_id", required=False, metavar="[ID]", shell_complete=complete_ids)
@click.option(
    "-n", "--most", type=Number(1), default=MOST, show_default=True, help="Show at most so many, newest first."
)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([status.value for status in sorted(TERMINAL)]),
    help="Only this status (may be repeated).",
)
def history(task_id: str | None, most: int, statuses: tuple[str, ...]) -> int:
    """List what ended, newest first; with an ID, all that happened to that task."""  # fmt: skip
    face = current(click.get_current_context())
    if task_id == "-":
        raise UsageError("history tells of one task at a time", hint="give its id")
    wanted = frozenset(map(Status, statuses)) or TERMINAL

    async def work(runtime: Commands) -> int:
        if task_id is None:
            _list(face, [task async for task in pages(runtime, Query(statuses=wanted, newest_first=True), most)])
        else:
            await _tell(face, runtime, task_id)
        return 0

    return on_store(work)


def _list(face: Face, tasks: list[Task]) -> None:
    if face.json:
        face.say(document.document("tasks/1", tasks=[document.task(task) for task in tasks]))
    elif not tasks:
        face.note("nothing has ended yet")
    else:
        rows = [
            (short(task.id), local_time(task.finished_at), task.status.value, size_of(task), _name(task))
            for task in tasks
        ]
        table.show(face, ("ID", "ENDED", "STATUS", "SIZE", "NAME"), rows, right=(3,), stretch=4)


def _name(task: Task) -> str:
    name = name_of(task)
    return f"{name}  ({error_beside(name, task)})" if task.error and task.status is Status.FAILED else name


async def _tell(face: Face, runtime: Commands, word: str) -> None:
    (task,) = await looked_up(runtime, [word])
    records = await _events(runtime, task.id)
    if face.json:
        face.say(document.document("events/1", task_id=task.id, events=[document.event(record) for record in records]))
        return
    face.note(name_of(task))
    for line in table.lines([(local_time(record.at), *in_words(record)) for record in records]):
        face.say(line)


async def _events(runtime: Commands, task_id: str) -> list[Recorded]:
    found: list[Recorded] = []
    while True:
        page = await runtime.events(after=found[-1].seq if found else 0, limit=EVENT_PAGE, task_id=task_id)
        found += page
        if len(page) < EVENT_PAGE:
            return found


def in_words(record: Recorded) -> tuple[str, str]:
    match record.event:
        case StatusChanged(to=to, reason=reason, error=error):
            return (to.value if to else "removed"), terminal_safe(error.message if error else f"by {reason}")
        case Warned(code=code, message=message):
            return f"! {code}", terminal_safe(message)
