"""Spans of files and of the segments that brought them, for who records spans; nothing here runs where nobody does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from argosy.core.types import FileState, Task
from argosy.engines.port import Cancelled, Segment
from argosy.errors import ArgosyError
from argosy.telemetry import trace
from argosy.telemetry.trace import Span, TraceContext, Witness
from argosy.value import dataclass


@dataclass(slots=True)
class FileTrace:
    """One file of one attempt, while it is being brought. Its methods are called on the transfer loop."""

    witness: Witness
    task: Task
    index: int
    context: TraceContext

    def segment(self, segment: Segment) -> None:
        """Record one connection's work; see :class:`argosy.engines.port.Desk`."""
        facts: dict[str, str | int | float | bool] = {
            "server.address": segment.host,
            "argosy.segment.start": segment.start,
            "argosy.segment.bytes": segment.received,
        }
        span = Span("segment", self.context.child(), self.context, segment.began, segment.ended, facts, segment.error)
        self.witness.record(span)


@contextmanager
def traced(witness: Witness, task: Task, state: FileState) -> Iterator[FileTrace | None]:
    """Within, the file is being brought, and what becomes of it is its span. None if nobody recorded who asked for it."""
    parent = trace.of_task(task.id, task.spec.trace)
    if parent is None:
        yield None
        return
    file = FileTrace(witness, task, state.index, parent.child())
    began, error = time.time(), ""
    try:
        yield file
    except ArgosyError as failure:
        error = "" if isinstance(failure, Cancelled) else failure.detail_code
        raise
    except BaseException:
        error = "internal"
        raise
    finally:
        facts: dict[str, str | int | float | bool] = {"argosy.task.id": task.id, "argosy.file.index": state.index}
        witness.record(Span("file", file.context, parent, began, time.time(), facts, error))
