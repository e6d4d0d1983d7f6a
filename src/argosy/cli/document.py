"""The JSON that ``--json`` prints: stable shapes, times as ISO 8601 in UTC, bytes as integers, no secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from argosy.cli import trouble
from argosy.core.events import NAMES, Recorded, payload
from argosy.core.redact import redacted_url
from argosy.core.types import FileState, Queue, Task
from argosy.errors import Failure


def document(schema: str, **content: Any) -> str:
    """Return one JSON document on one line; ``schema`` is ``name/version``."""
    return json.dumps({"schema": f"argosy.{schema}", **content}, ensure_ascii=True)


def time(epoch: float | None) -> str | None:
    """Return ``2026-11-23T22:00:00.123Z``."""
    if epoch is None:
        return None
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def failure(error: Failure | None) -> dict[str, object] | None:
    return None if error is None else trouble.as_json(error)


def task(task: Task) -> dict[str, object]:
    """Return what anybody may know of a task."""
    return {
        "id": task.id,
        "status": task.status.value,
        "name": task.name,
        "source": redacted_url(task.spec.source),
        "directory": task.spec.directory,
        "received": task.received,
        "total": task.total,
        "percent": None if task.percent is None else round(task.percent, 2),
        "speed_bps": round(task.speed_bps) if task.active else 0,
        "connections": task.connections if task.active else 0,
        "files_done": task.files_done,
        "files_total": task.files_total,
        "queue": Queue(task.queue).name.lower(),
        "priority": task.priority,
        "attempt": task.attempt,
        "max_retries": task.max_retries,
        "due_at": time(task.due_at),
        "pid": task.pid,
        "warning": task.warning,
        "error": failure(task.error),
        "created_at": time(task.created_at),
        "updated_at": time(task.updated_at),
        "started_at": time(task.started_at),
        "finished_at": time(task.finished_at),
    }


def file(state: FileState, directory: str) -> dict[str, object]:
    """Return what anybody may know of a file; ``path`` is where it is, once it is there."""
    return {
        "index": state.index,
        "status": state.status.value,
        "path": str(Path(directory, state.published)) if state.finished and state.published else None,
        "name": state.path,
        "url": redacted_url(state.urls[0]),
        "mirrors": len(state.urls) - 1,
        "received": state.received,
        "size": state.size,
        "checksum": None if state.checksum is None else str(state.checksum),
        "verified_by": state.verified_by,
        "resumable": state.resumable,
        "error": failure(state.error),
    }


def event(record: Recorded) -> dict[str, object]:
    """Return a logged event; ``payload`` is the one every surface shows."""
    content: Mapping[str, object] = payload(record.event)
    return {"seq": record.seq, "at": time(record.at), "event": NAMES[type(record.event)], "payload": content}
