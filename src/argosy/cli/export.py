"""``argosy export``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from argosy.cli.complete import complete_ids
from argosy.cli.face import current
from argosy.cli.loop import on_store
from argosy.cli.options import verb
from argosy.cli.select import STATUSES, looked_up, pages
from argosy.core.redact import redacted_url
from argosy.core.types import FileState, Status, Task
from argosy.store.port import Query

if TYPE_CHECKING:
    from argosy.lists.entry import Entry
    from argosy.runtime.commands import Commands

OPEN = frozenset(Status) - {Status.COMPLETED, Status.CANCELLED}
KINDS = ("urls", "aria2", "csv", "json", "metalink")


@verb()
@click.argument("ids", nargs=-1, metavar="[ID]…", shell_complete=complete_ids)
@click.option(
    "-f", "--format", "kind", type=click.Choice(KINDS), default="aria2", show_default=True, help="What to write."
)
@click.option("-a", "--all", "everything", is_flag=True, help="Completed and cancelled tasks too.")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only this status (may be repeated)."
)
@click.option("--secrets", is_flag=True, help="Leave passwords and keys in the URLs.")
def export(ids: tuple[str, ...], kind: str, statuses: tuple[str, ...], *, everything: bool, secrets: bool) -> int:
    """Print tasks as a list that 'argosy add -i' and other programs read; without ids, all that are not done."""
    from argosy.lists.export import FORMATS  # noqa: PLC0415 - help needs none

    face = current(click.get_current_context())
    wanted = frozenset(map(Status, statuses)) if statuses else None if everything else OPEN

    async def work(runtime: Commands) -> int:
        if ids:
            tasks = await looked_up(runtime, ids)
        else:
            tasks = [task async for task in pages(runtime, Query(statuses=wanted))]
        entries = [entry for task in tasks for entry in entries_of(task, await runtime.files(task.id))]
        if not secrets:
            entries = [replace(entry, urls=tuple(map(redacted_url, entry.urls))) for entry in entries]
        face.say(FORMATS[kind](entries).removesuffix("\n"))
        return 0

    return on_store(work, near=True)


def entries_of(task: Task, files: Sequence[FileState]) -> list[Entry]:
    """Return what would make the task again."""
    from argosy.lists.entry import Entry  # noqa: PLC0415 - help needs none

    paused = task.status is Status.PAUSED
    return [
        Entry(file.urls, file.path, task.spec.directory, file.checksum, file.size, task.priority, paused)
        for file in files
    ] or [Entry((task.spec.source,), None, task.spec.directory, priority=task.priority, paused=paused)]
