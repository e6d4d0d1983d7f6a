"""What a shell offers after TAB: the ids in the store, each with its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argosy.errors import ArgosyError

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

    from argosy.runtime.commands import Commands

MOST = 50


def complete_ids(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the tasks whose id begins with ``incomplete``, newest first. Whatever goes wrong, nothing is offered."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell that asks needs this, and the store

    from argosy.cli.loop import on_store  # noqa: PLC0415 - as above

    async def find(runtime: Commands) -> list[CompletionItem]:
        from argosy.cli.text import name_of, short  # noqa: PLC0415 - as above
        from argosy.store.port import Query  # noqa: PLC0415 - as above

        tasks = await runtime.tasks(Query(newest_first=True, limit=1000))
        found = [task for task in tasks if task.id.startswith(incomplete)][:MOST]
        return [CompletionItem(short(task.id), help=f"{task.status.value} {name_of(task)}") for task in found]

    try:
        return on_store(find)
    except (ArgosyError, OSError):
        return []
