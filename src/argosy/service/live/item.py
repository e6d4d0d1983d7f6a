"""Events on their way out: encoded when the first client takes them, and never again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from argosy.core.document import of_event
from argosy.core.events import NAMES, Lasting, Live, Recorded
from argosy.core.types import TaskId
from argosy.service.live.filter import task_of

LOGGED_ONLY: Final = ("seq", "at", "version", "reason")


class Item:
    """One event, logged or live."""

    __slots__ = ("_text", "edition", "event", "heard_at", "overtaken", "seq", "task_id")

    def __init__(self, event: Recorded | Live, *, heard_at: int = 0, edition: int = 0) -> None:
        self.event = event
        self.seq = event.seq if isinstance(event, Recorded) else None
        """Its number in the log; a live event has none."""
        self.task_id: TaskId | None = task_of(self.inner)
        self.heard_at = heard_at
        """Of a live event: number of the last logged one before it."""
        self.edition = edition
        """Of a live event: the edition it came out with."""
        self.overtaken: int | None = None
        """Of a live event: number of the status change of its task that has come since."""
        self._text: str | None = None

    def __repr__(self) -> str:
        return f"<Item {self.name} {'live' if self.seq is None else self.seq}>"

    @property
    def inner(self) -> Lasting | Live:
        return self.event.event if isinstance(self.event, Recorded) else self.event

    @property
    def name(self) -> str:
        return NAMES[type(self.inner)]

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among all that was heard."""
        return (self.heard_at, 1) if self.seq is None else (self.seq, 0)

    @property
    def text(self) -> str:
        """The event as JSON: an EventDocument without the members that do not apply."""
        if self._text is None:
            self._text = json.dumps(document(self.event), separators=(",", ":"))
        return self._text


class Batch:
    """Events to be sent together, and where whoever has them stands afterwards. Many clients share one."""

    def __init__(self, items: Sequence[Item], seq: int, edition: int) -> None:
        self.items = tuple(items)
        self.seq = seq
        """Everything up to this number has been told."""
        self.edition = edition

    def __repr__(self) -> str:
        return f"<Batch of {len(self.items)} up to {self.seq}>"

    @cached_property
    def json(self) -> str:
        """The events as the inside of a JSON array."""
        return ",".join(item.text for item in self.items)

    @cached_property
    def server_sent(self) -> bytes:
        """The events as ``text/event-stream``. Only logged ones have an id: a client must not come back to another."""
        return "".join(map(_server_sent, self.items)).encode()


def _server_sent(item: Item) -> str:
    number = "" if item.seq is None else f"id: {item.seq}\n"
    return f"event: {item.name}\n{number}data: {item.text}\n\n"


def document(event: Recorded | Live) -> dict[str, Any]:
    """Return the event as clients are shown it; speeds and times to a tenth."""
    told = of_event(event)
    shown: dict[str, Any] = {"event": told.event}
    for name in LOGGED_ONLY:
        value = getattr(told, name)
        if value is not None:
            shown[name] = value
    payload = told.payload
    shown["payload"] = payload if isinstance(event, Recorded) else {key: _tenth(payload[key]) for key in payload}
    return shown


def _tenth(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _tenth(value[key]) for key in value}
    return round(value, 1) if isinstance(value, float) else value
