"""``/``: what a browser shows of the queue, in one small page without a build."""

from __future__ import annotations

from importlib import resources
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from argosy.errors import UsageError
from argosy.service.security import headers

router = APIRouter()
ASSETS: Final = {"queue.css": "text/css; charset=utf-8", "queue.js": "text/javascript; charset=utf-8"}


@router.get("/", include_in_schema=False)
def queue_page() -> Response:
    """The list of tasks, kept up to date, and a field for more of them."""
    return page("queue.html", "text/html; charset=utf-8")


@router.get("/page/{name}", include_in_schema=False)
def queue_asset(name: str) -> Response:
    """What the page is made of."""
    if name not in ASSETS:
        raise UsageError("there is no such page", code="not_found")
    return page(name, ASSETS[name])


def page(name: str, media_type: str) -> Response:
    """Return one of our own pages: nothing inline, nothing from elsewhere."""
    content = resources.files("argosy.service").joinpath("pages", name).read_bytes()
    policy = {"Content-Security-Policy": headers.PAGE_POLICY, "Cache-Control": "no-cache"}
    return Response(content, media_type=media_type, headers=policy)
