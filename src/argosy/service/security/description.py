"""What the gate asks for, said in the description of the API: each operation with its scope, from the one table. Pure."""

from __future__ import annotations

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
REFUSALS: Final = {
    "401": "Nothing, or nothing that is any good, was shown.",
    "403": "The scope does not allow it, or a page of another site asks.",
    "421": "The service is not called by that name.",
    "429": "Too many wrong tokens came from this address.",
}
"""What the gate itself answers. Who needs no token is still refused under a wrong name or for a strange page."""
_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def guarded(document: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI document, each of whose operations now says what it takes to be allowed. Idempotent."""
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    for path, item in document["paths"].items():
        for verb in (verb for verb in VERBS if verb in item):
            _guard(item[verb], required(verb.upper(), path))
    return document


def _guard(operation: dict[str, Any], needed: Scope) -> None:
    public = needed is Scope.PUBLIC
    operation["security"] = [] if public else [{"token": []}, {"session": []}]
    operation["x-argosy-scope"] = needed.name.lower()
    for status, meaning in REFUSALS.items():
        if not public or status in ("403", "421"):
            operation.setdefault("responses", {}).setdefault(status, {"description": meaning, "content": _PROBLEM})
