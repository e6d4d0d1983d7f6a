"""What became of commands, task by task."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from argosy.cli import document, trouble
from argosy.cli.face import Face
from argosy.cli.text import counted, name_of, short
from argosy.core.types import TaskId
from argosy.errors import ArgosyError, IllegalTransition, UnknownTask
from argosy.runtime.message import Outcome

MOST_LINES = 20


def told(
    face: Face, verb: str, done: str, ids: Sequence[TaskId], outcomes: Iterable[Outcome], *, wide: bool = False
) -> int:
    """Print each outcome and return the exit code. ``done`` says in one word what happened.

    ``wide``: nobody named these tasks one by one, so those that have moved on meanwhile are left out.
    """
    pairs = [pair for pair in zip(ids, outcomes, strict=True) if not (wide and _moved_on(pair[1]))]
    errors = [outcome.error for _, outcome in pairs if outcome.error is not None]
    if face.json:
        face.say(document.document("outcomes/1", verb=verb, outcomes=[_as_json(*pair) for pair in pairs]))
        return trouble.exit_code([error.exit_code for error in errors])
    changed = [outcome for _, outcome in pairs if outcome.changed]
    for task_id, outcome in pairs:
        if outcome.error is not None:
            subject = name_of(outcome.task) if outcome.task else short(task_id)
            print(trouble.words(outcome.error.failure(), face, subject), file=sys.stderr)  # noqa: T201 - its result
        elif len(pairs) <= MOST_LINES and not face.quiet:
            face.say(f"{short(task_id)}  {_in_words(done, outcome)}")
    if len(pairs) > MOST_LINES:
        face.say(f"{done} {counted(len(changed), 'task')}")
    if not pairs:
        face.note(f"nothing to {verb}")
    return trouble.exit_code([error.exit_code for error in errors])


def _moved_on(outcome: Outcome) -> bool:
    return isinstance(outcome.error, IllegalTransition | UnknownTask)


def _in_words(done: str, outcome: Outcome) -> str:
    if outcome.task is None:
        return done
    status = outcome.task.status.value
    word = done if outcome.changed else f"is {status} already" if status != done else f"{done} already"
    return f"{word}  {name_of(outcome.task)}"


def _as_json(task_id: TaskId, outcome: Outcome) -> dict[str, Any]:
    error: ArgosyError | None = outcome.error
    return {
        "id": task_id,
        "changed": outcome.changed,
        "task": None if outcome.task is None else document.task(outcome.task),
        "error": None if error is None else trouble.as_json(error.failure()),
    }
