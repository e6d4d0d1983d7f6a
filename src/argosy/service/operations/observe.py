"""What is known of each request: an id that it and its log lines share, a line in the log, a count, and a span.

Pure ASGI, around everything else but for the mark of the door it came through. Of an address only its route's template is
told, never what stands in it or behind its question mark.
"""

from __future__ import annotations

import logging
import random
import re
import secrets
import time
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from argosy.telemetry import trace
from argosy.telemetry.metrics import Metrics
from argosy.telemetry.trace import Span, TraceContext, Witness

log = logging.getLogger(__name__)

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN_ROUTE: Final = "none"
CLIENT_LEFT: Final = 499
"""Stands for the status of a request whose client went before it was answered."""


def request_id() -> str:
    """Return an id that no other request of these days has. Nobody need be unable to guess it, so the system is not asked."""
    return f"{random.getrandbits(64):016x}"


@dataclass(slots=True)
class Course:
    """How one request goes."""

    request_id: str
    began: float
    answered_s: float | None = None
    status: int = CLIENT_LEFT


class Observed:
    """Wraps the app. ``witness`` is None where nobody records spans."""

    def __init__(self, app: ASGIApp, metrics: Metrics, witness: Witness | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._witness = witness

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        if connection["type"] not in ("http", "websocket"):
            await self._app(connection, receive, send)
            return
        headers = Headers(scope=connection)
        given = headers.get("x-request-id", "")
        course = Course(given if REQUEST_ID.fullmatch(given) else request_id(), time.perf_counter())
        span, parent = self._span(headers)
        connection["argosy.request_id"] = course.request_id
        structlog.contextvars.bind_contextvars(request_id=course.request_id)
        if span is not None:
            structlog.contextvars.bind_contextvars(trace_id=span.trace_id)
            trace.current.set(span)

        async def sending(message: Message) -> None:
            self._heed(course, message)
            await send(message)

        began_at = time.time()
        try:
            await self._app(connection, receive, sending)
        except BaseException:
            course.status = 500 if course.answered_s is None else course.status
            raise
        finally:
            self._tell(connection, course)
            if span is not None and span.sampled and self._witness is not None:
                self._witness.record(_as_span(connection, course, span, parent, began_at))

    def _span(self, headers: Headers) -> tuple[TraceContext | None, TraceContext | None]:
        """Return the request's own span and the one it is part of."""
        if self._witness is None:
            return None, None
        parent = trace.parse(headers.get("traceparent", ""))
        if parent is not None:
            return parent.child(), parent
        trace_id = secrets.token_hex(16)
        return TraceContext(trace_id, secrets.token_hex(8), self._witness.samples(trace_id)), None

    def _heed(self, course: Course, message: Message) -> None:
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            course.status = message["status"]
            MutableHeaders(scope=message)["X-Request-ID"] = course.request_id
        elif kind == "websocket.accept":
            course.status = 101
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", course.request_id.encode())]
        elif kind == "websocket.close" and course.answered_s is None:
            course.status = 403
        else:
            return
        if course.answered_s is None:
            course.answered_s = time.perf_counter() - course.began

    def _tell(self, connection: Connection, course: Course) -> None:
        method, route = method_of(connection), route_of(connection)
        self._metrics.requests.labels(method, route, str(course.status)).inc()
        if course.answered_s is not None:
            self._metrics.request_seconds.labels(route).observe(course.answered_s)
        if not log.isEnabledFor(logging.INFO):
            return
        principal = connection.get("argosy.principal")
        facts = {
            "method": method, "route": route, "status": course.status,
            "ms": round((time.perf_counter() - course.began) * 1000, 1),
            "principal": "nobody" if principal is None else principal.name,
            "local": bool(connection.get("argosy.local")),
        }  # fmt: skip
        task_id = connection.get("path_params", {}).get("task_id")
        log.info("http.request", extra=facts if task_id is None else {**facts, "task_id": str(task_id)[:64]})


def method_of(connection: Connection) -> str:
    """Return the method, one name for all that are unknown: a label must not be what a client likes."""
    if connection["type"] == "websocket":
        return "WEBSOCKET"
    method: str = connection["method"]
    return method if method in METHODS else "OTHER"


def route_of(connection: Connection) -> str:
    """Return the template of the route that was taken."""
    route = connection.get("route")
    template: str = getattr(route, "path", None) or UNKNOWN_ROUTE
    return template


def _as_span(
    connection: Connection, course: Course, span: TraceContext, parent: TraceContext | None, began_at: float
) -> Span:
    method, route = method_of(connection), route_of(connection)
    facts: dict[str, str | int | float | bool] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": course.status,
        "argosy.request_id": course.request_id,
    }
    error = str(course.status) if course.status >= 500 else ""
    ended = began_at + (time.perf_counter() - course.began)
    return Span(f"{method} {route}", span, parent, began_at, ended, facts, error, kind="server")
