"""``/v1/log``: what has happened, page by page. ``/v1/events``: what happens, as server-sent events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from argosy.core.document import EventDocument, of_event
from argosy.core.types import Status, TaskId
from argosy.errors import UsageError
from argosy.service.asking.route import Strict
from argosy.service.context import Context, Service
from argosy.service.description.schema import problems
from argosy.service.live.filter import EventName, Filter
from argosy.service.live.frame import TASKS, Id, Seq
from argosy.service.live.stream import MEDIA_TYPE, Asked, EventStream

router = APIRouter(tags=["events"], route_class=Strict)
STREAMED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events as they happen; /asyncapi.json has their shapes.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}
Ids = Annotated[list[Id] | None, Query(max_length=TASKS, description="Only events of these tasks.")]
OneTask = Annotated[Id | None, Query(description="Only events of this task.")]
Types = Annotated[list[EventName] | None, Query(max_length=4, description="Only events of these names.")]
Statuses = Annotated[
    list[Status] | None, Query(max_length=len(Status), description="Only status changes from or to one of these.")
]
Host = Annotated[str | None, Query(max_length=300, description="Only events of tasks that talk to this `host:port`.")]
Text = Annotated[str | None, Query(max_length=300, description="Only events of tasks with this in source or name.")]
After = Annotated[Seq | None, Query(description="Go on after this event; `Last-Event-ID` goes before it.")]
Limit = Annotated[int, Query(ge=1, le=TASKS, description="Tasks of the snapshot, or events of the page, at most.")]
WithSnapshot = Annotated[
    bool, Query(alias="snapshot", description="Begin with the tasks as they are, unless resuming.")
]
Accept = Annotated[str, Header()]
LastEventId = Annotated[str | None, Header(max_length=32)]


@dataclass(frozen=True, slots=True)
class EventPage:
    """Logged events in order. ``seq``: what to give as ``after`` for those that follow; ``more``: there are some already."""

    events: list[EventDocument]
    seq: Annotated[int, Field(examples=[4711])]
    more: bool


@router.get("/v1/log", operation_id="getLog")
async def log(service: Context, task_id: OneTask = None, after: After = None, limit: Limit = 500) -> EventPage:
    """Return a page of the log: what has happened to all tasks, or to one, also to those that were removed since."""
    return await _page(service, task_id, after, limit)


@router.get("/v1/events", operation_id="streamEvents", status_code=200, response_class=EventStream, responses=STREAMED)
async def events(
    service: Context,
    task: Ids = None,
    types: Types = None,
    status: Statuses = None,
    host: Host = None,
    text: Text = None,
    after: After = None,
    limit: Limit = 500,
    snapshot: WithSnapshot = True,  # noqa: FBT002 - a query parameter
    last_event_id: LastEventId = None,
) -> Response:
    """Stream what happens: a `snapshot` first, then events under their names with the log's number as `id`.

    Reconnecting with `Last-Event-ID` goes on where it broke off; where the log no longer reaches back, `reset` and a fresh
    `snapshot` come. `closing` says that the service stops.
    """
    wanted = Filter(_set(task), _set(status), host, text or None, _set(types))
    return _stream(service, Asked(wanted, _cursor(last_event_id, after), snapshot, limit))


@router.get(
    "/v1/tasks/{task_id}/events",
    operation_id="getTaskEvents",
    response_model=EventPage,
    responses=STREAMED | problems(404, 422),
)
async def events_of_task(
    service: Context,
    task_id: TaskId,
    types: Types = None,
    after: After = None,
    limit: Limit = 500,
    snapshot: WithSnapshot = True,  # noqa: FBT002 - a query parameter
    accept: Accept = "*/*",
    last_event_id: LastEventId = None,
) -> Response | EventPage:
    """Return what the log has of the task, also of one that was removed; or with `Accept: text/event-stream`, stream it."""
    if MEDIA_TYPE in accept:
        await service.runtime.task(task_id)
        wanted = Filter(frozenset((task_id,)), types=_set(types))
        return _stream(service, Asked(wanted, _cursor(last_event_id, after), snapshot, limit))
    page = await _page(service, task_id, after, limit)
    if not page.events:
        await service.runtime.task(task_id)
    return page


async def _page(service: Service, task_id: TaskId | None, after: int | None, limit: int) -> EventPage:
    found = await service.runtime.events(after=after or 0, limit=limit + 1, task_id=task_id)
    shown = [of_event(event) for event in found[:limit]]
    return EventPage(shown, found[len(shown) - 1].seq if shown else after or 0, len(found) > limit)


def _stream(service: Service, asked: Asked) -> Response:
    service.live.check_room()
    return EventStream(service.live, asked, service.clock.steady)


def _cursor(last_event_id: str | None, after: int | None) -> int | None:
    if not last_event_id:
        return after
    if not last_event_id.isascii() or not last_event_id.isdecimal() or len(last_event_id) > 18:
        raise UsageError("Last-Event-ID is none of ours", hint="send the last id that came, or none", code="bad_cursor")
    return int(last_event_id)


def _set(values: list[Any] | None) -> frozenset[Any] | None:
    return frozenset(values) if values else None
