"""What every address has in common in the description of the service: the shape of a refusal, and who gets which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import FastAPI
from pydantic import Field, TypeAdapter

from argosy.service.problem import MEDIA_TYPE
from argosy.service.security.description import guarded


@dataclass(frozen=True, slots=True)
class InvalidMember:
    """One member of what was sent that makes no sense; its value is not repeated."""

    pointer: Annotated[str, Field(examples=["/options/connections"])]
    detail: Annotated[str, Field(examples=["Input should be less than or equal to 64"])]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request was refused (RFC 9457). ``code`` is stable; ``hint`` says what to do; ``retryable``: the same
    request may succeed later, after ``Retry-After`` if there is one.
    """

    type: Annotated[str, Field(examples=["urn:argosy:error:unknown_task"])]
    title: Annotated[str, Field(examples=["Not Found"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(examples=["there is no task 3f2a9c0d5b6e4f708192a3b4c5d6e7f8"])]
    code: Annotated[str, Field(examples=["unknown_task"])]
    hint: str
    retryable: bool
    exit_code: Annotated[int, Field(description="With which the command line would end.")] = 1
    instance: str | None = None
    errors: list[InvalidMember] = field(default_factory=list)


SAID: Final = {
    401: "A token is needed, or the one given is not good.",
    403: "The token does not allow this, or the address asked for is not allowed.",
    404: "There is no such thing.",
    405: "This address does not take that method.",
    409: "The task's status does not allow it, or something else is in the way.",
    410: "It was there, and is gone.",
    412: "It has changed since it was looked at: `If-Match` does not fit.",
    413: "What was sent is too large.",
    415: "What was sent is of a kind that is not taken.",
    416: "No byte of the file is in the range, or several ranges were asked for at once.",
    421: "The service is not known by that name.",
    422: "What was asked makes no sense; `errors` says where.",
    428: "`If-Match` is needed here.",
    429: "Too many requests; `Retry-After` says when.",
    502: "The server that holds the file refused, or could not be reached.",
    503: "The service cannot answer just now; `Retry-After` says when.",
    507: "The disk is full.",
}
EVERYWHERE: Final = (401, 403, 421, 429, 503)
"""What any request may be answered with."""
_REFERENCE: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how an address refuses, for its ``responses``: with these statuses and with those of every address."""
    return {status: {"description": SAID[status], "content": _REFERENCE} for status in sorted({*EVERYWHERE, *statuses})}


def complete(app: FastAPI) -> None:
    """Let the description of ``app`` hold the shape of a problem, which its addresses refer to."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "Problem" not in schemas:
            shape = TypeAdapter(Problem).json_schema(ref_template="#/components/schemas/{model}")
            schemas |= shape.pop("$defs", {}) | {"Problem": shape}
        return guarded(document)

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI has it done
