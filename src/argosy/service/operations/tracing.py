"""Spans of tasks: from the moment somebody asked for one to its end, whatever processes it lived through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Self

from argosy.core.events import Recorded, StatusChanged
from argosy.core.types import TERMINAL, Status, Task, TaskId
from argosy.errors import StoreError
from argosy.runtime.manager import Runtime
from argosy.telemetry import trace
from argosy.telemetry.otel import Exporter
from argosy.telemetry.trace import Span

log = logging.getLogger(__name__)

TOGETHER: Final = 500


class TaskSpans:
    """An async context manager: within, each task that ends and that a recorded request asked for is a span."""

    def __init__(self, runtime: Runtime, witness: Exporter) -> None:
        self._runtime = runtime
        self._witness = witness
        self._ended: dict[TaskId, None] = {}
        self._more = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._runtime.listen(self)
        self._telling = asyncio.create_task(self._tell_all(), name="argosy-trace")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])
        await self._tell()

    def __bool__(self) -> bool:
        return True

    def hear(self, event: Recorded) -> None:
        """Remember who has ended; see :class:`argosy.bus.local.Listener`."""
        match event.event:
            case StatusChanged(task_id, to=to) if to in TERMINAL:
                self._ended[task_id] = None
                self._more.set()

    async def _tell_all(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._ended:
                await self._tell()

    async def _tell(self) -> None:
        ids = list(self._ended)[:TOGETHER]
        for task_id in ids:
            del self._ended[task_id]
        try:
            found = await self._runtime.store.get(ids) if ids else {}
        except StoreError as error:
            log.warning("trace.tasks_lost", extra={"tasks": len(ids), "code": error.detail_code})
            return
        self._record(list(found.values()))

    def _record(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            context = trace.of_task(task.id, task.spec.trace)
            if context is None:
                continue
            facts: dict[str, str | int | float | bool] = {
                "argosy.task.id": task.id,
                "argosy.task.status": task.status.value,
                "argosy.task.bytes": task.received,
                "argosy.task.files": task.files_total,
                "server.address": task.host,
            }
            error = "" if task.error is None or task.status is not Status.FAILED else task.error.code
            ended = task.finished_at or task.updated_at
            parent = trace.parse(task.spec.trace or "")
            self._witness.record(Span("task", context, parent, task.created_at, ended, facts, error))
