"""The description of the API is complete: nobody has to guess what goes in, what comes out, or how it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from argosy.service.answering.problem import BY_CODE, BY_KIND
from argosy.service.app import routed
from argosy.service.description.example import example
from argosy.service.description.schema import REFUSALS
from argosy.service.security.description import operations

from .daemon import Daemon

DOCUMENT = routed().openapi()
OPERATIONS = [pytest.param(operation, id=f"{verb.upper()} {path}") for verb, path, operation in operations(DOCUMENT)]


def refused(operation: dict[str, Any]) -> set[int]:
    return {int(status) for status in operation["responses"] if int(status) >= 400}


def contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for body in (operation.get("requestBody", {}), *operation["responses"].values()):
        if "application/json" in body.get("content", {}):
            yield body["content"]["application/json"]


def examples(content: dict[str, Any]) -> list[Any]:
    return [content["example"]] if "example" in content else [each["value"] for each in content["examples"].values()]


def fits(value: Any, schema: dict[str, Any]) -> None:
    jsonschema.validate(value, {**schema, "components": DOCUMENT["components"]}, jsonschema.Draft202012Validator)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_says_what_it_is_and_who_may_ask_for_it(operation: dict[str, Any]) -> None:
    assert operation["operationId"].isalpha()
    assert 5 < len(operation["summary"]) < 160
    assert operation["description"]
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
    assert operation["x-argosy-scope"] in ("public", "read", "write", "admin")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_goes_in_and_out_has_an_example_that_is_right(operation: dict[str, Any]) -> None:
    for content in contents(operation):
        for value in examples(content):
            fits(value, content["schema"])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_way_to_refuse_is_told(operation: dict[str, Any]) -> None:
    told = refused(operation)
    assert told >= {400, 403, 421, 500, 503}
    assert operation["x-argosy-scope"] == "public" or told >= {401, 429}
    assert "requestBody" not in operation or told >= {413, 415, 422}
    assert not operation.get("parameters") or told & {404, 422}


@pytest.mark.parametrize("status", REFUSALS)
def test_every_refusal_is_a_problem_with_its_codes(status: int) -> None:
    answer = DOCUMENT["components"]["responses"][f"Problem{status}"]
    content = answer["content"]["application/problem+json"]
    for code, shown in content["examples"].items():
        fits(shown["value"], content["schema"])
        assert shown["value"]["code"] == code
        assert shown["value"]["status"] == status


def test_every_status_that_an_error_becomes_is_described() -> None:
    statuses = {*BY_CODE.values(), *(status for _, status in BY_KIND)}
    assert statuses - {405} <= {*REFUSALS}, "405 is for what is no operation"


def test_no_two_operations_have_one_name() -> None:
    names = [operation["operationId"] for _, _, operation in operations(DOCUMENT)]
    assert len(names) == len(set(names))


def test_no_shape_is_named_after_where_it_is_written() -> None:
    assert [name for name in DOCUMENT["components"]["schemas"] if "__" in name] == []


def test_an_example_is_found_for_anything() -> None:
    schemas: dict[str, Any] = {
        "Own": {"type": "object", "properties": {"size": {"type": "integer"}, "etag": {"type": "integer"}}}
    }
    assert example({"$ref": "#/components/schemas/Own"}, schemas) == {"size": 4_194_304, "etag": 0}
    assert example({"anyOf": [{"type": "null"}, {"type": "array", "items": {"enum": ["a", "b"]}}]}, {}) == ["a"]
    assert example({"type": "string", "default": "x"}, {}) == "x"


def test_the_service_answers_it_to_who_may_read(service: Daemon) -> None:
    assert service.request("GET", "/openapi.json").json() == DOCUMENT
    assert service.request("GET", "/openapi.json", token=None).status == 401
