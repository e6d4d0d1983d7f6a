"""A :class:`~argosy.store.port.Query` as SQL whose cost is that of the page.

One branch for each status, each in the order of an index and each no longer than the page: a single statement over
several statuses would sort all of their tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from argosy.core.types import Status
from argosy.store.codec import armour
from argosy.store.port import Query
from argosy.store.sqlite.row import Row
from argosy.store.sqlite.statement import listed, statement

CONTAINS = "contains"
"""Name of the SQL function ``contains(text, wanted)``, for what LIKE does not fold."""


def search(connection: apsw.Connection, query: Query) -> Sequence[Row]:
    """Return the rows of the page."""
    bindings: dict[str, Any] = {"limit": query.limit}
    order = "DESC" if query.newest_first else "ASC"
    common = _conditions(query, bindings)
    branches = [
        statement("branch", order=order, conditions=" AND ".join([*of_status, *common]) or "true")
        for of_status in _branches(query, bindings)
    ]
    if not branches:
        return []
    return listed(connection, "page", bindings, order=order, branches="\nUNION ALL ".join(branches))


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
    if query.after is not None:
        bindings["after"] = query.after
        conditions.append("number < :after" if query.newest_first else "number > :after")
    if query.text is not None:
        conditions.append(_text_condition(query.text, bindings))
    return conditions


def _text_condition(wanted: str, bindings: dict[str, Any]) -> str:
    if wanted.isascii():  # LIKE folds ASCII letters, all in C
        quoted = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        bindings["text"] = f"%{quoted}%"
        return "(source LIKE :text ESCAPE '\\' OR name LIKE :text ESCAPE '\\')"
    bindings["text"] = armour(wanted)
    return f"({CONTAINS}(source, :text) OR {CONTAINS}(coalesce(name, ''), :text))"
