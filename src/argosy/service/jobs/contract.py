"""Jobs: a task and its files in the words of the download contract. Pure.

A job is a task, under the same id; this only says it otherwise. What is missing is left out, as the contract has it:
``download_url``, ``size`` and ``error`` are there once there is something to tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, cast

from pydantic import Field

from argosy.core.document import iso_time
from argosy.core.redact import redacted_url
from argosy.core.types import TERMINAL, FileState, FileStatus, Progress, Status, Task

State = Literal["queued", "processing", "completed", "failed", "paused", "cancelled"]
FileResult = Literal["pending", "processing", "completed", "failed"]
FileId = int | str
Link = Callable[[FileState], str]
"""Where a finished file can be had."""

STATES: Final[dict[Status, State]] = {
    Status.PENDING: "queued", Status.SCHEDULED: "queued", Status.RUNNING: "processing", Status.PAUSING: "processing",
    Status.COMPLETING: "processing", Status.RETRYING: "processing", Status.PAUSED: "paused",
    Status.COMPLETED: "completed", Status.FAILED: "failed", Status.CANCELLED: "cancelled",
}  # fmt: skip
ENDED: Final = frozenset(STATES[status] for status in TERMINAL)
UNDER_WAY: Final = (FileStatus.RUNNING, FileStatus.PUBLISHING)
WHOLE: Final = 100.0
ALMOST: Final = 99.9
_ID: Final = "3f2a9c0d5b6e4f708192a3b4c5d6e7f8"
_LINK: Final = f"http://127.0.0.1:8970/v1/results/{_ID}/0/scan.nii.gz?expires=1795530000&signature=…"


@dataclass(frozen=True, slots=True)
class Started:
    """A job that is durably stored and will be worked at, whatever happens to this process."""

    job_id: Annotated[str, Field(examples=[_ID])]
    status: State
    total_files: Annotated[int, Field(examples=[2])]
    websocket_url: Annotated[str, Field(examples=[f"ws://127.0.0.1:8970/ws/download/{_ID}"])]


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is: files first, and of those under way the share that has come. Bytes and speed as far as known."""

    completed: Annotated[int, Field(examples=[1])]
    total: Annotated[int, Field(examples=[2])]
    percent: Annotated[float, Field(examples=[50])]
    current_file: FileId | None = None
    received_bytes: int = 0
    total_bytes: int | None = None
    speed_bps: int = 0
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class JobFile:
    """What became of one file. ``file_id`` is the caller's; of a file that was asked for by URL, that URL, its secrets
    hidden. ``error`` says why it failed, ``code`` the same in a word that is stable.
    """

    file_id: Annotated[FileId, Field(examples=[70000])]
    status: FileResult
    download_url: Annotated[str, Field(examples=[_LINK])] | None = None
    size: Annotated[int, Field(examples=[1_024_000])] | None = None
    error: str | None = None
    code: str | None = None
    name: Annotated[str, Field(examples=["scan.nii.gz"])] | None = None


@dataclass(frozen=True, slots=True)
class JobDocument:
    """A job as it is now. ``error`` says why it failed, or what it waits for to try again."""

    job_id: Annotated[str, Field(examples=[_ID])]
    status: State
    progress: JobProgress
    results: list[JobFile]
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JobResult:
    """Links to what came, in the order the files were asked for. ``status`` tells whether that is all of them."""

    job_id: Annotated[str, Field(examples=[_ID])]
    status: State
    download_urls: Annotated[list[str], Field(examples=[[_LINK]])]
    expires_at: Annotated[str, Field(examples=["2026-11-24T12:00:00.000Z"])]


@dataclass(frozen=True, slots=True)
class JobMessage:
    """The job as it is: ``progress`` while it is worked at, and last, as ``type``, what became of it."""

    type: Literal["progress", "completed", "failed", "cancelled"]
    job_id: Annotated[str, Field(examples=[_ID])]
    completed: Annotated[int, Field(examples=[1])]
    total: Annotated[int, Field(examples=[2])]
    current_file: Annotated[FileId | None, Field(examples=[70001])]
    progress_percent: Annotated[float, Field(examples=[50])]
    status: State
    progress: JobProgress
    results: list[JobFile]
    snapshot: bool = False
    """The first message on this connection."""


@dataclass(frozen=True, slots=True)
class JobMissing:
    """There is no such job, or it was removed; the connection is closed with 4404."""

    job_id: str
    code: Annotated[str, Field(examples=["unknown_task"])]
    error: str
    type: Literal["error"] = "error"


def state_of(task: Task) -> State:
    return STATES[task.status]


def file_id(task: Task, file: FileState) -> FileId:
    """Return what the caller calls the file."""
    specs = task.spec.files
    label = specs[file.index].label if file.index < len(specs) else None
    return redacted_url(file.urls[0]) if label is None else cast("FileId", json.loads(label))


