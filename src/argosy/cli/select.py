"""Which tasks a person means: ids or their beginnings, '-' for standard input, all of them, or those of a status."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from argosy.cli.complete import complete_ids
from argosy.core.types import Status, Task, TaskId
from argosy.errors import UsageError
from argosy.store.port import Query
from argosy.value import dataclass

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands

F = TypeVar("F", bound=Callable[..., Any])
PAGE = 1000
STATUSES = tuple(status.value for status in Status)


@dataclass(frozen=True, slots=True)
class Selection:
    """What was written: ``ids``, or everything that has one of ``statuses`` (None: any)."""

    ids: tuple[str, ...] = ()
    everything: bool = False
    statuses: frozenset[Status] | None = None

    @property
    def wide(self) -> bool:
        """Whether it names tasks without naming each."""
        return self.everything or self.statuses is not None


def selecting(function: F) -> F:
    """Give a verb ids, ``--all`` and ``--status``; they arrive as keywords for :func:`selection`."""
    function = click.option(
        "--status",
        "statuses",
        multiple=True,
        type=click.Choice(STATUSES),
        help="All tasks of this status (may be repeated).",
    )(function)
    function = click.option("-a", "--all", "everything", is_flag=True, help="All tasks it makes sense for.")(function)
    return click.argument("ids", nargs=-1, metavar="[ID]…", shell_complete=complete_ids)(function)


def selection(ids: Sequence[str], statuses: Sequence[str], *, everything: bool) -> Selection:
    """Return what was selected; UsageError if that is nothing, or contradictory."""
    words = tuple(_from_stdin(ids))
    chosen = Selection(words, everything, frozenset(map(Status, statuses)) if statuses else None)
    if words and chosen.wide:
        raise UsageError("ids do not go with --all or --status", hint="name tasks, or select them")
    if not words and not chosen.wide and "-" not in ids:
        raise UsageError("no task was named", hint="give an id ('argosy ls --all' shows them), --all, or --status")
    return chosen


def _from_stdin(ids: Sequence[str]) -> list[str]:
    words: list[str] = []
    for word in ids:
        words += sys.stdin.read().split() if word == "-" else [word]
    return words


async def selected(runtime: Commands, chosen: Selection, *, sensible: frozenset[Status]) -> list[TaskId]:
    """Return the ids. ``sensible`` are the statuses ``--all`` stands for. UnknownTask for one that does not exist."""
    if not chosen.wide:
        return list(dict.fromkeys([await runtime.resolve(word) for word in chosen.ids]))
    statuses = chosen.statuses if chosen.statuses is not None else sensible
    return [task.id async for task in pages(runtime, Query(statuses=statuses))]


async def pages(runtime: Commands, query: Query, most: int | None = None) -> AsyncIterator[Task]:
    """Yield every task the query asks for, page by page, at most ``most``."""
    yielded = 0
    while most is None or yielded < most:
        size = PAGE if most is None else min(PAGE, most - yielded)
        page = await runtime.tasks(replace(query, limit=size))
        for task in page:
            yield task
        yielded += len(page)
        if len(page) < size:
            return
        query = replace(query, after=page[-1].number)


async def looked_up(runtime: Commands, words: Sequence[str]) -> list[Task]:
    """Return the tasks that the words name, each once, in order."""
    ids = dict.fromkeys([await runtime.resolve(word) for word in _from_stdin(words)])
    return [await runtime.task(task_id) for task_id in ids]
