"""``/v1/tasks``: what there is, and more of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, fields, replace
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Header
from fastapi import Query as Parameter
from pydantic import Discriminator, Field, Tag
from starlette.requests import Request
from starlette.responses import Response

from argosy.core.document import ErrorDocument, TaskDocument, of_failure
from argosy.core.types import ACTIVE, Status
from argosy.errors import ArgosyError, UsageError
from argosy.runtime.turn import in_turns
from argosy.runtime.watch import AT_REST
from argosy.service.answering.answer import POLL_S, document_of, encoded, plain, shown, task_shown
from argosy.service.answering.problem import status_of
from argosy.service.asking import idempotency, many, paging, preference
from argosy.service.asking.form import Moment, NewTask, NewTasks
from argosy.service.asking.route import Strict
from argosy.service.context import Asker, Context, Service
from argosy.service.description.schema import problems
from argosy.service.security.principal import Principal
from argosy.service.tasks.awaiting import rested
from argosy.service.tasks.creation import Created, create
from argosy.store.port import Query
from argosy.value import dataclass

router = APIRouter(tags=["tasks"], route_class=Strict)
MOST: Final = 1000
MOVED: Final = 1000
"""Events that are looked at for one answer to ``updated_after_seq``."""
MEMBERS: Final = tuple(each.name for each in fields(TaskDocument))

Statuses = Annotated[
    list[str] | None,
    Parameter(
        alias="status", max_length=64, description="Only tasks of these statuses: repeated, or separated by commas."
    ),
]
Host = Annotated[str | None, Parameter(max_length=300, description="Only tasks that talk to this `host:port`.")]
Text = Annotated[
    str | None, Parameter(alias="q", max_length=300, description="Only tasks with this in source or name.")
]
PageSize = Annotated[int, Parameter(ge=1, le=MOST)]
PageToken = Annotated[
    str | None, Parameter(max_length=paging.LONGEST_TOKEN, description="`next_page_token` of the page before.")
]
Number = Annotated[int | None, Parameter(ge=0, le=paging.LARGEST)]
Key = Annotated[
    str | None,
    Header(
        description="The same key with the same content is the same task, for 24 hours; with another content it is refused."
    ),
]
Prefer = Annotated[
    str | None, Header(description="`wait=N`: answer once the task is at rest, or after N (at most 60) seconds.")
]


@dataclass(frozen=True, slots=True)
class CreatedDocument:
    """What became of one task of many that were to be made. ``joined``: it was there already."""

    status: Annotated[int, Field(examples=[202])]
    joined: bool = False
    task: TaskDocument | None = None
    error: ErrorDocument | None = None


@dataclass(frozen=True, slots=True)
class CreatedPage:
    """One result for each task that was sent, in order."""

    tasks: list[CreatedDocument]


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Tasks in the order that was asked for. ``seq``: the newest event they know of, to go on from with
    ``updated_after_seq``, ``/v1/events`` or ``/ws``.

    With ``updated_after_seq``: ``removed`` are the ids of tasks that went; ``more``: ask again at once with ``seq``;
    ``reset``: the log does not reach back so far, list everything anew.
    """

    tasks: list[TaskDocument]
    seq: Annotated[int, Field(examples=[4711])]
    next_page_token: str | None = None
    counts: dict[str, int] | None = None
    removed: list[str] = field(default_factory=list)
    more: bool = False
    reset: bool = False


def _kind(sent: Any) -> str:  # noqa: ANN401 - JSON
    many = "tasks" in sent if isinstance(sent, dict) else isinstance(sent, NewTasks)
    return "(many)" if many else "(one)"


Sent = Annotated[
    Annotated[NewTask, Tag("(one)")] | Annotated[NewTasks, Tag("(many)")],
    Discriminator(_kind),
    Body(),
]


