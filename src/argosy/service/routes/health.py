"""``/health``, ``/ready`` and ``/version``: what load balancers, supervisors and operators ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Response

from argosy.about import VERSION
from argosy.service.context import Context
from argosy.service.operations import readiness
from argosy.service.operations.readiness import Readiness

router = APIRouter(tags=["operations"])


@dataclass(frozen=True, slots=True)
class Health:
    """The service answers. That is all that anybody may know."""

    status: Literal["ok"] = "ok"


@dataclass(frozen=True, slots=True)
class Version:
    """Which release this is."""

    version: str = VERSION


@router.head("/health", include_in_schema=False)
@router.get("/health", operation_id="getHealth")
async def health(response: Response) -> Health:
    """Say that the service answers. Needs no token and tells nothing else."""
    response.headers["Cache-Control"] = "no-store"
    return Health()


@router.get(
    "/ready",
    operation_id="getReadiness",
    responses={503: {"model": Readiness, "description": "It cannot do its work; `reasons` says why."}},
)
async def ready(service: Context, response: Response) -> Readiness:
    """Tell whether the service can do its work, and how loaded it is: queues, slots, throughput, store, disk."""
    found = await readiness.look(service.runtime.store, service.meters)
    response.status_code = 200 if found.ready else 503
    response.headers["Cache-Control"] = "no-store"
    if not found.ready:
        response.headers["Retry-After"] = "5"
    return found


@router.get("/version", operation_id="getVersion")
async def version() -> Version:
    """Tell which release this is."""
    return Version()
