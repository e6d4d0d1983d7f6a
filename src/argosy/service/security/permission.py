"""What each address needs: the one table. An address it does not name needs everything, so nothing is open by oversight."""

from __future__ import annotations

import re
from typing import Final

from argosy.service.security.principal import Scope

READING: Final = frozenset({"GET", "HEAD"})
TABLE: Final[tuple[tuple[str, str, Scope], ...]] = (
    ("GET HEAD", "/health", Scope.PUBLIC),
    ("GET HEAD", "/v1/tasks", Scope.READ),
    ("POST", "/v1/tasks", Scope.WRITE),
    ("GET HEAD", "/v1/tasks/{task_id}", Scope.READ),
)
"""Methods (a WebSocket is a GET), the address as its route has it, and what is needed."""


def _compiled(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{\w+(:path)?\}", template)
    pattern = "".join(".+" if part == ":path" else "[^/]+" if part is None else re.escape(part) for part in parts)
    return re.compile(pattern)


_RULES: Final = tuple((frozenset(methods.split()), _compiled(template), scope) for methods, template, scope in TABLE)


def required(method: str, path: str) -> Scope:
    """Return what a request needs; ``path`` is as the router will see it."""
    for methods, pattern, scope in _RULES:
        if method in methods and pattern.fullmatch(path):
            return scope
    return Scope.ADMIN
