"""``/v1/download``: jobs, in the words of the download contract."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Header, Path, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr, model_validator

from argosy.core.types import TaskId
from argosy.runtime.message import Outcome
from argosy.service.answering.problem import problem
from argosy.service.asking.route import Direct, Strict
from argosy.service.context import Context, Service, asking, serving
from argosy.service.description.schema import problems
from argosy.service.jobs.contract import ENDED, JobDocument, JobResult, Started, state_of
from argosy.service.jobs.downloads import LOOK_AGAIN_S
from argosy.service.jobs.initiation import Order
from argosy.service.jobs.view import encoded
from argosy.sources.catalogue import UnknownFiles

router = APIRouter(tags=["jobs"], route_class=Strict)
MOST_FILES: Final = 10_000
LONGEST_ID: Final = 512
LONGEST_URL: Final = 8192
LONGEST_CALLBACK: Final = 2048
SHOWN_ERRORS: Final = 100
MEDIA_TYPE: Final = "application/json"


def _told(url: str) -> str:
    """Return a URL that can be told something."""
    try:
        parts = urlsplit(url)
        told = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        told = False
    if not told or any(letter <= " " for letter in url):
        raise ValueError("an http or https URL is needed")
    return url


FileId = (
    Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
    | Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_ID)]
)
Url = Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_URL)]
Callback = Annotated[StrictStr, Field(max_length=LONGEST_CALLBACK), AfterValidator(_told)]
JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", examples=["3f2a9c0d5b6e4f708192a3b4c5d6e7f8"])]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]
IfNoneMatch = Annotated[str | None, Header(max_length=1024)]


class Initiate(BaseModel):
    """What to download: files of the catalogue by their ids, files by their URLs, or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"file_ids": [70000, 70001], "callback_url": "https://client.example/webhook"}]
        },
    )

    file_ids: Annotated[list[FileId], Field(max_length=MOST_FILES)] = []
    urls: Annotated[list[Url], Field(max_length=MOST_FILES)] = []
    callback_url: Callback | None = None
    """Is told once the job has ended, as a signed webhook."""

    @model_validator(mode="after")
    def _something(self) -> Initiate:
        if not 0 < len(self.file_ids) + len(self.urls) <= MOST_FILES:
            raise ValueError(f"1 to {MOST_FILES} files, in file_ids or urls")
        return self


initiating = APIRouter(tags=["jobs"], route_class=Direct)


@initiating.post(
    "/v1/download/initiate",
    operation_id="initiateJob",
    status_code=202,
    response_model=Started,
    responses=problems(409, 413, 415, 422, 507),
)
async def initiate(asked: Initiate, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
    """Begin a job. It is durable once this answers, which waits for no server that files come from."""
    service, asker = serving(request), asking(request)
    downloads = service.downloads
    order = Order(asked.file_ids, asked.urls, asked.callback_url)
    try:
        begun = await downloads.initiation.begin(order, asker, idempotency_key)
    except UnknownFiles as error:
        return _unknown(error, asked.file_ids, request)
    started = {
        "job_id": begun.job_id,
        "status": "queued" if begun.task is None else state_of(begun.task),
        "total_files": begun.total_files,
        "websocket_url": downloads.socket_url(request, begun.job_id),
    }
    headers = {"Location": f"/v1/download/status/{begun.job_id}"}
    if begun.task is not None:
        headers["Idempotency-Replayed"] = "true"
    return Response(encoded(started), 202, headers, MEDIA_TYPE)


def _unknown(error: UnknownFiles, ids: Sequence[int | str], request: Request) -> Response:
    unknown = {str(each) for each in error.unknown}
    errors = [
        {"pointer": f"/file_ids/{index}", "detail": "the catalogue has no such file"}
        for index, each in enumerate(ids)
        if str(each) in unknown
    ]
    return problem(422, error.failure(), instance=request.url.path, errors=errors[:SHOWN_ERRORS])


@router.get(
    "/v1/download/status/{job_id}",
    operation_id="getJob",
    response_model=JobDocument,
    responses={304: {"description": "It is as `If-None-Match` has it."}, **problems(404, 422)},
)
async def status(job_id: JobId, request: Request, service: Context, if_none_match: IfNoneMatch = None) -> Response:
    """Return the job as it is. Poll this where nothing better gets through; ``Retry-After`` says when it is worth it."""
    return await _status(job_id, request, service, if_none_match)


async def _status(job_id: TaskId, request: Request, service: Service, if_none_match: str | None = None) -> Response:
    downloads = service.downloads
    document = await downloads.document(job_id, downloads.links(request))
    body = encoded(document).encode()
    etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if document["status"] not in ENDED:
        headers["Retry-After"] = str(math.ceil(LOOK_AGAIN_S))
    if if_none_match is not None and etag in if_none_match:
        return Response(None, 304, headers)
    return Response(body, 200, headers, MEDIA_TYPE)


@router.get(
    "/v1/download/result/{job_id}",
    operation_id="getJobResult",
    response_model=JobResult,
    responses=problems(404, 409, 422),
)
async def result(job_id: JobId, request: Request, service: Context) -> Response:
    """Return links to what came, once the job has ended: whoever has one can get that file until ``expires_at``."""
    downloads = service.downloads
    document = await downloads.result(job_id, downloads.links(request))
    return Response(encoded(document), 200, {"Cache-Control": "private, no-store"}, MEDIA_TYPE)


Verb = Callable[[Sequence[TaskId]], Awaitable[list[Outcome]]]
CHANGED: Final[dict[str, Any]] = {"response_model": JobDocument, "responses": problems(404, 409, 422)}


@router.post("/v1/download/{job_id}/cancel", operation_id="cancelJob", **CHANGED)
async def cancel(job_id: JobId, request: Request, service: Context) -> Response:
    """Give the job up; what has come whole stays. Of one that is being worked at, the status changes in a moment."""
    return await _changed(service.runtime.cancel, job_id, request, service)


@router.post("/v1/download/{job_id}/pause", operation_id="pauseJob", **CHANGED)
async def pause(job_id: JobId, request: Request, service: Context) -> Response:
    """Let the job rest with what it has. Of one that is being worked at, the status changes in a moment."""
    return await _changed(service.runtime.pause, job_id, request, service)


@router.post("/v1/download/{job_id}/resume", operation_id="resumeJob", **CHANGED)
async def resume(job_id: JobId, request: Request, service: Context) -> Response:
    """Let a paused job go on, or one that failed try again for what is missing."""
    return await _changed(service.runtime.resume, job_id, request, service)


async def _changed(verb: Verb, job_id: TaskId, request: Request, service: Service) -> Response:
    (outcome,) = await verb([job_id])
    outcome.require()
    return await _status(job_id, request, service)
