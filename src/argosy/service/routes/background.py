"""``/v1/background``: five commands for an application that wants downloads to go on behind its pages.

Start, progress of one, progress of all, cancel, clean up. The application may give a download a name of its own, and asks
for it by that name ever after: the name is kept with the task's id before the task is made, so starting it twice, or again
after a crash of either side, is starting it once.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Path, Response
from pydantic import ConfigDict, Field, StringConstraints

from argosy.core.document import ErrorDocument, iso_time, of_failure
from argosy.core.types import TERMINAL, Status, Task, TaskId
from argosy.errors import IllegalTransition, UnknownTask, UsageError
from argosy.service.answering.answer import POLL_S
from argosy.service.asking.form import NewTask
from argosy.service.asking.route import Strict
from argosy.service.context import Asker, Context, Service
from argosy.service.description.schema import problems
from argosy.service.jobs.contract import STATES, State
from argosy.service.tasks.admittance import request_of
from argosy.store.port import Query, Record
from argosy.value import dataclass

router = APIRouter(tags=["background"], route_class=Strict)
KIND: Final = "background"
MOST: Final = 1000
AGAIN: Final = frozenset({Status.FAILED, Status.CANCELLED, Status.PAUSED})
"""Started again by a repeated start."""
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\w.:~-]+$")]
Named = Annotated[Name, Path(description="The name that the download was started under, or the task's id.")]


class Start(NewTask):
    """What is to be downloaded, under a name of the application's own if it has one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"task_id": "task-123", "source": "https://example.com/dataset.tar.gz", "directory": "datasets"},
            ]
        }
    )

    task_id: Name | None = None


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """How far a download is. ``task_id`` is the application's name for it, ``id`` that of the task."""

    task_id: Annotated[str, Field(examples=["task-123"])]
    id: Annotated[str, Field(examples=["3f2a9c0d5b6e4f708192a3b4c5d6e7f8"])]
    status: State
    progress: Annotated[float | None, Field(examples=[41.5], description="Percent; null while the size is not known.")]
    downloaded_bytes: int
    total_bytes: int | None
    speed: Annotated[int, Field(description="Bytes per second.")]
    eta_seconds: float | None
    files_completed: int
    files_total: int
    created_at: str
    started_at: str | None
    updated_at: str
    completed_at: str | None
    error: ErrorDocument | None


@dataclass(frozen=True, slots=True)
class Downloads:
    """Those that have not ended, and those that were started under a name and not cleaned up since."""

    downloads: list[DownloadProgress]


@router.post(
    "/v1/background", operation_id="startDownload", status_code=202, responses=problems(409, 413, 415, 422, 507)
)
async def start(sent: Start, service: Context, asker: Asker, response: Response) -> DownloadProgress:
    """Start a download in the background, or go on with it: the same name again is the same download."""
    name = sent.task_id
    record = await _kept(service, name) if name is not None else None
    request = request_of(sent, service, asker, None if record is None else record.value)
    (handle,) = await service.runtime.add_each([request])
    if isinstance(handle, UsageError):
        raise handle
    if record is not None and handle.id != record.value:
        await service.runtime.store.put(replace(record, value=handle.id))
    task = handle.seen
    if handle.joined and task.status in AGAIN:
        (outcome,) = await service.runtime.retry([task.id])
        task = outcome.require() or task
    response.headers["Location"] = f"/v1/background/{name or task.id}"
    response.headers["Retry-After"] = str(POLL_S)
    return _progress(service, task, name)


async def _kept(service: Service, name: str) -> Record:
    """Return which task the name stands for, from now on at the latest."""
    return await service.runtime.store.keep(Record(KIND, name, secrets.token_hex(16)), service.clock.epoch())


@router.get("/v1/background", operation_id="listDownloads", responses=problems())
async def progress_of_all(service: Context) -> Downloads:
    """Return how far all downloads are."""
    names: dict[TaskId, str] = {}
    after = ""
    while page := await service.runtime.store.records(KIND, service.clock.epoch(), after, MOST):
        names |= {record.value: record.name for record in page}
        after = page[-1].name
    tasks = dict(await service.runtime.store.get(list(names)))
    open_ones = await service.runtime.tasks(Query(statuses=frozenset(Status) - TERMINAL, newest_first=True, limit=MOST))
    tasks |= {task.id: task for task in open_ones}
    ordered = sorted(tasks.values(), key=lambda task: task.number)
    return Downloads([_progress(service, task, names.get(task.id)) for task in ordered])


@router.get("/v1/background/{task_id}", operation_id="getDownload", responses=problems(404, 422))
async def progress(task_id: Named, service: Context) -> DownloadProgress:
    """Return how far the download is."""
    task, name = await _found(service, task_id)
    return _progress(service, task, name)


@router.post("/v1/background/{task_id}/cancel", operation_id="cancelDownload", responses=problems(404, 409, 422))
async def cancel(task_id: Named, service: Context) -> DownloadProgress:
    """Give the download up; its partial files go. It can be started again."""
    task, name = await _found(service, task_id)
    (outcome,) = await service.runtime.cancel([task.id])
    return _progress(service, outcome.require() or task, name)


@router.delete(
    "/v1/background/{task_id}", operation_id="cleanUpDownload", status_code=204, responses=problems(404, 409, 422)
)
async def clean_up(task_id: Named, service: Context) -> None:
    """Forget a download that has ended; its finished files stay."""
    task, name = await _found(service, task_id)
    if not task.terminal:
        raise IllegalTransition("the download has not ended", hint="cancel it first")
    (outcome,) = await service.runtime.remove([task.id])
    outcome.require()
    if name is not None:
        await service.runtime.store.drop(KIND, name)


async def _found(service: Service, task_id: str) -> tuple[Task, str | None]:
    """Return the task, and its name if it was asked for by that. Raises UnknownTask."""
    record = await service.runtime.store.record(KIND, task_id, service.clock.epoch())
    wanted = task_id if record is None else record.value
    task = (await service.runtime.store.get([wanted])).get(wanted)
    if task is None:
        raise UnknownTask(f"there is no download {task_id}", hint="GET /v1/background lists them")
    return task, None if record is None else record.name


def _progress(service: Service, task: Task, name: str | None) -> DownloadProgress:
    now = service.runtime.progress_of(task)
    percent = 100.0 if task.status is Status.COMPLETED else 100.0 * now.received / now.total if now.total else None
    return DownloadProgress(
        task_id=name or task.id, id=task.id, status=STATES[task.status],
        progress=None if percent is None else round(min(100.0, percent), 1),
        downloaded_bytes=now.received, total_bytes=now.total, speed=round(now.smoothed_bps) if task.active else 0,
        eta_seconds=now.eta_s, files_completed=now.files_done, files_total=now.files_total,
        created_at=iso_time(task.created_at), started_at=iso_time(task.started_at), updated_at=iso_time(task.updated_at),
        completed_at=iso_time(task.finished_at), error=of_failure(task.error),
    )  # fmt: skip
