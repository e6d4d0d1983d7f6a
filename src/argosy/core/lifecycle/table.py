"""The table: from which status a task may come to which."""

from __future__ import annotations

from typing import Final

from argosy.core.types import Status

S = Status
TRANSITIONS: Final[dict[Status, frozenset[Status]]] = {
    S.PENDING: frozenset({S.SCHEDULED, S.PAUSED, S.CANCELLED}),
    S.SCHEDULED: frozenset({S.RUNNING, S.PAUSING, S.PENDING, S.RETRYING, S.FAILED, S.CANCELLED}),
    S.RUNNING: frozenset({S.PAUSING, S.COMPLETING, S.PENDING, S.RETRYING, S.FAILED, S.CANCELLED}),
    S.PAUSING: frozenset({S.PAUSED, S.PENDING, S.COMPLETING, S.FAILED, S.CANCELLED}),
    S.PAUSED: frozenset({S.PENDING, S.CANCELLED}),
    S.COMPLETING: frozenset({S.COMPLETED, S.PAUSED, S.PENDING, S.RETRYING, S.FAILED, S.CANCELLED}),
    S.RETRYING: frozenset({S.SCHEDULED, S.PENDING, S.PAUSED, S.CANCELLED}),
    S.FAILED: frozenset({S.PENDING}),
    S.CANCELLED: frozenset({S.PENDING}),
    S.COMPLETED: frozenset(),
}
