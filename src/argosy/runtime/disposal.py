"""Taking tasks off the list together with the files that they have put in place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from argosy.core.types import FileStatus, TaskId
from argosy.runtime.machine import Machine
from argosy.runtime.message import Outcome


async def remove_with_files(machine: Machine, ids: Sequence[TaskId]) -> list[Outcome]:
    """Remove the tasks, and of each that was removed, or will be, the files. Return what became of the tasks."""
    places = await published(machine, ids)
    outcomes = await machine.verbs.remove(ids)
    removed = [task_id for task_id, outcome in zip(ids, outcomes, strict=True) if outcome.error is None]
    await asyncio.to_thread(_delete, [path for task_id in removed for path in places.get(task_id, ())])
    return outcomes


async def published(machine: Machine, ids: Sequence[TaskId]) -> Mapping[TaskId, Sequence[Path]]:
    """Return the files that the tasks themselves have put in place; what was there before them is not theirs."""
    tasks, files = await machine.store.get(ids), await machine.store.files_of(ids)
    places = {
        task_id: [Path(task.spec.directory, state.published) for state in files.get(task_id, ())
                  if state.status is FileStatus.DONE and state.published]
        for task_id, task in tasks.items()
    }  # fmt: skip
    return await asyncio.to_thread(_there, places)


def _there(places: Mapping[TaskId, Sequence[Path]]) -> dict[TaskId, list[Path]]:
    return {
        task_id: [path for path in paths if path.is_file() and not path.is_symlink()]
        for task_id, paths in places.items()
    }


def _delete(paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()
