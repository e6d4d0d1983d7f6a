"""``/metrics``: what Prometheus scrapes."""

from __future__ import annotations

from fastapi import APIRouter, Response

from argosy.service.context import Context
from argosy.telemetry.metrics import CONTENT_TYPE

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    operation_id="getMetrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "All metrics."}},
)
async def metrics(service: Context) -> Response:
    """Return every metric in Prometheus' text format."""
    await service.meters.refresh()
    return Response(service.meters.metrics.text(), headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE)
