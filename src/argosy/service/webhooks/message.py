"""What a message says: the event, when it was, and the task as every surface shows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Final

from argosy.core.document import iso_time, of_failure, of_task
from argosy.core.events import StatusChanged
from argosy.core.types import FileState, Status, Task
from argosy.service.jobs.contract import Link, results
from argosy.service.webhooks.endpoint import CANCELLED, COMPLETED, FAILED, TEST

TYPE_OF: Final = {Status.COMPLETED: COMPLETED, Status.FAILED: FAILED, Status.CANCELLED: CANCELLED}
MOST_RESULTS: Final = 1000
"""Files whose results a message holds; ``GET /v1/download/result`` has them all."""
Linking = Callable[[], Link]
"""Gives links that are good from now on."""


def about(event: StatusChanged, at: float, task: Task, files: Sequence[FileState], linking: Linking) -> str:
    """Return the message about a task that has ended: its document, and what the download contract says of it as a job."""
    assert event.to is not None
    shown = replace(of_task(task), status=event.to.value, error=of_failure(event.error))
    more = {
        "job_id": task.id,
        "results": results(task, files[:MOST_RESULTS], linking()),
        "results_total": len(files),
    }
    return _message(TYPE_OF[event.to], at, asdict(shown) | more)


def about_removed(event: StatusChanged, at: float) -> str:
    """Return the message about a task that is no longer there to be described."""
    assert event.to is not None
    said = {"id": event.task_id, "job_id": event.task_id, "status": event.to.value}
    return _message(TYPE_OF[event.to], at, said)


def test(at: float) -> str:
    return _message(TEST, at, {"message": "this is a test"})


def _message(kind: str, at: float, data: Mapping[str, object]) -> str:
    return json.dumps({"type": kind, "timestamp": iso_time(at), "data": data}, separators=(",", ":"))
