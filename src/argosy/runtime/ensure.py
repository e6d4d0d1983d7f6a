"""Something that must be here: found if it is, joined if somebody brings it already, else brought."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from argosy.core.types import FileState, Status, Task
from argosy.errors import UsageError
from argosy.runtime.admission import Request, key_of, understood
from argosy.runtime.machine import Machine

if TYPE_CHECKING:
    from argosy.runtime.manager import Runtime


async def here(machine: Machine, request: Request, default_directory: str) -> Path | None:
    """Return where it is, if an earlier task has brought all of it and nobody took any of it away. Asks no server."""
    spec = understood(request, machine.sources, default_directory)
    key = key_of(request, spec)
    task = (await machine.store.by_keys([key])).get(key)
    if task is None or task.status is not Status.COMPLETED:
        return None
    files = await machine.store.files(task.id)
    whole = bool(files) and await asyncio.to_thread(_whole, task.spec.directory, files)
    return place_of(machine, task, files) if whole else None


async def brought(runtime: Runtime, machine: Machine, request: Request) -> Path:
    """Return where it is once all of it is there. Raises what kept it from that."""
    (handle,) = await runtime.add_many([request])
    task = await handle
    return place_of(machine, task, await machine.store.files(task.id))


def place_of(machine: Machine, task: Task, files: Sequence[FileState]) -> Path:
    """Return what a program would open: the file, or the folder of many."""
    published = [file.published for file in files if file.published is not None]
    if not published:
        raise UsageError("the task has brought no file", code="nothing")
    return Path(machine.sources.place(task.spec, published))


def _whole(directory: str, files: Sequence[FileState]) -> bool:
    """Tell whether all of it is there. A file that was found and left alone (``verified_by`` None) was never brought."""
    return all(
        file.published is not None
        and file.verified_by is not None
        and _has_size(Path(directory, file.published), file.size)
        for file in files
    )


def _has_size(path: Path, size: int | None) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False
