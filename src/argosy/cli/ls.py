"""``argosy ls``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from argosy.cli import document, table
from argosy.cli.face import Face, current
from argosy.cli.kinds import Number
from argosy.cli.loop import on_store
from argosy.cli.options import verb
from argosy.cli.select import STATUSES, pages
from argosy.cli.text import counted, error_beside, left_of, name_of, percent_of, short, size_of, speed_of
from argosy.core.types import Status, Task
from argosy.store.port import Query

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands

MOST = 200
OPEN = frozenset(Status) - {Status.COMPLETED, Status.CANCELLED}


@verb(asks=True)
@click.argument("text", required=False)
@click.option("-a", "--all", "everything", is_flag=True, help="Completed and cancelled tasks too.")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only this status (may be repeated)."
)
@click.option(
    "-n", "--most", type=Number(1), default=MOST, show_default=True, help="Show at most so many, newest first."
)
@click.option("--ids", is_flag=True, help="Print the full ids only, for 'argosy pause -' and the like.")
def ls(text: str | None, statuses: tuple[str, ...], most: int, *, everything: bool, ids: bool) -> int:
    """List the tasks that are not done; with TEXT only those with it in their URL or name."""
    face = current(click.get_current_context())
    wanted = frozenset(map(Status, statuses)) if statuses else None if everything else OPEN

    async def work(runtime: Commands) -> int:
        query = Query(statuses=wanted, text=text, newest_first=True)
        tasks = [task async for task in pages(runtime, query, most)]
        counts = {status: count for status, count in (await runtime.counts()).items() if count}
        if face.json:
            face.say(document.document("tasks/1", tasks=[document.task(task) for task in tasks],
                                       counts={status.value: count for status, count in counts.items()}))  # fmt: skip
        elif ids:
            for task in tasks:
                face.say(task.id)
        else:
            _show(face, tasks, counts, text, most)
        return 0

    return on_store(work)


def _show(face: Face, tasks: list[Task], counts: dict[Status, int], text: str | None, most: int) -> None:
    if tasks:
        rows = [_row(task, narrow=sys.stdout.isatty()) for task in tasks]
        table.show(face, HEAD, rows, right=(2, 3, 4, 5), stretch=7 if any(row[7] for row in rows) else 6)
    hidden = sum(counts.values()) - len(tasks)
    if not tasks and text:
        face.note(f"no task has {text!r} in its URL or name")
    elif not tasks and not counts:
        face.note("there are no tasks yet; 'argosy get URL' or 'argosy add URL' makes one")
    elif not tasks:
        face.note(f"nothing to do; 'argosy history' shows what ended ({counted(hidden, 'task')})")
    elif len(tasks) == most:
        face.note(f"the newest {most}; -n shows more")


HEAD = ("ID", "STATUS", "DONE", "SIZE", "SPEED", "LEFT", "NAME", "NOTE")
LONGEST_NAME = 40
NOTED = frozenset({Status.FAILED, Status.RETRYING})


def _row(task: Task, *, narrow: bool) -> tuple[str, ...]:
    name = name_of(task)
    note = error_beside(name, task) if task.error is not None and task.status in NOTED else task.warning or ""
    name = table.cut(name, LONGEST_NAME) if narrow else name
    return (
        short(task.id), task.status.value, percent_of(task), size_of(task), speed_of(task), left_of(task), name, note
    )  # fmt: skip
