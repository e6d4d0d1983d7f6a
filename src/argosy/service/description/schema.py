"""How the service refuses, in its description: the shape of a refusal, and which status means what."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from argosy.service.answering.problem import MEDIA_TYPE


@dataclass(frozen=True, slots=True)
class InvalidMember:
    """One member of what was sent that makes no sense; its value is not repeated."""

    pointer: Annotated[str, Field(examples=["/options/connections"], description="RFC 6901.")]
    detail: Annotated[str, Field(examples=["Input should be less than or equal to 64"])]
    in_: Annotated[str, Field(alias="in", examples=["body"], description="`body`, `query`, `path` or `header`.")] = (
        "body"
    )


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
    hint: Annotated[str, Field(examples=["'argosy ls --all' lists what there is"])]
    retryable: bool
    exit_code: Annotated[int, Field(description="With which the command line would end, if that is not 1.")] = 1
    instance: Annotated[str | None, Field(description="The address that was asked.")] = None
    errors: list[InvalidMember] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a status means, and the codes that come with it, each with what it may say."""

    meaning: str
    codes: dict[str, str]
    retryable: bool = False


REFUSALS: Final = {
    400: Refusal("The request is not what HTTP is, its body is not JSON, or its address could mean two things.", {
        "bad_json": "the body cannot be read as JSON: expecting value, at line 1, column 13",
        "path": "the address has a part that could mean another one", "invalid": "Content-Length is no number"}),
    401: Refusal("A token is needed, or the one given is not good.", {
        "unauthorized": "a token is needed"}),
    403: Refusal("The token does not allow this, a page of another site asks, or the address asked for is not allowed.", {
        "forbidden": "this takes the scope 'write'", "origin": "a page of another site asks",
        "address": "10.0.0.7 is not a public address", "signature": "the link is not ours, or was changed"}),
    404: Refusal("There is no such thing.", {
        "unknown_task": "there is no task 3f2a9c0d5b6e4f708192a3b4c5d6e7f8", "not_found": "Not Found",
        "unknown_model": "there is no model 'tiny' in the catalogue"}),
    408: Refusal("What was sent did not come in time.", {"too_slow": "the request's body did not come in time"}, True),
    409: Refusal("The task's status does not allow it, or something else is in the way.", {
        "illegal_transition": "a completed task cannot be paused", "conflict": "somebody changed the task meanwhile",
        "not_ready": "the job is processing", "ambiguous": "several ids begin like that"}),
    410: Refusal("It was there, and is gone.", {
        "result_gone": "the file is not there any more", "expired": "the link was good until 2026-11-25 09:30",
        "removed": "the task that was made for this key has been removed since"}),
    412: Refusal("It has changed since it was looked at: `If-Match` does not fit.", {
        "precondition_failed": "it has changed since"}),
    413: Refusal("What was sent is too large.", {"too_large": "a request's body has 8388608 bytes at most"}),
    414: Refusal("The address is too long.", {"too_large": "the address is longer than 8192 bytes"}),
    415: Refusal("What was sent is of a kind that is not taken.", {"media_type": "a body is JSON here"}),
    416: Refusal("No byte of the file is in the range, or several ranges were asked for at once.", {
        "range": "the file has 4194304 bytes"}),
    421: Refusal("The service is not known by that name.", {"host": "nobody calls this service by that name"}),
    422: Refusal("What was asked makes no sense; `errors` says where.", {
        "invalid": "what was sent is not what this address takes", "usage": "nothing to download was named",
        "unknown_parameter": "the address has a parameter that means nothing here", "unknown_file": "the catalogue has no file 70001",
        "directory": "the folder is not below the download folder",
        "option_forbidden": "proxy can only be set by the owner of the service's machine",
        "idempotency_mismatch": "the Idempotency-Key was used for another request"}),
    428: Refusal("`If-Match` is needed here.", {"precondition_required": "say with If-Match what is to be changed"}),
    429: Refusal("Too many requests; `Retry-After` says when.", {"too_many": "too many wrong tokens from this address"}, True),
    431: Refusal("There are too many headers, or they are too large.", {"too_large": "there are more than 100 headers"}),
    500: Refusal("Something nobody foresaw, or the disk fails.", {"internal": "something nobody foresaw"}, True),
    502: Refusal("The server that holds the file refused, or could not be reached.", {
        "not_found": "the server says 404 Not Found", "connect": "the server cannot be reached"}),
    503: Refusal("The service cannot answer just now; `Retry-After` says when.", {
        "store_busy": "another process holds the store", "stopped": "the service stops"}, True),
    507: Refusal("The disk is full.", {"disk_full": "the disk is full"}),
}  # fmt: skip


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how an address refuses, for its ``responses``. What any address may answer comes of itself."""
    return {status: {"$ref": reference(status), "description": REFUSALS[status].meaning} for status in sorted(statuses)}


def reference(status: int) -> str:
    return f"#/components/responses/Problem{status}"


def refusals() -> dict[str, Any]:
    """Return the answers that :func:`problems` refers to."""
    return {f"Problem{status}": _answer(status, refusal) for status, refusal in REFUSALS.items()}


def shapes() -> dict[str, Any]:
    """Return the shape of a problem, and what it is made of."""
    shape = TypeAdapter(Problem).json_schema(ref_template="#/components/schemas/{model}")
    return {**shape.pop("$defs", {}), "Problem": shape}


def _answer(status: int, refusal: Refusal) -> dict[str, Any]:
    examples = {code: {"value": _problem(status, code, detail, refusal)} for code, detail in refusal.codes.items()}
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}}
    answer: dict[str, Any] = {"description": refusal.meaning, "content": content}
    headers = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
    if status in headers:
        answer["headers"] = {headers[status]: {"schema": {"type": "string"}}}
    return answer


def _problem(status: int, code: str, detail: str, refusal: Refusal) -> dict[str, Any]:
    said: dict[str, Any] = {
        "type": f"urn:argosy:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "hint": "",
        "retryable": refusal.retryable,
    }
    if code == "invalid" and status == 422:
        detail = "Input should be less than or equal to 64"
        said["errors"] = [{"pointer": "/options/connections", "in": "body", "detail": detail}]
    return said
