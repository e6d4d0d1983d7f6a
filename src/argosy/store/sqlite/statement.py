"""The named statements of ``queries.sql``.

A statement that answers with rows is wrapped so that the whole answer is one JSON text, one row. Each step of SQLite
gives up Python's lock and must win it back, which takes up to 5 ms while another thread computes: a hundred rows would
cost as many waits.
"""

# ruff: noqa: ANN401  # likewise what a statement answers

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import apsw

from argosy.store.sqlite.row import TASK_SHOWN
from argosy.value import dataclass

Bindings = Sequence[Any] | Mapping[str, Any]

_HEADING = re.compile(r"^-- name: (\w+)(?: -> (\d+))?\n", re.MULTILINE)
_TASK_COLUMNS = TASK_SHOWN.count(",") + 1


@dataclass(frozen=True, slots=True)
class _Named:
    text: str
    columns: int


def listed(connection: apsw.Connection, name: str, bindings: Bindings = (), **parts: str) -> list[list[Any]]:
    """Return all rows of the statement's answer, in order."""
    rows: list[list[Any]] = json.loads(connection.execute(_as_json(name, **parts), bindings).get)
    return rows


def first(connection: apsw.Connection, name: str, bindings: Bindings = ()) -> Any:
    """Return the one value of the answer, None if there is none."""
    return connection.execute(statement(name), bindings).get


def run(connection: apsw.Connection, name: str, bindings: Bindings = ()) -> int:
    """Return how many rows the statement changed."""
    connection.execute(statement(name), bindings)
    return connection.changes()


@cache
def statement(name: str, **parts: str) -> str:
    """Return the text of the statement with its ``{parts}`` put in."""
    named = _named()[name].text
    return named.format(tasks=TASK_SHOWN, **parts) if "{" in named else named


@cache
def _as_json(name: str, **parts: str) -> str:
    names = ", ".join(f"c{number}" for number in range(_named()[name].columns))
    return (
        f"WITH answer ({names}) AS ({statement(name, **parts)})\n"
        f"SELECT '[' || coalesce(group_concat(json_array({names})), '') || ']' FROM answer"
    )


@cache
def _named() -> Mapping[str, _Named]:
    text = Path(__file__).with_name("queries.sql").read_text("utf-8")
    _, *pieces = _HEADING.split(text)
    triples = zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    return {name: _Named(body.strip(), int(columns or _TASK_COLUMNS)) for name, columns, body in triples}
