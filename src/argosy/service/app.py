"""The application: every route and the one gate before them, around a service that runs already."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import Request
from starlette.responses import Response

from argosy.about import VERSION
from argosy.errors import ArgosyError, Failure
from argosy.service import problem
from argosy.service.context import Service
from argosy.service.routes import tasks
from argosy.service.security.gate import Gate

CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method", 413: "too_large", 415: "media_type"}


def create_app(service: Service) -> FastAPI:
    """Return the app; whoever runs it has started ``service`` and stops it afterwards."""
    app = FastAPI(title="Argosy", version=VERSION, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.service = service
    for router in (tasks.router,):
        app.include_router(router)
    app.add_exception_handler(ArgosyError, problem.of_error)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unforeseen)
    app.add_middleware(Gate, service=service)
    return app


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException | HTTPException)
    failure = Failure(CODES.get(error.status_code, "refused"), str(error.detail))
    return problem.problem(error.status_code, failure, instance=request.url.path, headers=error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    """Say which member of what was sent makes no sense; never repeat its value, which may be a secret."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"pointer": "/" + "/".join(map(str, each["loc"][1:])), "in": str(each["loc"][0]), "detail": each["msg"]}
        for each in error.errors()
    ]
    failure = Failure(
        "invalid", "what was sent is not what this address takes", "errors says where; /openapi.json says what it takes"
    )
    return problem.problem(422, failure, instance=request.url.path, errors=errors[:100])


def _unforeseen(request: Request, _: Exception) -> Response:
    failure = Failure("internal", "something nobody foresaw", "the service's log has it", retryable=True)
    return problem.problem(500, failure, instance=request.url.path)
