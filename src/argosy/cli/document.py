"""The JSON that ``--json`` prints: the shapes of :mod:`argosy.core.document`, each under a versioned name."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from argosy.cli import trouble
from argosy.core.document import iso_time, of_event, of_file, of_model, of_task
from argosy.core.events import Recorded
from argosy.core.model import ModelStatus
from argosy.core.types import FileState, Task
from argosy.errors import Failure

time = iso_time


def document(schema: str, **content: Any) -> str:
    """Return one JSON document on one line; ``schema`` is ``name/version``."""
    return json.dumps({"schema": f"argosy.{schema}", **content}, ensure_ascii=True)


def failure(error: Failure | None) -> dict[str, object] | None:
    return None if error is None else trouble.as_json(error)


def task(task: Task) -> dict[str, Any]:
    return {**asdict(of_task(task)), "error": failure(task.error)}


def file(state: FileState, directory: str) -> dict[str, Any]:
    return {**asdict(of_file(state, directory)), "error": failure(state.error)}


def model(status: ModelStatus) -> dict[str, Any]:
    told = None if status.task is None else task(status.task)
    return {**asdict(of_model(status)), "task": told}


def event(record: Recorded) -> dict[str, Any]:
    return asdict(of_event(record))
