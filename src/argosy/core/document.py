"""The shapes that every surface shows: what anybody may know of a task, a file, an event or an error.

The command line prints them with ``--json``, the service answers with them, the client reads them back. They are stable:
fields are added, never changed. Times are ISO 8601 in UTC, sizes are bytes, rates are bytes per second; no secret is in any.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, overload

from argosy.core.events import NAMES, Lasting, Live, Recorded, StatusChanged, payload
from argosy.core.explain import Reason
from argosy.core.model import Figures, ModelStatus
from argosy.core.probe import Found, Probe
from argosy.core.redact import redacted_url
from argosy.core.types import FileState, Progress, Queue, Task
from argosy.errors import Failure
from argosy.value import dataclass


@dataclass(frozen=True, slots=True)
class ErrorDocument:
    """What went wrong; ``code`` is stable, ``hint`` says what to do."""

    code: str
    message: str
    hint: str
    retryable: bool
    exit_code: int = 1
    """With which the command line would end."""


@dataclass(frozen=True, slots=True)
class TaskDocument:
    """A task; ``received``, ``speed_bps`` and ``eta_s`` are live where the task runs."""

    id: str
    number: int
    version: int
    status: str
    name: str | None
    source: str
    directory: str
    host: str
    received: int
    total: int | None
    percent: float | None
    speed_bps: int
    eta_s: float | None
    connections: int
    files_done: int
    files_total: int
    queue: str
    priority: int
    attempt: int
    max_retries: int
    max_connections: int
    limit_bps: int | None
    insecure: bool
    """The server's certificate is not checked."""
    asked_name: str | None
    """The name that was asked for, if it is one file and one was."""
    asked_files: int
    """How many files were asked for one by one; 0 while only their source is known."""
    due_at: str | None
    pid: int | None
    warning: str | None
    error: ErrorDocument | None
    created_at: str
    updated_at: str
    started_at: str | None
    finished_at: str | None


@dataclass(frozen=True, slots=True)
class FileDocument:
    """One file of a task; ``path`` is where it is, once it is there."""

    index: int
    status: str
    path: str | None
    name: str | None
    url: str
    mirrors: int
    received: int
    size: int | None
    checksum: str | None
    verified_by: str | None
    resumable: bool | None
    error: ErrorDocument | None


@dataclass(frozen=True, slots=True)
class EventDocument:
    """An event under one of its four names. ``seq`` and ``at`` are those of the log; a live event has none."""

    event: str
    payload: Mapping[str, Any]
    seq: int | None = None
    at: str | None = None
    version: int | None = None
    """Of the task, as the event left it."""
    reason: str | None = None
    """Why a status changed, in a word or two."""


@dataclass(frozen=True, slots=True)
class ReasonDocument:
    """Why a task is where it is; ``until`` is when time alone will have changed that."""

    code: str
    text: str
    until: str | None


@dataclass(frozen=True, slots=True)
class ProbeDocument:
    """What a download would be. ``resumable``: whether ranges can be had; None where only trying tells. ``occupied`` is the
    path of a file that has the name already, ``task_id`` an unfinished task of the same source, folder and name.
    """

    source: str
    kind: str
    engine: str | None
    url: str | None
    """Where it is after redirects."""
    directory: str
    name: str | None
    files: int
    size: int | None
    resumable: bool | None
    content_type: str | None
    last_modified: str | None
    etag: str | None
    checksum: str | None
    free_bytes: int | None
    fits: bool | None
    occupied: str | None
    task_id: str | None


@dataclass(frozen=True, slots=True)
class ModelDocument:
    """A model, or anything else that can be ensured. ``state``: ``here`` (``path`` is what a program opens), ``under_way``
    (``task`` is to bring it), or ``absent`` (``task``, if there is one, says what became of the last try).
    """

    id: str
    state: str
    path: str | None
    listed: bool
    """Whether it is in the catalogue of models."""
    essential: bool
    priority: int
    size: int | None
    progress: Figures | None
    task: TaskDocument | None


def of_model(status: ModelStatus, progress: Progress | None = None) -> ModelDocument:
    """Return where a model stands; ``progress`` are the live counters of its task, if it has any."""
    return ModelDocument(
        id=status.id, state=status.state.value, path=status.path, listed=status.listed, essential=status.essential,
        priority=status.priority, size=status.size, progress=status.figures,
        task=None if status.task is None else of_task(status.task, progress),
    )  # fmt: skip


