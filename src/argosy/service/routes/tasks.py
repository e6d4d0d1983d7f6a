"""``/v1/tasks``: what there is, and more of it."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from argosy.core.document import TaskDocument, of_task
from argosy.runtime.admission import Request
from argosy.service.context import Context

router = APIRouter(tags=["tasks"])


class NewTask(BaseModel):
    """A task to be made."""

    model_config = ConfigDict(extra="forbid")

    source: str | list[str]


@router.post("/v1/tasks", status_code=202)
async def create(asked: NewTask, service: Context, response: Response) -> TaskDocument:
    """Make a task; it is durable once this answers."""
    (handle,) = await service.runtime.add_many([Request(asked.source)])
    response.headers["Location"] = f"/v1/tasks/{handle.id}"
    return of_task(await handle.task())


@router.get("/v1/tasks/{task_id}")
async def get(task_id: str, service: Context) -> TaskDocument:
    """Return the task as it is now."""
    task = await service.runtime.task(task_id)
    return of_task(task, service.runtime.live_progress(task.id))
