"""Documents as values: what a service shows of tasks, files and events, as the runtime's own types. Pure.

What a service does not show (secrets, leases, the piece map) has its default. Members that this release does not know are
left aside, and one that is missing or of another kind is a BadResponse: never a guess.
"""

# ruff: noqa: ANN401  # JSON is of any type until it is checked, and here it is checked

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final, TypeVar

from argosy.core.checksum import Checksum
from argosy.core.events import DownloadMetrics, DownloadProgress, Recorded, StatusChanged, Warned
from argosy.core.explain import Reason
from argosy.core.limits import Limits
from argosy.core.model import Figures, ModelStatus, Presence
from argosy.core.types import (
    ACTIVE,
    FileSpec,
    FileState,
    FileStatus,
    Progress,
    Queue,
    Status,
    Task,
    TaskId,
    TaskSpec,
    TransferOptions,
)
from argosy.errors import BadResponse, Failure

MOST_FILES: Final = 1_000_000
_FIGURES: Final = tuple(field.name for field in fields(Figures))
T = TypeVar("T")
Document = Mapping[str, Any]


def read(reader: Callable[[Any], T], document: Any) -> T:
    """Return what ``reader`` makes of ``document``. Raises BadResponse if it makes nothing of it."""
    try:
        return reader(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadResponse(
            f"the service's answer makes no sense to this release ({type(error).__name__}: {error})",
            hint="'argosy version' on both sides tells whether one is too old",
        ) from None


def task(document: Document) -> Task:
    """Return the task of a TaskDocument."""
    source, name = document["source"], document["asked_name"]
    files = (FileSpec((source,), path=name),) * min(MOST_FILES, document["asked_files"])
    options = TransferOptions(
        connections=document["max_connections"], limit_bps=document["limit_bps"], insecure=document["insecure"]
    )
    return Task(
        document["id"], TaskSpec(source, document["directory"], files, options),
        _moment(document["created_at"]), _moment(document["updated_at"]),
        number=document["number"], version=document["version"], status=Status(document["status"]),
        queue=Queue[document["queue"].upper()], priority=document["priority"], host=document["host"],
        pid=document["pid"], attempt=document["attempt"], max_retries=document["max_retries"],
        due_at=moment(document["due_at"]), error=failure(document["error"]), name=document["name"],
        received=document["received"], total=document["total"],
        files_total=document["files_total"], files_done=document["files_done"],
        speed_bps=float(document["speed_bps"]), connections=document["connections"],
        started_at=moment(document["started_at"]), finished_at=moment(document["finished_at"]),
        warning=document["warning"],
    )  # fmt: skip


def progress(document: Document) -> Progress:
    """Return the counters of a TaskDocument."""
    speed = float(document["speed_bps"])
    return Progress(
        document["id"], document["received"], document["total"], speed, speed, document["eta_s"],
        document["connections"], document["files_done"], document["files_total"],
    )  # fmt: skip


def file(document: Document, task_id: TaskId, directory: str) -> FileState:
    """Return the file of a FileDocument. ``directory`` is its task's."""
    there = document["path"]
    checksum = document["checksum"]
    return FileState(
        task_id, document["index"], (document["url"],) * (document["mirrors"] + 1),
        path=document["name"], size=document["size"], status=FileStatus(document["status"]),
        checksum=None if checksum is None else Checksum(*checksum.split(":", 1)),
        published=None if there is None else _below(directory, there),
        received=document["received"], resumable=document["resumable"],
        verified_by=document["verified_by"], error=failure(document["error"]),
    )  # fmt: skip


def model(document: Document) -> ModelStatus:
    """Return the status of a ModelDocument."""
    told, figures = document["task"], document["progress"]
    return ModelStatus(
        document["id"], Presence(document["state"]), document["path"], document["listed"], document["essential"],
        document["priority"], document["size"], None if told is None else task(told),
        None if figures is None else Figures(**{name: figures[name] for name in _FIGURES}),
    )  # fmt: skip


def files(page: Document) -> list[FileState]:
    """Return the files of a page of them."""
    return [file(document, page["task_id"], page["directory"]) for document in page["files"]]


def logged(document: Document) -> Recorded:
    """Return an event of the log."""
    found = event(document)
    if not isinstance(found, Recorded):
        raise ValueError("a live event is in no log")  # noqa: TRY004 - it is what was sent that is wrong
    return found


def event(document: Document) -> Recorded | DownloadProgress | DownloadMetrics:
    """Return the event of an EventDocument. Raises KeyError for a name there is not."""
    told = document["payload"]
    match document["event"]:
        case "task_status_changed":
            changed = StatusChanged(
                told["task_id"], _status(told["from"]), _status(told["to"]), document.get("reason") or "",
                failure(told.get("error")),
            )  # fmt: skip
            return _recorded(document, changed)
        case "runtime_warning":
            return _recorded(document, Warned(told["code"], told["message"], told.get("task_id")))
        case "download_progress":
            return DownloadProgress(
                told["task_id"], told["downloaded"], told["total"], told["instantaneous_speed"],
                told["smoothed_speed"], told["eta_secs"],
            )  # fmt: skip
        case "download_metrics":
            return DownloadMetrics(told["active"], told["queued"], told["avg_speed"], dict(told["per_protocol"]))
        case other:
            raise KeyError(other)


def heard(live: dict[TaskId, Progress], event: object) -> None:
    """Bring the counters of tasks that run up to date with an event."""
    match event:
        case DownloadProgress(task_id=task_id):
            before = live.get(task_id)
            live[task_id] = Progress(
                task_id, event.downloaded, event.total, event.instantaneous_speed, event.smoothed_speed, event.eta_secs,
                *((before.connections, before.files_done, before.files_total) if before else ()),
            )  # fmt: skip
        case Recorded(event=StatusChanged(task_id=task_id, to=to)) if to not in ACTIVE:
            live.pop(task_id, None)


def reason(document: Document) -> Reason:
    return Reason(document["code"], document["text"], moment(document["until"]))


def limits(document: Document) -> Limits:
    known = {field.name for field in fields(Limits)}
    return Limits(**{name: value for name, value in document.items() if name in known})


def counts(document: Document) -> dict[Status, int]:
    return {status: int(document.get(status.value, 0)) for status in Status}


def failure(document: Document | None) -> Failure | None:
    """Return the failure of an ErrorDocument, or of an event's shorter one."""
    if document is None:
        return None
    return Failure(
        document["code"], document["message"], document["hint"], bool(document.get("retryable", False)),
        document.get("exit_code", 1),
    )  # fmt: skip


def moment(text: str | None) -> float | None:
    """Return the epoch second of an ISO time."""
    return None if text is None else _moment(text)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _status(text: str | None) -> Status | None:
    return None if text is None else Status(text)


def _recorded(document: Document, told: StatusChanged | Warned) -> Recorded:
    return Recorded(document["seq"], _moment(document["at"]), document.get("version") or 0, told)


def _below(directory: str, path: str) -> str:
    """Return ``path`` as seen from its task's folder."""
    whole = PurePosixPath(path)
    return str(whole.relative_to(directory)) if whole.is_relative_to(directory) else path
