"""In which order tasks are listed, and the token that says where the next page begins. Pure.

A token is opaque to clients and is trusted by nobody: what it holds is checked like any other parameter.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final, cast

from argosy.core.types import Task
from argosy.errors import UsageError
from argosy.store.port import SortKey, sort_value

ORDERS: Final[dict[str, SortKey]] = {
    "number": "number", "created_at": "number", "updated_at": "updated_at", "finished_at": "finished_at",
    "priority": "priority", "name": "name", "total": "total",
}  # fmt: skip
"""By what may be sorted, and by what that is done: tasks are numbered as they are created."""
CHOICES: Final = tuple(sign + name for name in ORDERS for sign in ("", "-"))
LARGEST: Final = 2**63 - 1
LONGEST_TOKEN: Final = 4096


@dataclass(frozen=True, slots=True)
class Order:
    """By what, and whether the greatest comes first."""

    by: SortKey
    descending: bool

    def __str__(self) -> str:
        return f"{'-' if self.descending else ''}{self.by}"


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which task a page begins: its number, and what it has of what is sorted by (None for the number)."""

    number: int
    value: float | str | None = None


def parse_order(text: str) -> Order:
    """Return the order; a minus sign turns it round. Raises UsageError for one there is not."""
    by = ORDERS.get(text.removeprefix("-"))
    if by is None:
        raise UsageError(
            "tasks cannot be put into that order", hint=f"order_by is one of {', '.join(CHOICES)}", code="order_by"
        )
    return Order(by, text.startswith("-"))


def token_after(task: Task, order: Order) -> str:
    """Return the token of the page that begins behind ``task``."""
    value = None if order.by == "number" else sort_value(task, order.by)
    content = json.dumps([str(order), task.number, value], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def parse_token(token: str, order: Order) -> Place:
    """Return where the page begins. Raises UsageError for a token that no page of this order has given."""
    place = _read(token, order) if len(token) <= LONGEST_TOKEN else None
    if place is None:
        raise UsageError(
            "page_token is not one that this list gave",
            hint="send next_page_token as it came, with the same order_by; without it the list begins again",
            code="page_token",
        )
    return place


def _read(token: str, order: Order) -> Place | None:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        said, number, value = json.loads(raw, parse_constant=_refuse)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        return None
    if said != str(order) or not _is_number(number) or not isinstance(number, int) or number < 0:
        return None
    fits = (
        value is None if order.by == "number" else isinstance(value, str) if order.by == "name" else _is_number(value)
    )
    return Place(number, cast("float | str | None", value)) if fits else None


def _is_number(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def _refuse(text: str) -> None:
    raise ValueError(text)
