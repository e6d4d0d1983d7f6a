"""What each address needs: the one table. An address it does not name needs everything, so nothing is open by oversight."""

from __future__ import annotations

import re
from typing import Final

from argosy.service.security.principal import Scope

READING: Final = frozenset({"GET", "HEAD"})
TABLE: Final[tuple[tuple[str, str, Scope], ...]] = (
    ("GET HEAD", "/health", Scope.PUBLIC),
    ("GET HEAD", "/ready", Scope.READ),
    ("GET HEAD", "/version", Scope.READ),
    ("GET HEAD", "/metrics", Scope.READ),
    ("GET HEAD", "/openapi.json", Scope.READ),
    ("GET HEAD", "/", Scope.READ),
    ("GET HEAD", "/page/{name}", Scope.PUBLIC),
    ("GET HEAD", "/login", Scope.PUBLIC),
    ("GET HEAD", "/login/{name}", Scope.PUBLIC),
    ("POST", "/v1/login", Scope.PUBLIC),
    ("POST", "/v1/login/link", Scope.ADMIN),
    ("POST", "/v1/logout", Scope.READ),
    ("GET HEAD", "/v1/session", Scope.READ),
    ("GET HEAD", "/v1/tokens", Scope.ADMIN),
    ("POST", "/v1/tokens", Scope.ADMIN),
    ("POST", "/v1/tokens/{token_id}/rotate", Scope.ADMIN),
    ("DELETE", "/v1/tokens/{token_id}", Scope.ADMIN),
    ("GET HEAD", "/v1/tasks", Scope.READ),
    ("POST", "/v1/tasks", Scope.WRITE),
    ("POST", "/v1/tasks/bulk", Scope.WRITE),
    ("POST", "/v1/tasks/all", Scope.WRITE),
    ("GET HEAD", "/v1/tasks/resolve", Scope.READ),
    ("GET HEAD", "/v1/tasks/{task_id}", Scope.READ),
    ("PATCH DELETE", "/v1/tasks/{task_id}", Scope.WRITE),
    ("POST", "/v1/tasks/{task_id}/pause", Scope.WRITE),
    ("POST", "/v1/tasks/{task_id}/resume", Scope.WRITE),
    ("POST", "/v1/tasks/{task_id}/start", Scope.WRITE),
    ("POST", "/v1/tasks/{task_id}/cancel", Scope.WRITE),
    ("POST", "/v1/tasks/{task_id}/retry", Scope.WRITE),
    ("POST", "/v1/tasks/{task_id}/remove", Scope.WRITE),
    ("POST", "/v1/tasks/{task_id}/move", Scope.WRITE),
    ("POST", "/v1/tasks/{task_id}/verify", Scope.WRITE),
    ("GET HEAD", "/v1/tasks/{task_id}/wait", Scope.READ),
    ("GET HEAD", "/v1/tasks/{task_id}/files", Scope.READ),
    ("GET HEAD", "/v1/tasks/{task_id}/segments", Scope.READ),
    ("GET HEAD", "/v1/tasks/{task_id}/explain", Scope.READ),
    ("POST", "/v1/probe", Scope.WRITE),
    ("GET HEAD", "/v1/limits", Scope.READ),
    ("PUT PATCH", "/v1/limits", Scope.WRITE),
    ("GET HEAD PATCH", "/v1/config", Scope.ADMIN),
    ("GET HEAD", "/v1/history", Scope.READ),
    ("DELETE", "/v1/history", Scope.ADMIN),
    ("GET HEAD", "/v1/stats", Scope.READ),
    ("GET HEAD", "/v1/models", Scope.READ),
    ("POST", "/v1/models", Scope.WRITE),
    ("GET HEAD", "/v1/models/{model_id:path}", Scope.READ),
    ("POST", "/v1/models/{model_id:path}", Scope.WRITE),
    ("POST", "/v1/background", Scope.WRITE),
    ("GET HEAD", "/v1/background", Scope.READ),
    ("GET HEAD", "/v1/background/{task_id}", Scope.READ),
    ("POST", "/v1/background/{task_id}/cancel", Scope.WRITE),
    ("DELETE", "/v1/background/{task_id}", Scope.WRITE),
    ("GET HEAD", "/v1/tasks/{task_id}/events", Scope.READ),
    ("GET HEAD", "/v1/tasks/{task_id}/files/{index}/content", Scope.READ),
    ("POST", "/v1/tasks/{task_id}/files/{index}/link", Scope.READ),
    ("GET HEAD", "/v1/results/{task_id}/{index}/{name}", Scope.PUBLIC),
    ("POST", "/v1/download/initiate", Scope.WRITE),
    ("GET HEAD", "/v1/download/status/{job_id}", Scope.READ),
    ("GET HEAD", "/v1/download/result/{job_id}", Scope.READ),
    ("POST", "/v1/download/{job_id}/cancel", Scope.WRITE),
    ("POST", "/v1/download/{job_id}/pause", Scope.WRITE),
    ("POST", "/v1/download/{job_id}/resume", Scope.WRITE),
    ("GET", "/ws/download/{job_id}", Scope.READ),
    ("GET HEAD", "/v1/tasks/{task_id}/deliveries", Scope.READ),
    ("GET HEAD", "/v1/webhooks/secret", Scope.ADMIN),
    ("POST", "/v1/webhooks/secret/rotate", Scope.ADMIN),
    ("GET HEAD", "/v1/webhooks", Scope.READ),
    ("POST", "/v1/webhooks", Scope.ADMIN),
    ("GET HEAD", "/v1/webhooks/{webhook_id}", Scope.READ),
    ("PATCH", "/v1/webhooks/{webhook_id}", Scope.ADMIN),
    ("DELETE", "/v1/webhooks/{webhook_id}", Scope.ADMIN),
    ("POST", "/v1/webhooks/{webhook_id}/rotate", Scope.ADMIN),
    ("POST", "/v1/webhooks/{webhook_id}/test", Scope.ADMIN),
    ("GET HEAD", "/v1/webhooks/{webhook_id}/deliveries", Scope.READ),
    ("POST", "/v1/webhooks/deliveries/{delivery_id}/redeliver", Scope.ADMIN),
    ("GET HEAD", "/v1/log", Scope.READ),
    ("GET HEAD", "/v1/events", Scope.READ),
    ("GET", "/ws", Scope.READ),
    ("GET HEAD", "/asyncapi.json", Scope.READ),
)
"""Methods (a WebSocket is a GET), the address as its route has it, and what is needed."""


def _compiled(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{\w+(:path)?\}", template)
    pattern = "".join(".+" if part == ":path" else "[^/]+" if part is None else re.escape(part) for part in parts)
    return re.compile(pattern)


_FIXED: Final = {
    (method, address): scope for methods, address, scope in TABLE if "{" not in address for method in methods.split()
}
_RULES: Final = tuple(
    (frozenset(methods.split()), _compiled(template), scope) for methods, template, scope in TABLE if "{" in template
)


def required(method: str, path: str) -> Scope:
    """Return what a request needs; ``path`` is as the router will see it."""
    fixed = _FIXED.get((method, path))
    if fixed is not None:
        return fixed
    for methods, pattern, scope in _RULES:
        if method in methods and pattern.fullmatch(path):
            return scope
    return Scope.ADMIN
