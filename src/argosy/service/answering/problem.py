"""Errors as ``application/problem+json`` (RFC 9457), each with the stable ``code`` that every surface uses."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from argosy.errors import (
    ArgosyError,
    Conflict,
    DiskFull,
    Failure,
    IllegalTransition,
    LocalError,
    StoreError,
    TransferError,
    UnknownTask,
    UsageError,
)

MEDIA_TYPE: Final = "application/problem+json"
BY_CODE: Final[Mapping[str, int]] = {
    "unauthorized": 401, "forbidden": 403, "host": 421, "path": 400, "bad_json": 400, "too_slow": 408, "origin": 403, "not_found": 404,
    "unknown_model": 404, "model_catalogue": 500, "method": 405,
    "not_ready": 409, "removed": 410, "expired": 410, "too_large": 413, "media_type": 415, "precondition_failed": 412,
    "precondition_required": 428, "too_many": 429, "idempotency_mismatch": 422, "idempotency_busy": 409,
    "address": 403, "signature": 403, "result_gone": 410, "range": 416, "store_busy": 503, "stopped": 503, "ambiguous": 409,
}  # fmt: skip
"""The status of a code that its class does not tell."""
BY_KIND: Final[tuple[tuple[type[ArgosyError], int], ...]] = (
    (UnknownTask, 404), (IllegalTransition, 409), (UsageError, 422), (Conflict, 409), (StoreError, 503), (DiskFull, 507),
    (LocalError, 500), (TransferError, 502),
)  # fmt: skip


def status_of(error: ArgosyError) -> int:
    """Return the HTTP status that says best what kind of error it is."""
    known = BY_CODE.get(error.detail_code)
    return known or next((status for kind, status in BY_KIND if isinstance(error, kind)), 500)


def problem(
    status: int,
    failure: Failure,
    *,
    instance: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401 - JSON
) -> Response:
    """Return the answer. ``more`` are members of its own (``errors``, ``task_id``)."""
    content: dict[str, Any] = {
        "type": f"urn:argosy:error:{failure.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": failure.message,
        "code": failure.code,
        "hint": failure.hint,
        "retryable": failure.retryable or status in (429, 503),
    }
    if failure.exit_code != 1:
        content["exit_code"] = failure.exit_code
    if instance is not None:
        content["instance"] = instance
    given = dict(headers or {})
    if failure.retry_after_s is not None:
        given.setdefault("Retry-After", str(math.ceil(failure.retry_after_s)))
    elif status == 503:
        given.setdefault("Retry-After", "1")
    return Response(json.dumps(content | more), status, given, MEDIA_TYPE)


def of_error(request: Request, error: Exception) -> Response:
    """Answer one of our errors: an exception handler."""
    assert isinstance(error, ArgosyError)
    return problem(status_of(error), error.failure(), instance=request.url.path)