def of_probe(probe: Probe) -> ProbeDocument:
    found = probe.found or Found("")
    return ProbeDocument(
        source=redacted_url(probe.source), kind=probe.kind, engine=probe.engine, url=redacted_url(found.url) or None,
        directory=probe.directory, name=probe.name, files=probe.files, size=probe.size, resumable=found.resumable,
        content_type=found.content_type, last_modified=found.last_modified, etag=found.etag, checksum=found.checksum,
        free_bytes=probe.free, fits=probe.fits, occupied=probe.occupied, task_id=probe.task_id,
    )  # fmt: skip


def of_task(task: Task, progress: Progress | None = None) -> TaskDocument:
    """Return the task as shown; ``progress`` are its live counters, if it has any."""
    received = task.received if progress is None else progress.received
    total = task.total if progress is None else progress.total
    percent = task.percent if progress is None else _percent(received, total)
    speed = 0.0 if not task.active else task.speed_bps if progress is None else progress.smoothed_bps
    return TaskDocument(
        id=task.id, number=task.number, version=task.version, status=task.status.value, name=task.name,
        source=redacted_url(task.spec.source), directory=task.spec.directory, host=task.host,
        received=received, total=total, percent=None if percent is None else round(percent, 2),
        speed_bps=round(speed), eta_s=None if progress is None else progress.eta_s,
        connections=0 if not task.active else task.connections if progress is None else progress.connections,
        files_done=task.files_done if progress is None else progress.files_done,
        files_total=task.files_total if progress is None else progress.files_total,
        queue=Queue(task.queue).name.lower(), priority=task.priority,
        attempt=task.attempt, max_retries=task.max_retries,
        max_connections=task.spec.options.most_connections, limit_bps=task.spec.options.limit_bps,
        insecure=task.spec.options.insecure,
        asked_name=task.spec.files[0].path if len(task.spec.files) == 1 else None, asked_files=len(task.spec.files),
        due_at=iso_time(task.due_at), pid=task.pid, warning=task.warning, error=of_failure(task.error),
        created_at=iso_time(task.created_at), updated_at=iso_time(task.updated_at),
        started_at=iso_time(task.started_at), finished_at=iso_time(task.finished_at),
    )  # fmt: skip


def of_file(file: FileState, directory: str) -> FileDocument:
    """Return one file of a task whose files are below ``directory``."""
    there = file.finished and file.published
    return FileDocument(
        index=file.index, status=file.status.value,
        path=f"{directory.rstrip('/')}/{file.published}" if there and file.published else None,
        name=file.path, url=redacted_url(file.urls[0]), mirrors=len(file.urls) - 1,
        received=file.received, size=file.size, checksum=None if file.checksum is None else str(file.checksum),
        verified_by=file.verified_by, resumable=file.resumable, error=of_failure(file.error),
    )  # fmt: skip


def of_event(event: Recorded | Live) -> EventDocument:
    """Return an event, logged or live; ``payload`` is the one that every surface shows."""
    if isinstance(event, Recorded):
        told: Lasting = event.event
        reason = told.reason if isinstance(told, StatusChanged) else None
        return EventDocument(NAMES[type(told)], payload(told), event.seq, iso_time(event.at), event.version, reason)
    return EventDocument(NAMES[type(event)], payload(event))


def of_reason(reason: Reason) -> ReasonDocument:
    return ReasonDocument(reason.code, reason.text, iso_time(reason.until))


def of_failure(failure: Failure | None) -> ErrorDocument | None:
    if failure is None:
        return None
    return ErrorDocument(failure.code, failure.message, failure.hint, failure.retryable, failure.exit_code)


@overload
def iso_time(epoch: float) -> str: ...
@overload
def iso_time(epoch: None) -> None: ...
@overload
def iso_time(epoch: float | None) -> str | None: ...
def iso_time(epoch: float | None) -> str | None:
    """Return ``2026-11-23T22:00:00.123Z``."""
    if epoch is None:
        return None
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _percent(received: int, total: int | None) -> float | None:
    return min(100.0, 100.0 * received / total) if total else None
