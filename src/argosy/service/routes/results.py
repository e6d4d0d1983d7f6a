"""Finished files: at signed links that need no token, and with a token by the task's id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from argosy.core.document import iso_time
from argosy.core.types import TaskId
from argosy.errors import UnknownTask
from argosy.service.asking.route import Strict
from argosy.service.context import Context, Service
from argosy.service.description.schema import problems
from argosy.service.results.filebody import OPAQUE, answer
from argosy.service.results.link import check
from argosy.service.results.results import ResultGone

router = APIRouter(tags=["results"], route_class=Strict)
shared = APIRouter(tags=["results"])
"""For everybody who has a link, whatever the ways it went have hung on it."""
TaskPath = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["3f2a9c0d5b6e4f708192a3b4c5d6e7f8"])]
IndexPath = Annotated[int, Path(ge=0, lt=1_000_000, description="Which file of the task, from 0.")]
NamePath = Annotated[str, Path(max_length=1024, description="What the file is called; of no meaning here.")]
Expires = Annotated[str, Query(max_length=20, description="Epoch seconds.")]
Signature = Annotated[str, Query(max_length=100)]
BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file.", "content": {OPAQUE: {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "The range of it.", "content": {OPAQUE: {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "The file is as `If-None-Match` has it."},
}
CONTENT: Final[dict[str, Any]] = {
    "response_class": Response,
    "responses": BYTES | problems(403, 404, 409, 410, 412, 416, 422),
}


@dataclass(frozen=True, slots=True)
class FileLink:
    """A link to one file: whoever has it can get that file until ``expires_at``."""

    url: Annotated[str, Field(examples=["http://127.0.0.1:8970/v1/results/…"])]
    expires_at: Annotated[str, Field(examples=["2026-11-24T12:00:00.000Z"])]


@shared.head("/v1/results/{task_id}/{index}/{name}", include_in_schema=False)
@shared.get("/v1/results/{task_id}/{index}/{name}", operation_id="getResult", **CONTENT)
async def signed(
    task_id: TaskPath,
    index: IndexPath,
    name: NamePath,  # noqa: ARG001 - for people, and for programs that name a file by its address
    request: Request,
    service: Context,
    expires: Expires = "",
    signature: Signature = "",
) -> Response:
    """Return a finished file, or a range of it, to whoever has a link that is still good."""
    check(service.downloads.key, task_id, index, expires, signature, service.clock.epoch())
    try:
        return await _content(task_id, index, request, service)
    except UnknownTask as error:
        raise ResultGone("the file is not there any more", hint="its task was removed") from error


@router.head("/v1/tasks/{task_id}/files/{index}/content", include_in_schema=False)
@router.get("/v1/tasks/{task_id}/files/{index}/content", operation_id="getFileContent", **CONTENT)
async def content(task_id: TaskPath, index: IndexPath, request: Request, service: Context) -> Response:
    """Return a finished file, or a range of it."""
    return await _content(task_id, index, request, service)


async def _content(task_id: TaskId, index: int, request: Request, service: Service) -> Response:
    results = service.downloads.results
    return answer(results, await results.open(task_id, index), request)


@router.post("/v1/tasks/{task_id}/files/{index}/link", operation_id="makeFileLink", responses=problems(404, 409, 422))
async def link(task_id: TaskPath, index: IndexPath, request: Request, service: Context) -> FileLink:
    """Make a link to a finished file, for who has no token."""
    downloads = service.downloads
    _, file = await downloads.results.finished(task_id, index)
    links = downloads.links(request)
    return FileLink(links(file), iso_time(links.expires_at))
