"""Looking before leaping: what a request would bring, where it would go, and what would be in its way."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from argosy.core.names import from_content_disposition, from_url, safe_name
from argosy.core.probe import Found, Probe
from argosy.core.types import TERMINAL, FileSpec, Status, Task, TaskSpec
from argosy.errors import NetworkError, UsageError
from argosy.runtime.admission import Request, key_of, understood
from argosy.runtime.machine import Machine
from argosy.runtime.ports import Prober
from argosy.runtime.web import TaskWeb
from argosy.runtime.yard import Yard
from argosy.store.port import Query

LONGEST_S: Final = 20.0
"""A server that has not said by then what it has is told of as one that does not answer."""
UNFINISHED: Final = frozenset(Status) - TERMINAL


async def probe(machine: Machine, request: Request, default_directory: str) -> Probe:
    """Return what there is to know. Raises UsageError, or what kept the server from telling."""
    spec = understood(request, machine.sources, default_directory)
    try:
        async with asyncio.timeout(LONGEST_S):
            files, engine, found = await _asked(machine, spec)
    except TimeoutError:
        raise NetworkError(
            f"the server has not said what it has within {LONGEST_S:.0f} s", hint="try again", code="timeout"
        ) from None
    name = _name(files[0], found) if len(files) == 1 else None
    sizes = [file.size for file in files] if found is None else [found.size]
    free, occupied = await asyncio.to_thread(_look, spec.directory, name)
    task = await _same(machine, key_of(request, spec))
    return Probe(
        source=spec.source, kind=machine.sources.kind_of(spec.source), engine=engine, directory=spec.directory,
        name=name, files=len(files), size=None if None in sizes else sum(size or 0 for size in sizes), found=found,
        free=free, occupied=occupied, task_id=None if task is None else task.id,
    )  # fmt: skip


async def _asked(machine: Machine, spec: TaskSpec) -> tuple[Sequence[FileSpec], str | None, Found | None]:
    """Return the files, which engine would fetch the first, and what its server tells if it is the only one."""
    pool = machine.crew.pool
    if pool is None:
        raise UsageError("this runtime asks no servers", hint="open it with work=True", code="no_pool")

    async def ask(yard: Yard) -> tuple[Sequence[FileSpec], str | None, Found | None]:
        files = spec.files or await yard.sources.resolve(spec, TaskWeb(yard.engines, spec.options))
        if not files:
            raise UsageError("there is nothing to download at that place", code="nothing")
        url = files[0].urls[0]
        engine = yard.engines.engine_for(url, spec.engine, public_only=spec.options.public_only)
        if len(files) > 1 or not isinstance(engine, Prober):
            return files, engine.name, None
        half = LONGEST_S / 2
        options = replace(
            spec.options, connect_timeout_s=min(spec.options.connect_timeout_s, half), stall_timeout_s=half
        )
        return files, engine.name, await engine.probe(url, options)

    return await pool.run(ask)


def _name(file: FileSpec, found: Found | None) -> str:
    if file.path is not None:
        return file.path
    disposition = found.disposition if found else None
    named = from_content_disposition(disposition) if disposition else None
    return safe_name(named or from_url(file.urls[0]) or from_url(found.url if found else "") or "")


async def _same(machine: Machine, key: str) -> Task | None:
    """Return the unfinished task that the same request would join."""
    page = await machine.store.find(Query(key=key, statuses=UNFINISHED, limit=1))
    return page[0] if page else None


def _look(directory: str, name: str | None) -> tuple[int | None, str | None]:
    """Return the room there is, and the path of what has the name already."""
    folder = Path(directory)
    there = next((each for each in (folder, *folder.parents) if each.is_dir()), None)
    free = None if there is None else shutil.disk_usage(there).free
    path = None if name is None else folder / name
    return free, str(path) if path is not None and os.path.lexists(path) else None
