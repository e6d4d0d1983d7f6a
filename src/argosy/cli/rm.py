"""``argosy rm``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from argosy.cli.confirm import confirmed
from argosy.cli.face import Face, current
from argosy.cli.loop import on_store
from argosy.cli.options import verb
from argosy.cli.outcome import told
from argosy.cli.select import selected, selecting, selection
from argosy.cli.text import counted
from argosy.core.names import terminal_safe
from argosy.core.types import TERMINAL, FileStatus, TaskId

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands


@verb(asks=True)
@selecting
@click.option("--files", is_flag=True, help="Delete the finished files too.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def rm(ids: tuple[str, ...], statuses: tuple[str, ...], *, everything: bool, files: bool, yes: bool) -> int:
    """Take tasks off the list; partial files go, finished files stay unless --files.

    --all takes those that have ended; add --status for others.
    """
    face = current(click.get_current_context())
    chosen = selection(ids, statuses, everything=everything)

    async def work(runtime: Commands) -> int:
        found = await selected(runtime, chosen, sensible=TERMINAL)
        paths = await _published(runtime, found) if files else []
        if found and (chosen.wide or paths):
            also = f" and delete {counted(len(paths), 'file')}" if files else ""
            confirmed(f"take {counted(len(found), 'task')} off the list{also}", yes=yes)
        outcomes = await runtime.remove(found, files=files and not runtime.here)
        code = told(face, "remove", "removed", found, outcomes)
        if runtime.here:
            _delete(face, [path for task_id, path in paths if _gone(task_id, found, outcomes)])
        return code

    return on_store(work)


def _gone(task_id: TaskId, ids: Sequence[TaskId], outcomes: Sequence[object]) -> bool:
    """Tell whether the task's removal was not refused."""
    return any(
        getattr(outcome, "error", None) is None for one, outcome in zip(ids, outcomes, strict=True) if one == task_id
    )


async def _published(runtime: Commands, ids: Sequence[TaskId]) -> list[tuple[TaskId, Path]]:
    """Return the files that the tasks themselves have put in place; what was there before them is not theirs."""
    found = []
    for task_id in ids:
        directory = Path((await runtime.task(task_id)).spec.directory)
        states = await runtime.files(task_id)
        found += [(task_id, directory / state.published) for state in states
                  if state.status is FileStatus.DONE and state.published]  # fmt: skip
    if not runtime.here:
        return found  # it is for the service to see what of them is still there
    return [(task_id, path) for task_id, path in found if path.is_file() and not path.is_symlink()]


def _delete(face: Face, paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()
            face.note(f"deleted {terminal_safe(str(path))}")
