"""``argosy move``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from argosy.cli.face import current
from argosy.cli.loop import on_store
from argosy.cli.options import verb
from argosy.cli.outcome import told
from argosy.cli.select import selected, selecting, selection
from argosy.core.types import WAITING, Queue, Status
from argosy.errors import UsageError

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands

MOVABLE = WAITING | {Status.PAUSED}


@verb(asks=True)
@selecting
@click.option("--top", is_flag=True, help="Next to start, in the order given.")
@click.option("-p", "--priority", type=int, help="Within its queue, higher goes first.")
@click.option(
    "--queue", "queue_name", type=click.Choice(["interactive", "automatic"]), help="Interactive goes before automatic."
)
def move(
    ids: tuple[str, ...], statuses: tuple[str, ...], priority: int | None, queue_name: str | None, *, everything: bool,
    top: bool,
) -> int:  # fmt: skip
    """Change which task goes first: to the top, by priority, or to another queue."""
    face = current(click.get_current_context())
    if not top and priority is None and queue_name is None:
        raise UsageError("where to?", hint="say --top, --priority N or --queue NAME")
    if top and (priority is not None or queue_name is not None):
        raise UsageError("--top does not go with --priority or --queue", hint="the top is before all others anyway")
    chosen = selection(ids, statuses, everything=everything)

    async def work(runtime: Commands) -> int:
        found = await selected(runtime, chosen, sensible=MOVABLE)
        if top:
            outcomes = await runtime.move_to_top(found)
        else:
            queue = Queue[queue_name.upper()] if queue_name else None
            outcomes = await runtime.prioritise(found, priority=priority, queue=queue)
        return told(face, "move", "moved", found, outcomes)

    return on_store(work)
