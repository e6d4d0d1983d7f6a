"""A :class:`~argosy.store.port.Query` as SQL whose cost is that of the page.

By number: one branch for each status, each in the order of an index and each no longer than the page; a single statement
over several statuses would sort all of their tasks. By the time of the end: along the index of that. By anything else
all tasks of those statuses are looked at, because an index more would cost every change of every task; of 100,000 tasks
that takes about a tenth of a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import apsw

from argosy.core.types import Status
from argosy.store.codec import armour
from argosy.store.port import Query, SortKey
from argosy.store.sqlite.row import Row
from argosy.store.sqlite.statement import listed, statement

CONTAINS = "contains"
"""Name of the SQL function ``contains(text, wanted)``, for what LIKE does not fold."""
SHOWS = "shows"
"""Likewise ``shows(source, wanted)``, which does not look at a source's secrets."""
_EXPRESSIONS: Final[Mapping[SortKey, str]] = {
    "updated_at": "updated_at", "finished_at": "finished_at", "priority": "priority",
    "name": "coalesce(name, '')", "total": "coalesce(total, -1)",
}  # fmt: skip
"""What is sorted by, in SQL: as :func:`argosy.store.port.sort_value` has it."""


def search(connection: apsw.Connection, query: Query) -> Sequence[Row]:
    """Return the rows of the page."""
    bindings: dict[str, Any] = {"limit": query.limit}
    order = "DESC" if query.newest_first else "ASC"
    common = _conditions(query, bindings)
    if query.by != "number":
        return _sorted(connection, query, common, bindings, order)
    if query.after is not None:
        bindings["after"] = query.after
        common.append("number < :after" if query.newest_first else "number > :after")
    branches = [
        statement("branch", order=order, conditions=" AND ".join([*of_status, *common]) or "true")
        for of_status in _branches(query, bindings)
    ]
    if not branches:
        return []
    return listed(connection, "page", bindings, order=order, branches="\nUNION ALL ".join(branches))


def _sorted(
    connection: apsw.Connection, query: Query, common: list[str], bindings: dict[str, Any], order: str
) -> Sequence[Row]:
    key = _EXPRESSIONS[query.by]
    conditions = list(common)
    if query.statuses is not None:
        bindings["statuses"] = json.dumps(sorted(query.statuses))
        conditions.append("status IN (SELECT value FROM json_each(:statuses))")
    if query.after is not None:
        value = query.after_value
        bindings.update(after=query.after, value=armour(value) if isinstance(value, str) else value)
        conditions.append(f"({key}, number) {'<' if query.newest_first else '>'} (:value, :after)")
    table = "tasks"
    if query.by == "finished_at":
        table = "tasks INDEXED BY tasks_finished"
        conditions.append("finished_at IS NOT NULL")
    where = " AND ".join(conditions) or "true"
    return listed(connection, "sorted_page", bindings, table=table, conditions=where, key=key, order=order)


def _branches(query: Query, bindings: dict[str, Any]) -> list[list[str]]:
    statuses = query.statuses
    if statuses is None and query.host is not None:
        statuses = frozenset(Status)  # the index goes by host and status
    if statuses is None:
        return [[]]
    names = sorted(statuses)
    bindings.update((f"status{place}", name) for place, name in enumerate(names))
    return [[f"status = :status{place}"] for place in range(len(names))]


def _conditions(query: Query, bindings: dict[str, Any]) -> list[str]:
    conditions = []
    for name in ("host", "key", "session"):
        wanted = getattr(query, name)
        if wanted is not None:
            bindings[name] = armour(wanted)
            conditions.append(f"{name} = :{name}")
            conditions += ["key <> ''"] * (name == "key" and wanted != "")  # or the index may not be used
    for name, (start, end) in (("created_at", query.created), ("finished_at", query.finished)):
        for sign, bound, moment in ((">=", "from", start), ("<", "until", end)):
            if moment is not None:
                bindings[f"{name}_{bound}"] = moment
                conditions.append(f"{name} {sign} :{name}_{bound}")
    if query.text is not None:
        conditions.append(_text_condition(query.text, bindings))
    return conditions


def _text_condition(wanted: str, bindings: dict[str, Any]) -> str:
    if wanted.isascii() and "\0" not in wanted:  # LIKE folds ASCII letters, all in C
        quoted = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        bindings |= {"like": f"%{quoted}%", "text": wanted}
        return f"(source LIKE :like ESCAPE '\\' AND {SHOWS}(source, :text) OR name LIKE :like ESCAPE '\\')"
    bindings["text"] = armour(wanted)
    return f"({SHOWS}(source, :text) OR {CONTAINS}(coalesce(name, ''), :text))"
