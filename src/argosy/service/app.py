"""The application: every route and the one gate before them, around a service that runs already."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import Request
from starlette.responses import Response

from argosy.about import VERSION
from argosy.errors import ArgosyError, Failure
from argosy.service.answering import problem
from argosy.service.context import Service
from argosy.service.description import openapi
from argosy.service.routes import (
    background,
    bulk,
    configuration,
    description,
    detail,
    download,
    events,
    health,
    history,
    job_socket,
    limits,
    metrics,
    models,
    page,
    probe,
    results,
    security,
    socket,
    stats,
    task,
    tasks,
    webhooks,
)
from argosy.service.security.gate import Gate

CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method",
    413: "too_large",
    415: "media_type",
    422: "invalid",
}

HINTS = {404: "/openapi.json says what there is", 405: "/openapi.json says what is taken", 415: "send application/json",
         422: "send JSON as /openapi.json has it"}  # fmt: skip


def create_app(service: Service) -> FastAPI:
    """Return the app; whoever runs it has started ``service`` and stops it afterwards."""
    app = routed()
    app.state.service = service
    app.add_exception_handler(ArgosyError, problem.of_error)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unforeseen)
    app.add_middleware(Gate, guard=service.guard)
    return app


def routed() -> FastAPI:
    """Return an app that has every route and describes them; it answers nothing yet."""
    app = FastAPI(title="Argosy", version=VERSION, docs_url=None, redoc_url=None, redirect_slashes=False)
    for routes in (  # they are looked through in this order, so what is asked most comes first
        download, tasks, task, job_socket, socket, events, health, metrics, results, bulk, probe, detail, models, limits,
        configuration, history, stats, background, description, security, webhooks, page,
    ):  # fmt: skip
        app.include_router(routes.router)
    openapi.complete(app)
    return app


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException | HTTPException)
    status = 422 if error.status_code == 400 else error.status_code  # what was sent makes no sense: one status for that
    failure = Failure(CODES.get(status, "refused"), str(error.detail), HINTS.get(status, ""))
    return problem.problem(status, failure, instance=request.url.path, headers=error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    """Say which member of what was sent makes no sense; never repeat its value, which may be a secret."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"pointer": _pointer(each["loc"][1:]), "in": str(each["loc"][0]), "detail": each["msg"]}
        for each in error.errors()
    ]
    failure = Failure(
        "invalid", "what was sent is not what this address takes", "errors says where; /openapi.json says what it takes"
    )
    return problem.problem(422, failure, instance=request.url.path, errors=errors[:100])


def _pointer(place: Sequence[str | int]) -> str:
    """Return where in what was sent that is (RFC 6901); names in brackets tell kinds of content apart and are ours."""
    return "".join(
        "/" + str(each).replace("~", "~0").replace("/", "~1") for each in place if not str(each).startswith("(")
    )


def _unforeseen(request: Request, _: Exception) -> Response:
    failure = Failure("internal", "something nobody foresaw", "the service's log has it", retryable=True)
    return problem.problem(500, failure, instance=request.url.path)
