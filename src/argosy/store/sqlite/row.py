"""Tasks, files and events as rows: what goes into each column and how it comes out again.

Rows come out as JSON arrays (see :mod:`argosy.store.sqlite.connection` for the reason), in the order of the columns
named here, which is that of the dataclasses.
"""

# ruff: noqa: ANN401  # a row holds values of any type

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from argosy.core.events import NAMES, Lasting, Recorded, StatusChanged, Warned
from argosy.core.schedule import Candidate
from argosy.core.types import WAITING, FileState, FileStatus, Queue, Status, Task, TaskId, Want
from argosy.store.codec import (
    armour,
    checksum_from_text,
    checksum_to_text,
    disarm,
    extents_from_bytes,
    extents_to_bytes,
    failure_from_text,
    failure_to_text,
    spec_from_text,
    to_json,
)
from argosy.store.port import WorkerInfo

Row = Sequence[Any]
Convert = Callable[[Any], Any]


def _maybe(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _text(value: str | None) -> str | None:
    return value if value is None or value.isascii() else armour(value)


def _out(value: str | None) -> str | None:
    return value if value is None else disarm(value)


# -- tasks -----------------------------------------------------------------------------------------
TASK_FIELDS = tuple(field.name for field in fields(Task) if field.name != "spec")
"""The fields of a task that are columns of the same name."""
TASK_COLUMNS = (*TASK_FIELDS, "source", "directory", "ready")
"""All columns of ``tasks``; ``ready`` is the store's own."""
TASK_SHOWN = ", ".join((*(f"tasks.{name}" for name in TASK_FIELDS), "spec", "source", "directory"))
"""What :func:`task_from_row` wants to see of ``tasks JOIN specs``."""
fields_of = attrgetter(*TASK_FIELDS)

_ARMOURED = ("id", "host", "session", "key", "owner", "name", "warning")
_TASK_IN: dict[str, Convert] = dict.fromkeys((*_ARMOURED, "source", "directory"), _text) | {"error": failure_to_text}
_TASK_OUT: dict[str, Convert] = dict.fromkeys(_ARMOURED, _maybe(disarm)) | {
    "status": Status,
    "queue": Queue,
    "want": _maybe(Want),
    "error": failure_from_text,
}
_INTO = tuple((TASK_COLUMNS.index(name), convert) for name, convert in _TASK_IN.items())
_OUT = tuple((TASK_FIELDS.index(name), convert) for name, convert in _TASK_OUT.items())
_SPEC = [field.name for field in fields(Task)].index("spec")
_columns_of = attrgetter(*TASK_FIELDS, "spec.source", "spec.directory")


def ready(task: Task) -> int | None:
    """Return the column ``ready`` of a task whose status or due time is new."""
    if task.status not in WAITING:
        return None
    return 1 if task.due_at is None else 0


def task_values(task: Task) -> list[Any]:
    """Return the task's row."""
    values = [*_columns_of(task), ready(task)]
    for position, convert in _INTO:
        values[position] = convert(values[position])
    return values


def some_values(task: Task, columns: Sequence[str]) -> list[Any]:
    """Return what belongs into these columns of the task's row."""
    return [_task_value(task, column) for column in columns]


def _task_value(task: Task, column: str) -> Any:
    if column == "ready":
        return ready(task)
    value = getattr(task.spec if column in ("source", "directory") else task, column)
    convert = _TASK_IN.get(column)
    return value if convert is None else convert(value)


def task_from_row(row: Row) -> Task:
    *values, spec, source, directory = row
    for position, convert in _OUT:
        values[position] = convert(values[position])
    values.insert(_SPEC, spec_from_text(spec, disarm(source), disarm(directory)))
    return Task(*values)


def candidate_from_row(row: Row) -> Candidate:
    task_id, version, status, lane, priority, rank, queued_at, host, directory, due_at = row
    return Candidate(
        id=disarm(task_id),
        version=version,
        status=Status(status),
        queue=Queue(lane),
        priority=priority,
        rank=rank,
        queued_at=queued_at,
        host=disarm(host),
        directory=disarm(directory),
        due_at=due_at,
    )


# -- files -----------------------------------------------------------------------------------------
_STATUS = {status.value: status for status in FileStatus}
FILE_COLUMNS = (
    "number", "position", "urls", "path", "size", "checksum", "status", "part", "published", "etag", "last_modified",
    "date_is_strong", "content_type", "resumable", "attempts", "error", "verified_by",
)  # fmt: skip
SEGMENT_COLUMNS = ("number", "position", "received", "extents", "block_size", "block_hashes", "part_mtime_ns", "memo")


def file_values(number: int, file: FileState) -> tuple[Any, ...]:
    return (
        number,
        file.index,
        to_json(file.urls),
        _text(file.path),
        file.size,
        checksum_to_text(file.checksum),
        file.status,
        _text(file.part),
        _text(file.published),
        _text(file.etag),
        _text(file.last_modified),
        file.date_is_strong,
        _text(file.content_type),
        file.resumable,
        file.attempts,
        failure_to_text(file.error),
        file.verified_by,
    )


def segment_values(number: int, file: FileState) -> tuple[Any, ...] | None:
    """Return the row of what is on disk of the file, None if nothing is."""
    some = file.received or file.extents or file.block_size or file.block_hashes or file.memo is not None
    if not some and file.part_mtime_ns is None:
        return None
    extents = extents_to_bytes(file.extents)
    return (
        number, file.index, file.received, extents, file.block_size, file.block_hashes, file.part_mtime_ns,
        _text(file.memo),
    )  # fmt: skip


def file_from_row(task_id: TaskId, row: Row) -> FileState:
    """Return the file of a row of the query ``files`` (columns of ``files``, then of ``segments`` or nulls)."""
    (index, urls, path, size, checksum, status, part, published, etag, last_modified, date_is_strong) = row[:11]
    (content_type, resumable, attempts, error, verified_by) = row[11:16]
    (received, extents, block_size, block_hashes, part_mtime_ns, memo) = row[16:]
    return FileState(
        task_id, index, tuple(json.loads(urls)), _out(path), size, checksum_from_text(checksum), _STATUS[status],
        _out(part), _out(published), received or 0, extents_from_bytes(bytes.fromhex(extents)) if extents else (),
        block_size or 0, bytes.fromhex(block_hashes) if block_hashes else b"", part_mtime_ns, _out(etag),
        _out(last_modified), bool(date_is_strong), _out(content_type), None if resumable is None else bool(resumable),
        attempts, failure_from_text(error), verified_by, _out(memo),
    )  # fmt: skip


# -- events ----------------------------------------------------------------------------------------
EVENT_COLUMNS = (
    "seq", "at", "version", "kind", "task_id", "number", "from_status", "to_status", "reason", "detail",
)  # fmt: skip


def event_values(recorded: Recorded, number: int | None) -> tuple[Any, ...]:
    event = recorded.event
    head = (recorded.seq, recorded.at, recorded.version, NAMES[type(event)])
    if isinstance(event, StatusChanged):
        change = (event.from_, event.to, armour(event.reason), failure_to_text(event.error))
        return (*head, _text(event.task_id), number, *change)
    return (*head, _text(event.task_id), number, None, None, armour(event.code), armour(event.message))


def event_from_row(row: Row) -> Recorded:
    seq, at, version, kind, task_id, from_status, to_status, reason, detail = row
    task = None if task_id is None else disarm(task_id)
    event: Lasting
    if kind == NAMES[Warned]:
        event = Warned(disarm(reason), disarm(detail), task)
    elif kind == NAMES[StatusChanged] and task is not None:
        status = _maybe(Status)
        event = StatusChanged(task, status(from_status), status(to_status), disarm(reason), failure_from_text(detail))
    else:
        raise ValueError(f"event {seq} is of the unknown kind {kind!r}")
    return Recorded(seq, at, version, event)


# -- workers ---------------------------------------------------------------------------------------
def worker_values(worker: WorkerInfo) -> tuple[Any, ...]:
    where = (worker.host, worker.boot_id, worker.pid, worker.started)
    return (worker.id, *where, worker.seen_at, worker.serves_queue)


def worker_from_row(row: Row) -> WorkerInfo:
    worker_id, host, boot_id, pid, started, seen_at, serves_queue = row
    return WorkerInfo(worker_id, host, boot_id, pid, started, seen_at, bool(serves_queue))
