"""The description of the API (OpenAPI 3.1), as ``/openapi.json`` answers it and ``docs/openapi.json`` has it.

FastAPI tells what goes in and out of each route. Here is added what holds for all of them: how they refuse, what they take to
be allowed, an example of everything, and the words of people.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from fastapi import FastAPI

from argosy.service.description.example import example
from argosy.service.description.schema import REFUSALS, reference, refusals, shapes
from argosy.service.security.description import guarded, operations, statuses

JSON: Final = "application/json"
UNUSED: Final = ("HTTPValidationError", "ValidationError")
"""FastAPI's own way to refuse; ours is a problem."""
DESCRIPTION: Final = """\
Downloads that are never lost: created, watched and commanded over HTTP.

Everything needs a token (`Authorization: Bearer …`; `argosy token` prints it) but `/health`, the login and signed links.
`x-argosy-scope` says for each operation which scope the token must have: `read`, `write` or `admin`, each of which allows what those
before it do. This description itself takes `read`.

Refusals are `application/problem+json` with a stable `code`, a `hint` and whether trying again may help. Times are ISO 8601 in UTC, sizes
are bytes, rates are bytes per second. Members are added over time, never changed: ignore those you do not know. What happens
while it happens is described at `/asyncapi.json`."""
TAGS: Final = {
    "jobs": "Files asked for by id or URL, as one job; each file is reported on its own.",
    "tasks": "Every download, and full control of it.",
    "models": "What must be here: models of the catalogue, and anything that a source names.",
    "background": "The five commands of a download in the background: start, progress of one, progress of all, cancel, clean up.",
    "events": "What has happened, and what happens.",
    "results": "Finished files, at links that expire.",
    "webhooks": "Who is told when a task has ended.",
    "settings": "Limits and settings of the service.",
    "history": "Tasks that have ended.",
    "stats": "How busy it is.",
    "security": "Tokens and sessions.",
    "operations": "What supervisors, load balancers and Prometheus ask.",
    "service": "What the service says of itself.",
}


def complete(app: FastAPI) -> None:
    """Let ``app`` describe itself in full, once."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = completed(describe())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI has it done


def text(app: FastAPI) -> str:
    """Return the description as the file has it."""
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Return FastAPI's document with all that is added here. Pure, but that it is the same object."""
    document["info"] |= {"description": DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}}
    document["servers"] = [{"url": "/", "description": "The service that answers this"}]
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in UNUSED:
        schemas.pop(name, None)
    schemas |= shapes()
    components["responses"] = refusals()
    guarded(document)
    for _, _, operation in operations(document):
        _refuse(operation)
        _say(operation)
        _show(operation, schemas)
    used = {tag for _, _, operation in operations(document) for tag in operation["tags"]}
    document["tags"] = [{"name": name, "description": about} for name, about in TAGS.items() if name in used]
    shown: dict[str, Any] = _as_markdown(document)
    return shown


def _refuse(operation: dict[str, Any]) -> None:
    """Every refusal is one of those that all share."""
    responses = operation["responses"]
    refused = {status for status in responses if status.isdecimal() and int(status) in REFUSALS}
    own = {status for status in refused if JSON in responses[status].get("content", ()) and status != "422"}
    for status in sorted((refused - own) | {str(each) for each in statuses(operation)} - own):
        responses[status] = {"$ref": reference(int(status))}
    operation["responses"] = dict(sorted(responses.items()))


def _say(operation: dict[str, Any]) -> None:
    """The first sentence sums it up."""
    about = " ".join(operation.get("description", "").partition("\n\n")[0].split())
    first, _, _ = about.partition(". ")
    operation["summary"] = re.split(r"[:;] ", first)[0].rstrip(".") or operation["summary"]


def _show(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """What goes in and out has an example."""
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in (body.get("content", {}).get(JSON) for body in bodies):
        if content is not None and "example" not in content and "examples" not in content:
            content["example"] = example(content["schema"], schemas)
    for parameter in operation.get("parameters", ()):
        if "example" not in parameter and "examples" not in parameter["schema"] and parameter["required"]:
            parameter["example"] = example(parameter["schema"], schemas, parameter["name"])


def _as_markdown(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Docstrings are reStructuredText, in which code has two backticks."""
    if isinstance(node, dict):
        return {
            key: value.replace("``", "`")
            if key in ("description", "summary") and isinstance(value, str)
            else _as_markdown(value)
            for key, value in node.items()
        }
    return [_as_markdown(each) for each in node] if isinstance(node, list) else node
