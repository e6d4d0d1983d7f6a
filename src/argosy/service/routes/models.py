"""``/v1/models``: what must be here, and whether it is."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path
from fastapi import Query as Parameter
from starlette.requests import Request
from starlette.responses import Response

from argosy.core.document import ModelDocument, of_model
from argosy.core.model import ModelStatus, Presence
from argosy.service.answering.answer import POLL_S, encoded, shown
from argosy.service.asking import preference
from argosy.service.asking.form import Ensured
from argosy.service.asking.route import Strict
from argosy.service.context import Asker, Context, Service
from argosy.service.description.schema import problems
from argosy.service.routes.tasks import Prefer
from argosy.service.tasks import ensuring
from argosy.value import dataclass

router = APIRouter(tags=["models"], route_class=Strict)
ModelId = Annotated[
    str,
    Path(
        max_length=2000, examples=["hf:org/name"],
        description="A model of the catalogue, or what a source names such as `hf:org/name@revision`; slashes are part of it.",
    ),
]  # fmt: skip
STARTED: Final = {
    200: {"model": ModelDocument, "description": "It is here, or it has come to rest while the client waited for it."},
    **problems(404, 415, 422, 500, 507),
}


@dataclass(frozen=True, slots=True)
class ModelPage:
    """Models of the catalogue in the order in which they are fetched: essential ones first, then by priority."""

    models: list[ModelDocument]


@router.get("/v1/models", operation_id="listModels", response_model=ModelPage, responses=problems(404, 422, 500))
async def list_models(
    request: Request, service: Context, asker: Asker,
    only: Annotated[
        str | None,
        Parameter(alias="id", min_length=1, max_length=2000, description="Only this one, be it in the catalogue or not."),
    ] = None,
) -> Response:  # fmt: skip
    """Return where each model of the catalogue stands. No server is asked."""
    if only is not None:
        found = [await ensuring.looked(service, asker, Ensured(id=only))]
    else:
        found = await service.runtime.models()
    return shown(request, encoded(ModelPage([_document(service, each) for each in found])), headers=_again(*found))


@router.post(
    "/v1/models", operation_id="ensure", status_code=202, response_model=ModelDocument, responses=STARTED
)  # fmt: skip
async def ensure(sent: Ensured, request: Request, service: Context, asker: Asker, prefer: Prefer = None) -> Response:
    """Say where something is, and have it brought if it is not here. What is under way is joined; what nobody brings is begun,
    ahead of the backlog. It takes whatever a task can be made of.
    """
    return await _ensured(sent, request, service, asker, prefer)


@router.get(
    "/v1/models/{model_id:path}", operation_id="getModel", response_model=ModelDocument, responses=problems(404, 422, 500)
)  # fmt: skip
async def get(model_id: ModelId, request: Request, service: Context, asker: Asker) -> Response:
    """Say whether a model is here, and where; or how far the task that is to bring it has got. No server is asked."""
    return _shown(request, service, await ensuring.looked(service, asker, Ensured(id=model_id)))


@router.post(
    "/v1/models/{model_id:path}", operation_id="ensureModel", status_code=202, response_model=ModelDocument,
    responses=STARTED,
)  # fmt: skip
async def ensure_model(
    model_id: ModelId, request: Request, service: Context, asker: Asker, prefer: Prefer = None
) -> Response:
    """Do the same, and have it brought if it is not here: what is under way is joined, else it is begun ahead of the
    backlog.
    """
    return await _ensured(Ensured(id=model_id), request, service, asker, prefer)


async def _ensured(sent: Ensured, request: Request, service: Service, asker: Asker, prefer: str | None) -> Response:
    status = await ensuring.begun(service, asker, sent)
    wait_s = preference.wait_s(prefer)
    headers = {}
    if wait_s is not None:
        headers["Preference-Applied"] = f"wait={wait_s}"
        status = await ensuring.awaited(service, status, wait_s)
    under_way = status.state is Presence.UNDER_WAY
    if status.task is not None:
        headers["Location"] = f"/v1/tasks/{status.task.id}"
    return _shown(request, service, status, code=HTTPStatus.ACCEPTED if under_way else HTTPStatus.OK, headers=headers)


def _document(service: Service, status: ModelStatus) -> ModelDocument:
    return of_model(status, None if status.task is None else service.runtime.live_progress(status.task.id))


def _again(*found: ModelStatus) -> dict[str, str]:
    """Tell who polls when to look again, while something moves."""
    return {"Retry-After": str(POLL_S)} if any(each.state is Presence.UNDER_WAY for each in found) else {}


def _shown(
    request: Request, service: Service, status: ModelStatus, *, code: int = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    content = encoded(_document(service, status))
    return shown(request, content, status=code, headers={**_again(status), **(headers or {})})
