"""JSON answers with their tags: encoded once, and not sent to who has them already."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from argosy.core.document import TaskDocument, of_task
from argosy.core.types import Task
from argosy.runtime.manager import Runtime
from argosy.runtime.watch import AT_REST
from argosy.service.answering import precondition

JSON: Final = "application/json"
POLL_S: Final = 1
"""So often it is worth asking again how a task is getting on."""


_ADAPTERS: Final[dict[type, TypeAdapter[Any]]] = {}


def _adapter(document: object) -> TypeAdapter[Any]:
    kind = type(document)
    known = _ADAPTERS.get(kind)
    if known is None:
        known = _ADAPTERS[kind] = TypeAdapter(kind)
    return known


def encoded(document: Any) -> bytes:  # noqa: ANN401 - any of the documents
    """Return the document, a dataclass, as JSON."""
    return _adapter(document).dump_json(document)


def plain(document: Any, include: Any = None) -> Any:  # noqa: ANN401 - likewise
    """Return the document as what JSON is made of, or only the members that ``include`` names."""
    return _adapter(document).dump_python(document, mode="json", include=include)


def shown(
    request: Request,
    content: bytes,
    *,
    version: int | None = None,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer with its tag, or 304 to a GET of who has it."""
    tag = precondition.tag_of(content, version)
    given = {"ETag": tag, "Cache-Control": "no-cache", **(headers or {})}
    if request.method in ("GET", "HEAD") and precondition.has(request.headers.get("if-none-match"), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=given)
    return Response(content, status, given, JSON)


def document_of(runtime: Runtime, task: Task) -> TaskDocument:
    """Return the task with its live counters, if it runs here."""
    return of_task(task, runtime.live_progress(task.id))


def task_shown(
    request: Request,
    runtime: Runtime,
    task: Task,
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the task; who polls is told when to look again while it is not at rest."""
    given = dict(headers or {})
    if task.status not in AT_REST:
        given["Retry-After"] = str(POLL_S)
    return shown(request, encoded(document_of(runtime, task)), version=task.version, status=status, headers=given)
