"""``/v1/tasks/{task_id}/…``: all about one task: its files, what of them is there, why it waits, whether it is still whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter
from fastapi import Query as Parameter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from argosy.core.document import FileDocument, ReasonDocument, of_file, of_reason
from argosy.core.types import FileState, Task, TaskId
from argosy.errors import UsageError
from argosy.runtime.repair import VerifyReport
from argosy.service.answering import piecemap
from argosy.service.answering.answer import encoded, shown
from argosy.service.asking.form import Form
from argosy.service.asking.route import Strict
from argosy.service.context import Context
from argosy.service.description.schema import problems
from argosy.value import dataclass

router = APIRouter(tags=["tasks"], route_class=Strict)
MOST: Final = 1000
MOST_CELLS: Final = 4000
PageSize = Annotated[int, Parameter(ge=1, le=MOST)]
PageToken = Annotated[str | None, Parameter(max_length=20, description="`next_page_token` of the page before.")]


@dataclass(frozen=True, slots=True)
class FilePage:
    """Files of a task, by index. Their paths are below ``directory``."""

    task_id: str
    directory: str
    files: list[FileDocument]
    total: int
    next_page_token: str | None = None


@dataclass(frozen=True, slots=True)
class Segments:
    """What of a file is durably on disk: the half-open byte ranges, or how many percent of each of so many equal parts."""

    index: int
    name: str | None
    size: int | None
    received: int
    extents: list[tuple[int, int]] | None = None
    cells: Annotated[list[int] | None, Field(examples=[[100, 100, 37, 0]])] = None


@dataclass(frozen=True, slots=True)
class SegmentPage:
    """The piece maps of a task's files, by index."""

    task_id: str
    files: list[Segments]
    next_page_token: str | None = None


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """A file that was read back. ``damaged``: the half-open byte ranges that are not what was downloaded."""

    path: str
    ok: bool
    checked_by: Annotated[str, Field(examples=["sha256"])]
    damaged: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether a task's files are what was downloaded; ``repaired``: what was not has been fetched again."""

    id: str
    ok: bool
    files: list[VerifiedFile]
    repaired: bool = False


class Verify(Form):
    """``repair``: fetch what is damaged, and nothing else."""

    repair: bool = False


@router.get(
    "/v1/tasks/{task_id}/files", operation_id="listFiles", response_model=FilePage, responses=problems(404, 422)
)
async def files(
    task_id: TaskId, request: Request, service: Context, page_size: PageSize = MOST, page_token: PageToken = None
) -> Response:
    """Return the task's files, page by page; none while its source has not said yet which there are."""
    task = await service.runtime.task(task_id)
    found = await service.runtime.files(task_id)
    page, token = _page(found, page_size, page_token)
    documents = [of_file(file, task.spec.directory) for file in page]
    return shown(request, encoded(FilePage(task.id, task.spec.directory, documents, len(found), token)))


@router.get(
    "/v1/tasks/{task_id}/segments",
    operation_id="listSegments",
    response_model=SegmentPage,
    responses=problems(404, 422),
)
async def segments(
    task_id: TaskId,
    request: Request,
    service: Context,
    cells: Annotated[
        int | None,
        Parameter(ge=1, le=MOST_CELLS, description="So many equal parts of each file instead of byte ranges."),
    ] = None,
    file: Annotated[int | None, Parameter(ge=0, le=2**31, description="Only the file of this index.")] = None,
    page_size: PageSize = 100,
    page_token: PageToken = None,
) -> Response:
    """Return what of each file is durably on disk, as of the last checkpoint: the piece map."""
    task = await service.runtime.task(task_id)
    found = [each for each in await service.runtime.files(task_id) if file is None or each.index == file]
    page, token = _page(found, page_size, page_token)
    return shown(request, encoded(SegmentPage(task.id, [_segments(task, each, cells) for each in page], token)))


def _segments(task: Task, file: FileState, cells: int | None) -> Segments:
    extents: Sequence[tuple[int, int]] = file.extents
    if file.finished and file.size:
        extents = ((0, file.size),)
    received = max(file.received, sum(end - start for start, end in extents))
    if cells is None:
        return Segments(file.index, file.path, file.size, received, extents=list(extents))
    return Segments(
        file.index, file.path, file.size, received, cells=piecemap.cells(extents, file.size or task.total or 0, cells)
    )


def _page(found: Sequence[FileState], size: int, token: str | None) -> tuple[Sequence[FileState], str | None]:
    """Return a page by index; the token is the first index that is not in it."""
    if token is not None and not (token.isascii() and token.isdecimal() and len(token) <= 10):
        raise UsageError(
            "page_token is not one that this list gave", hint="send next_page_token as it came", code="page_token"
        )
    start = int(token or 0)
    behind = [each for each in found if each.index >= start]
    return behind[:size], str(behind[size].index) if len(behind) > size else None


@router.get("/v1/tasks/{task_id}/explain", operation_id="explainTask", responses=problems(404))
async def explain(task_id: TaskId, service: Context) -> ReasonDocument:
    """Say why the task is not moving, or how it moves."""
    return of_reason(await service.runtime.why(task_id))


@router.post("/v1/tasks/{task_id}/verify", operation_id="verifyTask", responses=problems(404, 409, 422, 502, 507))
async def verify(task_id: TaskId, service: Context, sent: Verify | None = None) -> Verified:
    """Read the finished files back and say whether they are what was downloaded; answered when that is done, which for
    large files takes its time.
    """
    return _verified(await service.runtime.verify(task_id, repair=sent is not None and sent.repair))


def _verified(report: VerifyReport) -> Verified:
    found = [VerifiedFile(file.path, file.ok, file.checked_by, list(file.damaged)) for file in report.files]
    return Verified(report.task_id, report.ok, found, report.repaired)
