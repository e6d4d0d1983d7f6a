"""``/v1/tasks/bulk`` and ``/v1/tasks/all``: one command for many tasks, with a result for each, or for all there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from fastapi import APIRouter
from pydantic import ConfigDict, Field, StringConstraints

from argosy.core.document import ErrorDocument, TaskDocument, of_failure
from argosy.core.types import TERMINAL, WAITING, Status, TaskId
from argosy.errors import UsageError
from argosy.runtime.message import Outcome
from argosy.runtime.verbs import PAUSABLE, RESUMABLE, STARTABLE
from argosy.service.answering.answer import document_of
from argosy.service.answering.problem import status_of
from argosy.service.asking.form import Form, Priority, QueueName
from argosy.service.asking.route import Strict
from argosy.service.context import Context, Service
from argosy.service.description.schema import problems
from argosy.service.routes.task import COMMANDS, moved
from argosy.store.port import Query
from argosy.value import dataclass

router = APIRouter(tags=["tasks"], route_class=Strict)
MOST: Final = 10_000
"""Tasks of one request."""
PAGE: Final = 1000
Action = Literal["pause", "resume", "start", "cancel", "retry", "remove", "move"]
SENSIBLE: Final[dict[Action, frozenset[Status]]] = {
    "pause": PAUSABLE,
    "resume": RESUMABLE,
    "start": STARTABLE,
    "cancel": frozenset(Status) - TERMINAL,
    "retry": frozenset({Status.FAILED, Status.CANCELLED}),
    "remove": TERMINAL,
    "move": WAITING | {Status.PAUSED},
}
"""Of which statuses a filter means tasks if it names none: those that the action does something to."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Which(Form):
    """Which tasks, instead of their ids. Without ``status``: those that the action does something to."""

    status: Annotated[list[Status], Field(max_length=len(Status))] | None = None
    host: Annotated[str, StringConstraints(max_length=300)] | None = None
    q: Annotated[str, StringConstraints(max_length=300)] | None = None


class Bulk(Form):
    """A command for many tasks: by their ids or by a filter."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"action": "pause", "ids": ["3f2a9c0d5b6e4f708192a3b4c5d6e7f8"]},
                {"action": "retry", "filter": {"status": ["failed"], "host": "example.org:443"}},
                {"action": "move", "ids": ["3f2a9c0d5b6e4f708192a3b4c5d6e7f8"], "top": True},
            ]
        }
    )

    action: Action
    ids: Annotated[list[Id], Field(max_length=MOST)] | None = None
    filter: Which | None = None
    files: bool = Field(default=False, description="With `remove`: delete the finished files too.")
    top: bool = Field(default=False, description="With `move`: the next to start, in this order.")
    priority: Priority | None = Field(default=None, description="With `move`.")
    queue: QueueName | None = Field(default=None, description="With `move`.")


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one task. ``status`` is what the same command for it alone would have been answered with."""

    id: str
    status: Annotated[int, Field(examples=[200])]
    changed: bool
    task: TaskDocument | None = None
    error: ErrorDocument | None = None


@dataclass(frozen=True, slots=True)
class BulkPage:
    """One result for each task, in order. ``more``: the filter fits further tasks; send it again."""

    results: list[BulkResult]
    more: bool = False


class All(Form):
    """A command for all tasks that it does something to."""

    action: Literal["pause", "resume", "start"]


@dataclass(frozen=True, slots=True)
class Changed:
    """How many tasks it did something to."""

    changed: int


@router.post("/v1/tasks/bulk", operation_id="commandTasks", responses=problems(413, 415, 422))
async def bulk(sent: Bulk, service: Context) -> BulkPage:
    """Command many tasks; each is answered for on its own."""
    if (sent.ids is None) == (sent.filter is None):
        raise UsageError("which tasks?", hint="send either ids or a filter", code="usage")
    ids = list(dict.fromkeys(sent.ids or ()))
    more = False
    if sent.filter is not None:
        ids, more = await _matching(service, sent.action, sent.filter)
    outcomes = await _carried_out(service, sent, ids)
    return BulkPage([_result(service, task_id, each) for task_id, each in zip(ids, outcomes, strict=True)], more)


async def _matching(service: Service, action: Action, which: Which) -> tuple[list[TaskId], bool]:
    statuses = SENSIBLE[action] if which.status is None else frozenset(which.status)
    ids: list[TaskId] = []
    after = None
    while len(ids) < MOST:
        query = Query(statuses=statuses, host=which.host, text=which.q or None, after=after, limit=PAGE)
        page = await service.runtime.tasks(query)
        ids += [task.id for task in page]
        if len(page) < PAGE:
            return ids, False
        after = page[-1].number
    return ids, True


async def _carried_out(service: Service, sent: Bulk, ids: Sequence[TaskId]) -> list[Outcome]:
    match sent.action:
        case "move":
            return await moved(service.runtime, ids, sent.priority, sent.queue, top=sent.top)
        case "remove":
            return await service.runtime.remove(ids, files=sent.files)
    return await COMMANDS[sent.action](service.runtime, ids)


def _result(service: Service, task_id: TaskId, outcome: Outcome) -> BulkResult:
    task = None if outcome.task is None else document_of(service.runtime, outcome.task)
    error = outcome.error
    if error is not None:
        return BulkResult(task_id, status_of(error), False, task, of_failure(error.failure()))
    return BulkResult(task_id, 200 if task is not None else 204, outcome.changed, task)


@router.post("/v1/tasks/all", operation_id="commandAllTasks", responses=problems(415, 422))
async def everything(sent: All, service: Context) -> Changed:
    """Pause, resume or start all tasks, however many there are."""
    verbs = {
        "pause": service.runtime.pause_all,
        "resume": service.runtime.resume_all,
        "start": service.runtime.start_all,
    }
    return Changed(await verbs[sent.action]())