# -- progress ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Census:
    """The files of a job counted, once for all who ask while they stay as they are."""

    total: int
    completed: int
    shares: float
    """Of the files that are not complete, how much has come, each from 0 to 1."""
    current: FileId | None


def census(task: Task, files: Sequence[FileState]) -> Census:
    """Return the count. Files that their source has not told yet are one."""
    if not files:
        return Census(max(1, task.files_total), 0, 0.0, None)
    shares = sum(_share(file.received, file.size) for file in files if not file.finished)
    under_way = (file for file in files if task.active and file.status in UNDER_WAY)
    current = next(under_way, None)
    completed = sum(file.finished for file in files)
    return Census(len(files), completed, shares, None if current is None else file_id(task, current))


def progress(task: Task, count: Census, live: Progress | None) -> dict[str, Any]:
    """Return a :class:`JobProgress`. ``live`` are the task's counters where it runs."""
    completed = max(count.completed, 0 if live is None else min(live.files_done, count.total))
    received, total = (task.received, task.total) if live is None else (live.received, live.total)
    shown: dict[str, Any] = {
        "completed": completed,
        "total": count.total,
        "percent": _percent(task, count, completed, live),
        "received_bytes": received,
        "total_bytes": total,
        "speed_bps": 0 if live is None else round(live.smoothed_bps),
    }
    if count.current is not None:
        shown["current_file"] = count.current
    if live is not None and live.eta_s is not None:
        shown["eta_s"] = round(live.eta_s, 1)
    return shown


def _percent(task: Task, count: Census, completed: int, live: Progress | None) -> float:
    """Return 0 to 100, and that only once all is there. A file counts as much as any other, whatever its size: sizes are
    often known late, and what has been told must not turn out to be less.
    """
    if task.status is Status.COMPLETED:
        return WHOLE
    shares = _share(live.received, live.total) if count.total == 1 and live is not None else count.shares
    whole = max(completed, count.completed + shares)
    return min(ALMOST, round(WHOLE * whole / count.total, 1))


def _share(received: int, size: int | None) -> float:
    return min(1.0, received / size) if size else 0.0


# -- results -----------------------------------------------------------------------------------------


def document(task: Task, files: Sequence[FileState], live: Progress | None, link: Link) -> dict[str, Any]:
    """Return a :class:`JobDocument`."""
    shown: dict[str, Any] = {
        "job_id": task.id,
        "status": state_of(task),
        "progress": progress(task, census(task, files), live),
        "results": results(task, files, link),
        "created_at": iso_time(task.created_at),
    }
    more = {
        "started_at": iso_time(task.started_at),
        "finished_at": iso_time(task.finished_at),
        "error": None if task.error is None else task.error.message,
    }
    return shown | {name: value for name, value in more.items() if value is not None}


def results(task: Task, files: Sequence[FileState], link: Link) -> list[dict[str, Any]]:
    """Return a :class:`JobFile` for each file."""
    return [_result(task, file, link) for file in files]


def _result(task: Task, file: FileState, link: Link) -> dict[str, Any]:
    status = file_result(task, file)
    shown: dict[str, Any] = {"file_id": file_id(task, file), "status": status}
    if status == "completed":
        shown["download_url"] = link(file)
    if file.size is not None:
        shown["size"] = file.size
    if status == "failed":
        shown["error"], shown["code"] = _why(task, file)
    name = file.published or file.path
    if name is not None:
        shown["name"] = name
    return shown


def file_result(task: Task, file: FileState) -> FileResult:
    """Return where the file stands. One that failed and will be tried again is pending, and nothing is processed while
    nobody works at the job; once that has ended, what is not there has failed.
    """
    if file.finished:
        return "completed"
    if task.terminal:
        return "failed"
    if task.active and file.status in UNDER_WAY:
        return "processing"
    hopeless = file.status is FileStatus.FAILED and file.error is not None and not file.error.retryable
    return "failed" if hopeless else "pending"


def _why(task: Task, file: FileState) -> tuple[str, str]:
    if file.error is not None:
        return file.error.message, file.error.code
    if task.status is Status.CANCELLED:
        return "the job was cancelled", "cancelled"
    if task.error is not None:
        return task.error.message, task.error.code
    return "it did not come", "unknown"


def result(task: Task, files: Sequence[FileState], link: Link, expires_at: float) -> dict[str, Any]:
    """Return a :class:`JobResult`."""
    return {
        "job_id": task.id,
        "status": state_of(task),
        "download_urls": list(links(files, link)),
        "expires_at": iso_time(expires_at),
    }


def links(files: Sequence[FileState], link: Link) -> Iterator[str]:
    """Return the link of each file that is there."""
    return (link(file) for file in files if file.finished)
