"""What the gate asks for, said in the description of the API: each operation with its scope, from the one table. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from argosy.service.security.permission import required
from argosy.service.security.principal import Scope

SCHEMES: Final = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "The service's own token, or one made with POST /v1/tokens; its scope is read, write or admin.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-argosy",
        "description": "A browser's session; without TLS the cookie is argosy-<port>. What changes something also takes X-Argosy-CSRF or our own Origin.",
    },
}
VERBS: Final = ("get", "head", "post", "put", "patch", "delete")
ANYBODY: Final = (400, 403, 414, 421, 431, 500, 503)
"""What whoever asks may be answered, without having got anywhere."""
WITH_TOKEN: Final = (401, 429)
"""And who asks for more than is for everybody."""
WITH_BODY: Final = (408, 413, 415)
"""And who sends something."""


def guarded(document: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document, each of whose operations now says what it takes to be allowed. Idempotent."""
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    for verb, path, operation in operations(document):
        needed = required(verb.upper(), path)
        operation["security"] = [] if needed is Scope.PUBLIC else [{"token": []}, {"session": []}]
        operation["x-argosy-scope"] = needed.name.lower()
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every operation with its verb and its path."""
    for path, item in document["paths"].items():
        for verb in (verb for verb in VERBS if verb in item):
            yield verb, path, item[verb]


def statuses(operation: dict[str, Any]) -> set[int]:
    """Return how the gate may refuse a guarded operation."""
    found = {*ANYBODY}
    if operation["security"]:
        found |= {*WITH_TOKEN}
    if "requestBody" in operation:
        found |= {*WITH_BODY}
    return found
