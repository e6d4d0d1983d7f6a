"""``/v1/tasks/{task_id}``: one task: looked at, changed, commanded, removed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Response
from fastapi import Query as Parameter
from pydantic import ConfigDict, Field
from starlette.requests import Request

from argosy.core.document import TaskDocument
from argosy.core.types import Queue, TaskId
from argosy.errors import UsageError
from argosy.runtime.amendment import Amendment, changed_meanwhile
from argosy.runtime.manager import Runtime
from argosy.runtime.message import Outcome
from argosy.runtime.watch import AT_REST
from argosy.service.answering import precondition
from argosy.service.answering.answer import task_shown
from argosy.service.asking.form import Checksum, Connections, Form, Options, Priority, QueueName, Rate, Retries, Url
from argosy.service.asking.route import Strict
from argosy.service.context import Asker, Context, Service
from argosy.service.description.schema import problems
from argosy.service.security.principal import Principal
from argosy.service.tasks.admittance import changes_of
from argosy.service.tasks.awaiting import rested

router = APIRouter(tags=["tasks"], route_class=Strict)
IfMatch = Annotated[
    str | None,
    Header(description="The `ETag` of the task as it was looked at: if it has changed since, nothing is done (412)."),
]
PATCHABLE: Final = frozenset({"limit_bps"})
"""What may be set to null, which takes it away."""


class Patch(Form):
    """What is to be otherwise (RFC 7396); what is not sent stays. A running task changes over at once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"priority": 10},
                {"limit_bps": 500_000, "max_connections": 2},
                {"limit_bps": None},
                {"urls": ["https://example.org/data.tar.gz?fresh=1"]},
            ]
        }
    )

    priority: Priority | None = None
    queue: QueueName | None = None
    limit_bps: Rate | None = Field(default=None, description="null: no limit of its own.")
    max_connections: Connections | None = None
    max_retries: Retries | None = None
    urls: Annotated[list[Url], Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="Fresh links to the same bytes; all but the first are mirrors. What has come so far stays.",
    )
    checksum: Checksum | None = None
    options: Options | None = Field(default=None, description="Single options, such as fresh headers; the others stay.")


