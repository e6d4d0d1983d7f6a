"""Many tasks in one request: understood and written down a few at a time, as thousands in one piece would hold everybody up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from argosy.runtime.turn import in_turns
from argosy.service.answering.complaint import SHOWN
from argosy.service.asking.form import NewTask

TOGETHER: Final = 200
"""Some 3 ms."""
_SOME: Final = TypeAdapter(list[NewTask])


async def understood(sent: Sequence[Any]) -> list[NewTask]:
    """Return the tasks. Raises RequestValidationError for members that make no sense, as a route that takes one task does."""
    tasks: list[NewTask] = []
    errors: list[dict[str, Any]] = []
    before = 0
    async for some in in_turns(sent, TOGETHER):
        try:
            tasks += _SOME.validate_python(some)
        except ValidationError as error:
            errors += [_placed(dict(each), before) for each in error.errors(include_url=False, include_input=False)]
        if len(errors) >= SHOWN:
            break
        before += len(some)
    if errors:
        raise RequestValidationError(errors)
    return tasks


def _placed(error: dict[str, Any], before: int) -> dict[str, Any]:
    """Return the error as one of the whole request, ``before`` of whose tasks come before those that were looked at."""
    index, *members = error["loc"]
    return {**error, "loc": ("body", "tasks", before + index, *members)}


async def written(tasks: Sequence[NewTask]) -> bytes:
    """Return what was sent as the same JSON for the same tasks."""
    texts: list[str] = []
    async for some in in_turns(tasks, TOGETHER):
        texts += [task.model_dump_json(exclude_unset=True) for task in some]
    return f'{{"tasks":[{",".join(texts)}]}}'.encode()
