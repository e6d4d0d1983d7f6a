"""``argosy why``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from argosy.cli import document
from argosy.cli.complete import complete_ids
from argosy.cli.face import current
from argosy.cli.loop import on_store
from argosy.cli.options import verb
from argosy.cli.select import looked_up, pages
from argosy.cli.text import name_of, short
from argosy.core.names import terminal_safe
from argosy.core.types import TERMINAL, Status
from argosy.store.port import Query

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands

MOST = 20
UNFINISHED = frozenset(Status) - TERMINAL


@verb(asks=True)
@click.argument("ids", nargs=-1, metavar="[ID]…", shell_complete=complete_ids)
def why(ids: tuple[str, ...]) -> int:
    """Say why a task is not moving, or how it moves; without an id, of the first 20 that are not done."""
    face = current(click.get_current_context())

    async def work(runtime: Commands) -> int:
        query = Query(statuses=UNFINISHED)
        tasks = await looked_up(runtime, ids) if ids else [task async for task in pages(runtime, query, MOST)]
        reasons = [await runtime.why(task.id) for task in tasks]
        pairs = list(zip(tasks, reasons, strict=True))
        if face.json:
            shown = [{"id": task.id, "status": task.status.value, "code": reason.code, "text": reason.text,
                      "until": document.time(reason.until)} for task, reason in pairs]  # fmt: skip
            face.say(document.document("why/1", tasks=shown))
            return 0
        for task, reason in pairs:
            about = "" if len(tasks) == 1 and ids else f"{short(task.id)}  {name_of(task)}: "
            face.say(f"{about}{terminal_safe(reason.text)}")
        if not tasks:
            face.note("every task has ended")
        return 0

    return on_store(work)