@router.post(
    "/v1/tasks",
    operation_id="createTask",
    status_code=202,
    response_model=TaskDocument | CreatedPage,
    responses={
        200: {"model": TaskDocument | CreatedPage, "description": "The task was there already, or has come to rest while "
              "the client waited for it."},
        **problems(409, 410, 413, 415, 422, 507),
    },
)  # fmt: skip
async def create_task(
    sent: Sent, request: Request, service: Context, asker: Asker, idempotency_key: Key = None, prefer: Prefer = None
) -> Response:
    """Make a task, or many at once; they are durable once this answers.

    An unfinished task of the same source, folder and name is joined instead (200); so is a failed one, which is then tried
    again. Of many, each is answered for on its own: one that makes no sense keeps no other out.
    """
    if isinstance(sent, NewTasks):
        return await _create_many(sent, request, service, asker, idempotency_key)
    claim = None
    if idempotency_key is not None:
        content = sent.model_dump_json(exclude_unset=True).encode()
        claim = await idempotency.claim(service.runtime.store, service.clock.epoch(), asker, idempotency_key, content)
    (result,) = await create(service, asker, [sent], claim)
    if isinstance(result, ArgosyError):
        raise result
    return await _answered(request, service, result, preference.wait_s(prefer))


async def _create_many(
    sent: NewTasks, request: Request, service: Service, asker: Principal, key: str | None
) -> Response:
    tasks = await many.understood(sent.tasks)
    claim = None
    if key is not None:
        content = await many.written(tasks)
        claim = await idempotency.claim(service.runtime.store, service.clock.epoch(), asker, key, content)
    documents: list[bytes] = []
    async for some in in_turns(await create(service, asker, tasks, claim), many.TOGETHER):
        documents += [encoded(_document(service, each)) for each in some]
    page = b'{"tasks":[' + b",".join(documents) + b"]}"  # a CreatedPage
    return shown(request, page, status=HTTPStatus.ACCEPTED, headers={"Retry-After": str(POLL_S)})


async def _answered(request: Request, service: Service, created: Created, wait_s: int | None) -> Response:
    headers = {"Location": f"/v1/tasks/{created.task.id}"}
    task = created.task
    if wait_s is not None:
        headers["Preference-Applied"] = f"wait={wait_s}"
        task = await rested(service, task.id, wait_s)
    ended = wait_s is not None and task.status in AT_REST
    return task_shown(request, service.runtime, task, status=200 if ended or created.joined else 202, headers=headers)


def _document(service: Service, result: Created | ArgosyError) -> CreatedDocument:
    if isinstance(result, ArgosyError):
        return CreatedDocument(status_of(result), error=of_failure(result.failure()))
    return CreatedDocument(200 if result.joined else 202, result.joined, document_of(service.runtime, result.task))


@router.get("/v1/tasks", operation_id="listTasks", response_model=TaskPage, responses=problems(422))
async def list_tasks(
    request: Request,
    service: Context,
    status: Statuses = None,
    host: Host = None,
    text: Text = None,
    created_after: Moment | None = None,
    created_before: Moment | None = None,
    finished_after: Moment | None = None,
    finished_before: Moment | None = None,
    order_by: Annotated[str, Parameter(description=f"One of {', '.join(paging.CHOICES)}.", max_length=40)] = "-number",
    after: Annotated[
        Number, Parameter(description="Only behind the task of this number, where that is the order.")
    ] = None,
    page_size: PageSize = 100,
    page_token: PageToken = None,
    members: Annotated[
        str | None,
        Parameter(alias="fields", max_length=1000, description="Only these members of each task, by commas."),
    ] = None,
    counts: Annotated[bool, Parameter(description="Tell too how many tasks there are of each status.")] = False,  # noqa: FBT002 - a query parameter
    updated_after_seq: Annotated[
        Number,
        Parameter(description="Instead of a list: what has changed since, and what runs. Goes with no filter."),
    ] = None,
) -> Response:
    """List tasks, page by page; by default the newest first. A page stays right while tasks are added.

    To poll, send the `ETag` as `If-None-Match`, or ask with `updated_after_seq` for what has changed only.
    """
    wanted = _members(members)
    if updated_after_seq is not None:
        if any((status, host, text, page_token)):
            raise UsageError("updated_after_seq goes with no filter", hint="filter what comes", code="usage")
        return _page_shown(request, await _changes(service, updated_after_seq), wanted)
    order = paging.parse_order(order_by)
    place = paging.parse_token(page_token, order) if page_token else None
    if after is not None and (order.by != "number" or place is not None):
        raise UsageError(
            "after goes with the order of numbers, and with no page_token", hint="leave one out", code="usage"
        )
    query = Query(
        statuses=parse_statuses(status), host=host, text=text or None, newest_first=order.descending, by=order.by,
        after=after if place is None else place.number, after_value=None if place is None else place.value,
        limit=page_size + 1, created=(_epoch(created_after), _epoch(created_before)),
        finished=(_epoch(finished_after), _epoch(finished_before)),
    )  # fmt: skip
    page = await page_of(service, query, order)
    if counts:
        page = replace(page, counts=_counts(await service.runtime.counts()))
    return _page_shown(request, page, wanted)


