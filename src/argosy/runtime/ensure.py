"""Something that must be here: found if it is, joined if somebody brings it already, else brought."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from argosy.config import Config, Home
from argosy.core.model import Model, ModelStatus, Presence, figures
from argosy.core.types import ACTIVE, WAITING, FileState, Progress, Status, Task
from argosy.errors import UsageError
from argosy.runtime.admission import Request, key_of, understood
from argosy.runtime.machine import Machine
from argosy.runtime.place import place_of
from argosy.sources.model import NAME, Shelf, read
from argosy.store.port import Query
from argosy.value import dataclass

AT_IT = WAITING | ACTIVE | {Status.PAUSED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be ensured: as whoever asks calls it, as the catalogue has it, and as it is asked of the runtime."""

    name: str
    model: Model | None
    request: Request

    def status(self, state: Presence, task: Task | None = None, path: Path | None = None) -> ModelStatus:
        model = self.model
        return ModelStatus(
            self.name, state, None if path is None else str(path), model is not None,
            model is not None and model.essential, 0 if model is None else model.priority,
            (None if model is None else model.size) or (None if task is None else task.total), task,
        )  # fmt: skip


async def shelf_of(settings: Config) -> Shelf:
    """Return the catalogue of models as its file is now. Raises UsageError, code ``model_catalogue``."""
    return await asyncio.to_thread(_shelf, str(settings["models"]), settings.home)


def _shelf(named: str, home: Home) -> Shelf:
    return read(shelf_path(named, home), home.models, needed=bool(named))


def shelf_path(named: str, home: Home) -> Path:
    """Return where the catalogue of models is, or would be; ``named``: the setting ``models``."""
    return home.config / (Path(named).expanduser() if named else NAME)


def wanted(shelf: Shelf, settings: Config, name: str, more: dict[str, Any]) -> Wanted:
    """Return what ``name`` means: a model of the catalogue, or what a source understands. ``more`` are fields of
    :class:`Request`. Raises UsageError.
    """
    options = more.pop("options", None) or settings.options()
    more.setdefault("max_retries", settings["retries"])
    model = shelf.models.get(name)
    if model is None:
        if ":" not in name:
            raise shelf.unknown(name)
        return Wanted(name, None, Request(name, options=options, **more))
    more.setdefault("priority", model.rank)
    more["directory"] = more.get("directory") or model.directory or None
    if not model.files:
        chosen: dict[str, Any] = {
            "include": more.pop("include", ()) or model.include,
            "exclude": more.pop("exclude", ()) or model.exclude,
        }
        return Wanted(name, model, Request(model.source, options=options, **chosen, **more))
    if more.get("include") or more.get("exclude"):
        raise UsageError(f"the catalogue says which files {name!r} has", hint="leave patterns out")
    # The folder is the catalogue's: what it says otherwise now takes the place of what it said.
    return Wanted(name, model, Request((), files=model.files, options=replace(options, if_exists="overwrite"), **more))


async def look(machine: Machine, wanted: Wanted, default_directory: str) -> ModelStatus:
    """Return where it stands, from what is known here: no server is asked."""
    spec = understood(wanted.request, machine.sources, default_directory)
    key = key_of(wanted.request, spec)
    ended = (await machine.store.by_keys([key])).get(key)
    if ended is not None and (path := await _here(machine, ended)) is not None:
        return wanted.status(Presence.HERE, ended, path)
    under_way = await machine.store.find(Query(key=key, statuses=AT_IT, newest_first=True, limit=1))
    if under_way:
        return wanted.status(Presence.UNDER_WAY, under_way[0])
    return wanted.status(Presence.ABSENT, ended)


async def _here(machine: Machine, task: Task) -> Path | None:
    """Return where the task has put it, if nobody took any of it away."""
    if task.status is not Status.COMPLETED:
        return None
    files = await machine.store.files(task.id)
    whole = bool(files) and await asyncio.to_thread(_whole, task.spec.directory, files)
    return place_of(machine.sources, task, files) if whole else None


def with_figures(status: ModelStatus, progress: Progress | None, now: float) -> ModelStatus:
    """Return the status with how far its task has got."""
    if status.task is None or progress is None:
        return status
    return replace(status, figures=figures(status.task, progress, now))


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