class Move(Form):
    """Where to: to the top, or to another priority or queue."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"top": True}, {"queue": "automatic", "priority": -5}]})

    top: bool = False
    priority: Priority | None = None
    queue: QueueName | None = None


@router.get(
    "/v1/tasks/{task_id}", operation_id="getTask", response_model=TaskDocument,
    responses={304: {"description": "It is as `If-None-Match` has it."}, **problems(404)},
)  # fmt: skip
async def get(task_id: TaskId, request: Request, service: Context) -> Response:
    """Return the task as it is now. Its `ETag` is good for `If-None-Match` here and for `If-Match` in changes."""
    return task_shown(request, service.runtime, await service.runtime.task(task_id))


@router.patch(
    "/v1/tasks/{task_id}", operation_id="changeTask", response_model=TaskDocument,
    responses=problems(404, 409, 412, 415, 422),
)  # fmt: skip
async def patch(
    task_id: TaskId, sent: Patch, request: Request, service: Context, asker: Asker, if_match: IfMatch = None
) -> Response:
    """Change the task: all that is sent, or nothing."""
    wanted = _amendment(sent, asker)
    task = await service.runtime.amend(task_id, wanted, version=precondition.wanted_version(if_match))
    return task_shown(request, service.runtime, task)


def _amendment(sent: Patch, asker: Principal) -> Amendment:
    given = sent.model_fields_set
    nulls = sorted(name for name in given - PATCHABLE if getattr(sent, name) is None)
    if nulls:
        raise UsageError(f"{nulls[0]} cannot be taken away", hint="leave it out, or give it a value", code="usage")
    options: dict[str, Any] = changes_of(sent.options, asker) if sent.options is not None else {}
    if "limit_bps" in given:
        options["limit_bps"] = sent.limit_bps
    if sent.max_connections is not None:
        options["connections"] = sent.max_connections
    return Amendment(
        priority=sent.priority, queue=_queue(sent.queue), urls=sent.urls, checksum=sent.checksum,
        max_retries=sent.max_retries, options=options,
    )  # fmt: skip


def _queue(name: QueueName | None) -> Queue | None:
    return None if name is None else Queue[name.upper()]


@router.delete(
    "/v1/tasks/{task_id}", operation_id="removeTask", status_code=204,
    responses={202: {"model": TaskDocument, "description": "A worker is still letting go of it."}, **problems(404, 412)},
)  # fmt: skip
async def remove(
    task_id: TaskId,
    request: Request,
    service: Context,
    files: Annotated[bool, Parameter(description="Delete the finished files too.")] = False,  # noqa: FBT002 - a query parameter
    if_match: IfMatch = None,
) -> Response:
    """Take the task off the list; partial files go, finished ones stay unless `files`."""
    await _expect(service, task_id, if_match)
    (outcome,) = await service.runtime.remove([task_id], files=files)
    task = outcome.require()
    return Response(status_code=204) if task is None else task_shown(request, service.runtime, task, status=202)


async def _expect(service: Service, task_id: TaskId, if_match: str | None) -> None:
    version = precondition.wanted_version(if_match)
    if version is not None and (await service.runtime.task(task_id)).version != version:
        raise changed_meanwhile()


# -- commands ------------------------------------------------------------------------------------------

Verb = Literal["pause", "resume", "start", "cancel", "retry"]
Command = Callable[[Runtime, Sequence[TaskId]], Awaitable[list[Outcome]]]
COMMANDS: Final[Mapping[str, Command]] = {
    "pause": Runtime.pause,
    "resume": Runtime.resume,
    "start": Runtime.start,
    "cancel": Runtime.cancel,
    "retry": Runtime.retry,
}


async def _commanded(verb: Verb, task_id: TaskId, request: Request, service: Service, if_match: str | None) -> Response:
    await _expect(service, task_id, if_match)
    (outcome,) = await COMMANDS[verb](service.runtime, [task_id])
    return task_shown(request, service.runtime, outcome.require() or await service.runtime.task(task_id))


@router.post(
    "/v1/tasks/{task_id}/pause",
    operation_id="pauseTask",
    response_model=TaskDocument,
    responses=problems(404, 409, 412),
)
async def pause(task_id: TaskId, request: Request, service: Context, if_match: IfMatch = None) -> Response:
    """Stop the task and keep what there is. A repeat is no error."""
    return await _commanded("pause", task_id, request, service, if_match)


@router.post(
    "/v1/tasks/{task_id}/resume",
    operation_id="resumeTask",
    response_model=TaskDocument,
    responses=problems(404, 409, 412),
)
async def resume(task_id: TaskId, request: Request, service: Context, if_match: IfMatch = None) -> Response:
    """Let the task go on, ahead of the backlog."""
    return await _commanded("resume", task_id, request, service, if_match)


@router.post(
    "/v1/tasks/{task_id}/start",
    operation_id="startTask",
    response_model=TaskDocument,
    responses=problems(404, 409, 412),
)
async def start(task_id: TaskId, request: Request, service: Context, if_match: IfMatch = None) -> Response:
    """Start the task as soon as there is a slot, whatever it was waiting for."""
    return await _commanded("start", task_id, request, service, if_match)


@router.post(
    "/v1/tasks/{task_id}/cancel",
    operation_id="cancelTask",
    response_model=TaskDocument,
    responses=problems(404, 409, 412),
)
async def cancel(task_id: TaskId, request: Request, service: Context, if_match: IfMatch = None) -> Response:
    """Give the task up and remove its partial files. It stays on the list, and can be retried."""
    return await _commanded("cancel", task_id, request, service, if_match)


@router.post(
    "/v1/tasks/{task_id}/retry",
    operation_id="retryTask",
    response_model=TaskDocument,
    responses=problems(404, 409, 412),
)
async def retry(task_id: TaskId, request: Request, service: Context, if_match: IfMatch = None) -> Response:
    """Try a failed or cancelled task again, with a fresh count."""
    return await _commanded("retry", task_id, request, service, if_match)


@router.post(
    "/v1/tasks/{task_id}/remove", operation_id="removeTaskByPost", status_code=204,
    responses={202: {"model": TaskDocument, "description": "A worker is still letting go of it."}, **problems(404, 412)},
)  # fmt: skip
async def remove_by_post(
    task_id: TaskId,
    request: Request,
    service: Context,
    files: Annotated[bool, Parameter(description="Delete the finished files too.")] = False,  # noqa: FBT002 - a query parameter
    if_match: IfMatch = None,
) -> Response:
    """Do the same as DELETE, for clients that have none."""
    return await remove(task_id, request, service, files, if_match)


@router.post(
    "/v1/tasks/{task_id}/move", operation_id="moveTask", response_model=TaskDocument,
    responses=problems(404, 409, 412, 415, 422),
)  # fmt: skip
async def move(task_id: TaskId, sent: Move, request: Request, service: Context, if_match: IfMatch = None) -> Response:
    """Change which task goes first."""
    await _expect(service, task_id, if_match)
    (outcome,) = await moved(service.runtime, [task_id], sent.priority, sent.queue, top=sent.top)
    return task_shown(request, service.runtime, outcome.require() or await service.runtime.task(task_id))


async def moved(
    runtime: Runtime, ids: Sequence[TaskId], priority: int | None, queue: QueueName | None, *, top: bool
) -> list[Outcome]:
    """Return what became of the tasks. Raises UsageError if it is not said where to, or two things at once."""
    if top == (priority is not None or queue is not None):
        raise UsageError("where to?", hint="send top, or a priority or a queue", code="usage")
    if top:
        return await runtime.move_to_top(ids)
    return await runtime.prioritise(ids, priority=priority, queue=_queue(queue))


@router.get(
    "/v1/tasks/{task_id}/wait", operation_id="waitForTask", response_model=TaskDocument,
    responses={202: {"model": TaskDocument, "description": "It is not at rest yet."}, **problems(404)},
)  # fmt: skip
async def wait(
    task_id: TaskId,
    request: Request,
    service: Context,
    seconds: Annotated[
        float, Parameter(alias="timeout", ge=0, le=60, allow_inf_nan=False, description="Seconds.")
    ] = 30,
) -> Response:
    """Return the task once it is at rest (completed, failed, cancelled or paused); with 202 if it is not by then."""
    await service.runtime.task(task_id)
    task = await rested(service, task_id, seconds)
    return task_shown(request, service.runtime, task, status=200 if task.status in AT_REST else 202)