async def page_of(service: Service, query: Query, order: paging.Order) -> TaskPage:
    """Return the page; the limit of ``query`` is one more than is shown."""
    seq = await service.runtime.store.last_seq()  # before: what comes meanwhile is told again rather than not at all
    found = await service.runtime.tasks(query)
    tasks = found[: query.limit - 1]
    token = paging.token_after(tasks[-1], order) if len(found) > len(tasks) else None
    return TaskPage([document_of(service.runtime, task) for task in tasks], seq, token)


async def _changes(service: Service, after: int) -> TaskPage:
    """Return what has changed since, and what runs: counters go on without an event."""
    runtime = service.runtime
    oldest, last = await runtime.events(limit=1), await runtime.store.last_seq()
    if after > last or (after and oldest and oldest[0].seq > after + 1):
        return TaskPage([], last, reset=True)
    events = await runtime.events(after=after, limit=MOVED)
    ids = {each.event.task_id: None for each in events if each.event.task_id is not None}
    tasks = dict(await runtime.store.get(list(ids)))
    removed = [task_id for task_id in ids if task_id not in tasks]
    more = len(events) == MOVED
    if not more:
        tasks |= {task.id: task for task in await runtime.tasks(Query(statuses=ACTIVE, limit=MOST))}
    documents = [document_of(service.runtime, task) for task in sorted(tasks.values(), key=lambda task: task.number)]
    return TaskPage(documents, events[-1].seq if events else after, removed=removed, more=more)


def _page_shown(request: Request, page: TaskPage, wanted: Sequence[str] | None) -> Response:
    headers = {}
    if page.next_page_token is not None:
        url = request.url.include_query_params(page_token=page.next_page_token)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    if any(task.status in ACTIVE for task in page.tasks):
        headers["Retry-After"] = str(POLL_S)
    if wanted is None:
        return shown(request, encoded(page), headers=headers)
    content = plain(
        page, {**dict.fromkeys((each.name for each in fields(page)), True), "tasks": {"__all__": set(wanted)}}
    )
    return shown(request, encoded(content), headers=headers)


def parse_statuses(given: Sequence[str] | None) -> frozenset[Status] | None:
    """Return the statuses. Raises UsageError for one there is not."""
    words = [word.strip() for each in given or () for word in each.split(",") if word.strip()]
    try:
        return frozenset(map(Status, words)) if words else None
    except ValueError:
        raise UsageError(
            "there is no such status", hint=f"one of {', '.join(each.value for each in Status)}", code="status"
        ) from None


def _members(text: str | None) -> Sequence[str] | None:
    if not text:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not set(names) <= set(MEMBERS):
        raise UsageError("a task has no such member", hint=f"fields is of {', '.join(MEMBERS)}", code="fields")
    return names


def _counts(counts: Mapping[Status, int]) -> dict[str, int]:
    return {status.value: count for status, count in counts.items()}


def _epoch(moment: Moment | None) -> float | None:
    return None if moment is None else moment.timestamp()


@dataclass(frozen=True, slots=True)
class Resolved:
    """The one task whose id begins like that."""

    id: Annotated[str, Field(examples=["3f2a9c0d5b6e4f708192a3b4c5d6e7f8"])]


@router.get("/v1/tasks/resolve", operation_id="resolveTask", responses=problems(404, 409, 422))
async def resolve(service: Context, prefix: Annotated[str, Parameter(min_length=1, max_length=32)]) -> Resolved:
    """Return the whole id of the task whose id begins with `prefix`."""
    return Resolved(await service.runtime.resolve(prefix))
