"""``/asyncapi.json``: what goes over the live channels."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from argosy.service.description import asyncapi

router = APIRouter(tags=["service"])


@router.get("/asyncapi.json", operation_id="describeLiveChannels")
async def live_channels() -> dict[str, Any]:
    """Return the description of the live channels as AsyncAPI 3.1."""
    return asyncapi.document()
