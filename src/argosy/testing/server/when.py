"""Which requests a fault strikes: small predicates, combined with ``&``, ``|`` and ``~``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from argosy.testing.server.message import Request, Span, asked_span


@dataclass(frozen=True, slots=True)
class When:
    """A named test of a request."""

    name: str
    test: Callable[[Request], bool]

    def __call__(self, request: Request) -> bool:
        return self.test(request)

    def __and__(self, other: When) -> When:
        return When(f"({self} & {other})", lambda request: self(request) and other(request))

    def __or__(self, other: When) -> When:
        return When(f"({self} | {other})", lambda request: self(request) or other(request))

    def __invert__(self) -> When:
        return When(f"~{self}", lambda request: not self(request))

    def __repr__(self) -> str:
        return self.name


always = When("always", lambda _: True)
ranged = When("ranged", lambda request: request.range is not None)
conditional = When("conditional", lambda request: request.if_range is not None)
head = When("head", lambda request: request.method == "HEAD")


def nth(*numbers: int) -> When:
    """The requests with these numbers, counted from 1 for each path."""
    return When(f"nth{numbers}", lambda request: request.number in numbers)


def first(count: int) -> When:
    """The first ``count`` requests for a path."""
    return When(f"first({count})", lambda request: request.number <= count)


def after(count: int) -> When:
    """All requests for a path but the first ``count``."""
    return When(f"after({count})", lambda request: request.number > count)


def beginning_at(start: int, end: int | None = None) -> When:
    """Ranges whose first byte is ``start``, or lies between ``start`` and ``end`` (excluded)."""
    end = start + 1 if end is None else end

    def test(request: Request) -> bool:
        return request.first_byte is not None and start <= request.first_byte < end

    return When(f"beginning_at({start}, {end})", test)


def covering(offset: int) -> When:
    """Requests for bytes among which is the one at ``offset``; a request without a range covers all."""
    beyond_all = 1 << 63

    def test(request: Request) -> bool:
        span = asked_span(request.range, beyond_all)
        return span is None or (isinstance(span, Span) and span.start <= offset < span.end)

    return When(f"covering({offset})", test)


def on_connection(*numbers: int) -> When:
    """Requests on these connections, counted from 1 in the order the server accepted them."""
    return When(f"on_connection{numbers}", lambda request: request.connection in numbers)


def with_header(name: str, value: str | None = None) -> When:
    """Requests that carry a header, or carry it with exactly that value."""

    def test(request: Request) -> bool:
        sent = request.header(name)
        return sent is not None and value in (None, sent)

    return When(f"with_header({name!r}, {value!r})", test)
