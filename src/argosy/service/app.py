"""The application: every route and the one gate before them, around a service that runs already."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import Request
from starlette.responses import Response

from argosy.about import VERSION
from argosy.errors import ArgosyError, Failure
from argosy.service.answering import complaint, problem
from argosy.service.asking.route import Strict, UnknownParameter
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
    app.add_exception_handler(UnknownParameter, _unknown)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unforeseen)
    app.add_middleware(Gate, guard=service.guard)
    return app


def routed() -> FastAPI:
    """Return an app that has every route and describes them; it answers nothing yet."""
    app = FastAPI(
        title="Argosy", version=VERSION, docs_url=None, redoc_url=None, redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours look on from outside
    )  # fmt: skip
    for router in (  # they are looked through in this order, so what is asked most comes first
        download.initiating, download.router, tasks.router, task.router, job_socket.router, socket.router, events.router,
        health.router, metrics.router, results.shared, results.router, bulk.router, probe.router, detail.router, models.router,
        limits.router, configuration.router, history.router, stats.router, background.router, description.router,
        security.router, webhooks.router, page.router,
    ):  # fmt: skip
        app.include_router(router)
    openapi.complete(app)
    return app


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException | HTTPException)
    status = error.status_code
    if status == 400:  # FastAPI's, for a body that is no text, or no tree that one can climb
        failure = complaint.unreadable(error.__cause__).failure()
    else:
        failure = Failure(CODES.get(status, "refused"), str(error.detail), HINTS.get(status, ""))
    return problem.problem(status, failure, instance=request.url.path, headers=error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    """Say which member of what was sent makes no sense; never repeat its value, which may be a secret."""
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    if errors[0]["type"] == "json_invalid":
        return problem.problem(400, complaint.unreadable(error.__cause__).failure(), instance=request.url.path)
    route = request.scope.get("route")
    known = route.members if isinstance(route, Strict) else ()
    failure = Failure(
        "invalid", "what was sent is not what this address takes", "errors says where; /openapi.json says what it takes"
    )
    return problem.problem(422, failure, instance=request.url.path, errors=complaint.members(errors, known))


def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnknownParameter)
    return problem.problem(422, error.failure(), instance=request.url.path, errors=error.errors)


def _unforeseen(request: Request, _: Exception) -> Response:
    failure = Failure("internal", "something nobody foresaw", "the service's log has it", retryable=True)
    return problem.problem(500, failure, instance=request.url.path)
