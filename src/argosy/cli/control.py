"""The verbs that change what happens to tasks: ``pause resume start cancel retry finish``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from argosy.cli.confirm import confirmed
from argosy.cli.face import current
from argosy.cli.kinds import url
from argosy.cli.loop import on_store
from argosy.cli.options import verb
from argosy.cli.outcome import told
from argosy.cli.select import Selection, selected, selecting, selection
from argosy.cli.text import counted
from argosy.core.types import TERMINAL, Status
from argosy.errors import UsageError

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands

PAUSABLE = frozenset({Status.PENDING, Status.RETRYING, Status.SCHEDULED, Status.RUNNING})
RESUMABLE = frozenset({Status.PAUSED, Status.PAUSING})
STARTABLE = RESUMABLE | {Status.PENDING, Status.RETRYING}
CANCELLABLE = frozenset(Status) - TERMINAL
FAILED = frozenset({Status.FAILED, Status.CANCELLED})
FINISHABLE = CANCELLABLE | {Status.FAILED}


def _command(name: str, done: str, chosen: Selection, sensible: frozenset[Status], *, yes: bool = True) -> int:
    """Do ``name``, a verb of the runtime, to the tasks chosen, and say what became of each."""
    face = current(click.get_current_context())

    async def work(runtime: Commands) -> int:
        ids = await selected(runtime, chosen, sensible=sensible)
        if chosen.wide and ids:
            confirmed(f"{name} {counted(len(ids), 'task')}", yes=yes)
        method: Callable[..., Any] = getattr(runtime, name)
        return told(face, name, done, ids, await method(ids), wide=chosen.wide)

    return on_store(work)


@verb(asks=True)
@selecting
def pause(ids: tuple[str, ...], statuses: tuple[str, ...], *, everything: bool) -> int:
    """Stop tasks for now and keep what they have, whoever runs them."""
    return _command("pause", "paused", selection(ids, statuses, everything=everything), PAUSABLE)


@verb(asks=True)
@selecting
def resume(ids: tuple[str, ...], statuses: tuple[str, ...], *, everything: bool) -> int:
    """Let paused tasks go on, ahead of the others; 'argosy run' fetches them."""
    return _command("resume", "resumed", selection(ids, statuses, everything=everything), RESUMABLE)


@verb(asks=True)
@selecting
def start(ids: tuple[str, ...], statuses: tuple[str, ...], *, everything: bool) -> int:
    """Start waiting tasks as soon as there is a slot, without their backoff or start time."""
    return _command("start", "started", selection(ids, statuses, everything=everything), STARTABLE)


@verb(asks=True)
@selecting
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def cancel(ids: tuple[str, ...], statuses: tuple[str, ...], *, everything: bool, yes: bool) -> int:
    """Give tasks up and drop their partial files; finished files stay. --all asks first."""
    return _command("cancel", "cancelled", selection(ids, statuses, everything=everything), CANCELLABLE, yes=yes)


@verb(asks=True)
@selecting
@click.option(
    "--link",
    "links",
    metavar="URL",
    multiple=True,
    help="Take the file from here from now on (one task; more are mirrors): for a link that has expired.",
)
def retry(ids: tuple[str, ...], statuses: tuple[str, ...], links: tuple[str, ...], *, everything: bool) -> int:
    """Try failed or cancelled tasks again, with a fresh count of retries."""  # fmt: skip
    chosen = selection(ids, statuses, everything=everything)
    if not links:
        return _command("retry", "waiting again", chosen, FAILED)
    if chosen.wide or len(chosen.ids) != 1:
        raise UsageError("a link belongs to one task", hint="name its id")
    face = current(click.get_current_context())

    async def work(runtime: Commands) -> int:
        (task_id,) = await selected(runtime, chosen, sensible=FAILED)
        await runtime.update(task_id, urls=[url(link) for link in links])
        return told(face, "retry", "waiting again", [task_id], await runtime.retry([task_id]))

    return on_store(work)


@verb(asks=True)
@selecting
def finish(ids: tuple[str, ...], statuses: tuple[str, ...], *, everything: bool) -> int:
    """Let recordings of streams be complete now, with what there is of them."""
    return _command("finish", "finishing", selection(ids, statuses, everything=everything), FINISHABLE)
