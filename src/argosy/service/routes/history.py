"""``/v1/history``: what has ended, and how long that is remembered."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter
from fastapi import Query as Parameter
from starlette.requests import Request
from starlette.responses import Response

from argosy.core.types import TERMINAL, Status
from argosy.errors import UsageError
from argosy.service.answering.answer import encoded, shown
from argosy.service.asking import paging
from argosy.service.asking.form import Moment
from argosy.service.asking.route import Strict
from argosy.service.context import Context
from argosy.service.description.schema import problems
from argosy.service.routes.tasks import (
    Host,
    PageSize,
    PageToken,
    Statuses,
    TaskPage,
    Text,
    page_of,
    parse_statuses,
)
from argosy.store.port import Query
from argosy.value import dataclass

router = APIRouter(tags=["history"], route_class=Strict)
NEWEST: Final = "-finished_at"


@dataclass(frozen=True, slots=True)
class Purged:
    """How many tasks were taken off the list."""

    removed: int


@router.get("/v1/history", operation_id="listHistory", response_model=TaskPage, responses=problems(422))
async def get(
    request: Request,
    service: Context,
    status: Statuses = None,
    host: Host = None,
    text: Text = None,
    finished_after: Moment | None = None,
    finished_before: Moment | None = None,
    page_size: PageSize = 100,
    page_token: PageToken = None,
) -> Response:
    """List the tasks that have ended, the latest first."""
    order = paging.parse_order(NEWEST)
    place = paging.parse_token(page_token, order) if page_token else None
    span = tuple(None if moment is None else moment.timestamp() for moment in (finished_after, finished_before))
    query = Query(
        statuses=_ended(parse_statuses(status)), host=host, text=text or None, by=order.by, newest_first=order.descending,
        after=None if place is None else place.number, after_value=None if place is None else place.value,
        finished=(span[0], span[1]), limit=page_size + 1,
    )  # fmt: skip
    page = await page_of(service, query, order)
    headers = {}
    if page.next_page_token is not None:
        url = request.url.include_query_params(page_token=page.next_page_token)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return shown(request, encoded(page), headers=headers)


@router.delete("/v1/history", operation_id="purgeHistory", responses=problems(422))
async def purge(
    service: Context,
    before: Annotated[Moment, Parameter(description="Only tasks that ended before then.")],
    status: Statuses = None,
) -> Purged:
    """Forget tasks that have ended, and that part of the log. Finished files stay."""
    return Purged(await service.runtime.purge(before.timestamp(), _ended(parse_statuses(status))))


def _ended(statuses: frozenset[Status] | None) -> frozenset[Status]:
    if statuses is None:
        return TERMINAL
    if not statuses <= TERMINAL:
        hint = f"one of {', '.join(sorted(status.value for status in TERMINAL))}"
        raise UsageError("only tasks that have ended are history", hint=hint, code="status")
    return statuses
