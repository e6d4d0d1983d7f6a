"""Routes that take what they know and nothing else: a misspelt parameter is refused, for it would be a wish not granted."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from functools import cached_property
from typing import Any, Final

from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from argosy.errors import UsageError
from argosy.service.answering.complaint import SHOWN, unknown, unreadable

Handler = Callable[[Request], Awaitable[Response]]
UNREADABLE: Final = (ValueError, RecursionError)


class UnknownParameter(UsageError):
    """The address has a parameter that means nothing there. ``names`` are those, ``known`` those that do."""

    code = "unknown_parameter"

    def __init__(self, names: list[str], known: frozenset[str]) -> None:
        hint = f"there are {', '.join(sorted(known))}" if known else "this address takes none"
        super().__init__("the address has a parameter that means nothing here", hint=hint)
        self.errors = [
            {"pointer": f"/{name[:100]}", "in": "query", "detail": unknown("parameter", name, known)}
            for name in names[:SHOWN]
        ]


class Strict(APIRoute):
    """A route whose address may have the parameters that it declares, and no other."""

    def get_route_handler(self) -> Handler:  # type: ignore[override]  # FastAPI's may do more than be awaited
        handle, known = self.reader(), frozenset(_parameters(self.dependant))

        async def strict(request: Request) -> Response:
            if request.scope["query_string"]:
                strange = [name for name in request.query_params if name not in known]
                if strange:
                    raise UnknownParameter(strange, known)
            return await handle(request)

        return strict

    def reader(self) -> Handler:
        """Return what reads a request and calls the endpoint."""
        return super().get_route_handler()

    @cached_property
    def members(self) -> frozenset[str]:
        """The names of all members that a body may have, at any depth."""
        return frozenset() if self.body_field is None else frozenset(_members(self.form.json_schema()))

    @property
    def form(self) -> TypeAdapter[Any]:
        """What a body is read by."""
        assert self.body_field is not None
        kind: Any = self.body_field.field_info.annotation
        return TypeAdapter(kind)


class Direct(Strict):
    """The same for an endpoint that takes its body, the request and one header, as text, and is called often: its body goes from
    bytes to the form in one step, and nothing that FastAPI could provide is looked for. It is described as any other.
    """

    def reader(self) -> Handler:
        (header,) = self.dependant.header_params
        form, endpoint, name = self.form, self.endpoint, header.alias

        async def read(request: Request) -> Response:
            body = await request.body()
            try:
                sent = form.validate_json(body)
            except ValidationError as error:
                raise _refused(body, error) from None
            answer: Response = await endpoint(sent, request, request.headers.get(name))
            return answer

        return read


def _refused(body: bytes, error: ValidationError) -> Exception:
    """Return what is wrong with a body in the words of every other route."""
    if not body:
        return RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "Field required"}])
    try:
        json.loads(body)
    except UNREADABLE as cause:
        return unreadable(cause)
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    return RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in errors])


def _parameters(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for each in dependant.dependencies:
        yield from _parameters(each)


def _members(schema: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _members(each)
