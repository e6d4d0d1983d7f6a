"""What happened on the server, so that a test can assert the exact requests and the wasted bytes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from argosy.testing.server.answer import Answer
from argosy.testing.server.message import Request, Span


class Outcome(StrEnum):
    """How far an answer has come."""

    ANSWERING = "answering"
    ANSWERED = "answered"
    CUT = "cut"
    """A fault ended it before its end."""
    LEFT = "left"
    """The client went away before its end."""


@dataclass(frozen=True, slots=True, repr=False)
class RequestRecord:
    """One request and what became of it."""

    order: int
    """Place among all requests to the server, counted from 1."""
    request: Request
    started_s: float
    """Monotonic seconds since the server was made."""
    status: int
    answered_span: Span | None
    """The part of the file which a 206 carries."""
    ended_s: float | None = None
    bytes_sent: int = 0
    """Bytes of the body given to the kernel; the client may have read fewer."""
    outcome: Outcome = Outcome.ANSWERING

    def __repr__(self) -> str:
        asked = " ".join(filter(None, (self.method, self.request.target, self.range)))
        return f"<{self.order}: {asked} -> {self.status}, {self.bytes_sent} bytes, {self.outcome}>"

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def path(self) -> str:
        return self.request.path

    @property
    def range(self) -> str | None:
        return self.request.range

    @property
    def if_range(self) -> str | None:
        return self.request.if_range

    @property
    def agent(self) -> str | None:
        return self.request.agent

    @property
    def user(self) -> str | None:
        """The user of Basic authentication."""
        return self.request.credentials[0] if self.request.credentials else None

    @property
    def connection(self) -> int:
        return self.request.connection

    @property
    def number(self) -> int:
        return self.request.number

    def header(self, name: str) -> str | None:
        """The first header of that name which the client sent."""
        return self.request.header(name)


class Log:
    """Records of requests and counts of connections; written by the server's thread, read by any."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._records: dict[int, RequestRecord] = {}
        self._open: Counter[str | None] = Counter()
        self._most: Counter[str | None] = Counter()
        self._connections = 0
        self._version = 0
        self._started = time.monotonic()

    def begin(self, request: Request, answer: Answer) -> int:
        """Records a request and what it will be answered; answers its order."""
        with self._changing():
            order = len(self._records) + 1
            started_s = time.monotonic() - self._started
            self._records[order] = RequestRecord(order, request, started_s, answer.status, answer.span)
            return order

    def add_bytes(self, order: int, count: int) -> None:
        """Notes that so many more bytes of the body were sent."""
        with self._changing():
            record = self._records[order]
            self._records[order] = replace(record, bytes_sent=record.bytes_sent + count)

    def end(self, order: int, outcome: Outcome) -> None:
        """Notes how an answer ended."""
        with self._changing():
            ended_s = time.monotonic() - self._started
            self._records[order] = replace(self._records[order], outcome=outcome, ended_s=ended_s)

    def next_connection(self) -> int:
        """The number of a connection just accepted."""
        with self._changing():
            self._connections += 1
            return self._connections

    @contextmanager
    def counted(self, path: str | None) -> Iterator[None]:
        """While it lasts, one more is open: a connection (None) or an answer for a path."""
        self._count(path, 1)
        try:
            yield
        finally:
            self._count(path, -1)

    def _count(self, path: str | None, change: int) -> None:
        with self._changing():
            self._open[path] += change
            self._most[path] = max(self._most[path], self._open[path])

    def records(self, path: str | None = None) -> list[RequestRecord]:
        """All records in order, or those of one path."""
        with self._changed:
            return [record for record in self._records.values() if path in (None, record.path)]

    def open_now(self, path: str | None = None) -> int:
        with self._changed:
            return self._open[path]

    def most_open(self, path: str | None = None) -> int:
        with self._changed:
            return self._most[path]

    def connections(self) -> int:
        with self._changed:
            return self._connections

    def version(self) -> int:
        """A number that grows with every change."""
        with self._changed:
            return self._version

    def wait_for_change(self, version: int, timeout_s: float) -> bool:
        """Whether something changed in time since ``version()`` was that."""
        with self._changed:
            return self._changed.wait_for(lambda: self._version != version, timeout_s)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._changed:
            yield
            self._version += 1
            self._changed.notify_all()
