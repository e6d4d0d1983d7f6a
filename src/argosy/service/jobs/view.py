"""A job and its files as they were a moment ago, read once for all who watch it, and encoded once for all who see the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol

from argosy.core.types import FileState, Progress, Task, TaskId
from argosy.runtime.clock import Clock
from argosy.service.jobs import contract
from argosy.service.results.link import Links
from argosy.service.results.results import Results

KEPT: Final = 1024
"""Jobs that are remembered at most."""
MANY: Final = 500
"""Files whose results are put together beside the loop."""


@dataclass
class View:
    """``taken_s`` is when reading began: everything that was committed before is in it."""

    task: Task
    files: Sequence[FileState]
    taken_s: float
    _encoded: dict[tuple[str, int], str] = field(default_factory=dict)

    @cached_property
    def census(self) -> contract.Census:
        return contract.census(self.task, self.files)

    async def results(self, links: Links, results: Results) -> str:
        """Return the files' results as JSON."""
        key = (links.base, links.expires_at)
        if key not in self._encoded:
            work = results.run if len(self.files) > MANY else _at_once
            self._encoded[key] = await work(_encoded, self.task, self.files, links)
        return self._encoded[key]


async def _at_once(work: Any, *arguments: Any) -> Any:  # noqa: ANN401 - as Results.run
    return work(*arguments)


def _encoded(task: Task, files: Sequence[FileState], links: Links) -> str:
    return encoded(contract.results(task, files, links))


def encoded(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Runtime(Protocol):
    """What is needed of a runtime."""

    async def task(self, task_id: TaskId) -> Task: ...

    def live_progress(self, task_id: TaskId) -> Progress | None: ...


class Views:
    """Reads jobs for those who watch them. A thousand who watch one job cost as much as one."""

    def __init__(self, runtime: Runtime, results: Results, clock: Clock) -> None:
        self._runtime = runtime
        self._results = results
        self._clock = clock
        self._taken: dict[TaskId, tuple[float, asyncio.Future[View]]] = {}

    async def take(self, job_id: TaskId, since_s: float) -> View:
        """Return the job as of steady time ``since_s`` or later. Raises UnknownTask, StoreError."""
        taken = self._taken.get(job_id)
        if taken is None or taken[0] < since_s or _failed(taken[1]):
            now = self._clock.steady()
            self._taken.pop(job_id, None)
            taken = self._taken[job_id] = (now, asyncio.ensure_future(self._read(job_id, now)))
            while len(self._taken) > KEPT:
                del self._taken[next(iter(self._taken))]
        return await asyncio.shield(taken[1])

    async def _read(self, job_id: TaskId, now: float) -> View:
        task = await self._runtime.task(job_id)
        return View(task, await self._results.files(task), now)


def _failed(taken: asyncio.Future[View]) -> bool:
    return taken.done() and (taken.cancelled() or taken.exception() is not None)
