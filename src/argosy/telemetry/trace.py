"""Where a span belongs, in the words of W3C Trace Context, and what somebody who records spans is told.

Free of any tracing library: :mod:`argosy.telemetry.otel` is the one that exports, and it is loaded only where the
environment asks for it. Everywhere else a witness is None and nothing is done.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from contextvars import ContextVar
from typing import Literal, Protocol

from argosy.value import dataclass

TRACEPARENT = r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})"


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span: which trace it is of, which one it is, and whether anybody records that trace."""

    trace_id: str
    span_id: str
    sampled: bool

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"

    def child(self) -> TraceContext:
        """Return a new span of the same trace."""
        return TraceContext(self.trace_id, secrets.token_hex(8), self.sampled)


current: ContextVar[TraceContext | None] = ContextVar("argosy_trace", default=None)
"""The span within which code runs, if anybody records that."""


def asked_by() -> str | None:
    """Return what a task that is made now is to remember of who asked for it."""
    span = current.get()
    return None if span is None or not span.sampled else str(span)


def parse(traceparent: str) -> TraceContext | None:
    """Return what the header's value names, None if it is none (https://www.w3.org/TR/trace-context/)."""
    found = re.fullmatch(TRACEPARENT, traceparent)
    return None if found is None else TraceContext(found[1], found[2], bool(int(found[3], 16) & 1))


def of_task(task_id: str, parent: str | None) -> TraceContext | None:
    """Return a task's own span, the same in every process: within that of the request which created it; None if
    nobody recorded that.
    """
    context = parse(parent) if parent else None
    if context is None or not context.sampled:
        return None
    span_id = hashlib.blake2b(task_id.encode(), digest_size=8).hexdigest()
    return TraceContext(context.trace_id, span_id, sampled=True)


@dataclass(frozen=True, slots=True)
class Span:
    """One thing that was done, from ``began`` to ``ended`` (epoch seconds). ``error`` is a code, empty if all is well."""

    name: str
    context: TraceContext
    parent: TraceContext | None
    began: float
    ended: float
    facts: dict[str, str | int | float | bool]
    error: str = ""
    kind: Literal["internal", "server", "client"] = "internal"
    """``server``: it answered somebody else's request; ``client``: somebody else answered it."""


class Witness(Protocol):
    """Records spans."""

    def samples(self, trace_id: str) -> bool:
        """Tell whether a trace that begins here is to be recorded."""
        ...

    def record(self, span: Span) -> None:
        """Be quick, and raise nothing; called from any thread."""
