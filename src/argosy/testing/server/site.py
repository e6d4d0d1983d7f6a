"""The files a server has, with the faults of each and how often each fault has struck."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from argosy.testing.server.fault import Fault
from argosy.testing.server.message import Request
from argosy.testing.server.resource import Question, Resource


@dataclass(slots=True)
class Shelf:
    """One path: the version it has now, its faults, its counters."""

    resource: Resource
    faults: tuple[Fault, ...]
    requests: int = 0
    in_flight: int = 0
    matched: Counter[int] = field(default_factory=Counter)


class Site:
    """Files by path; safe to change from any thread while requests come in."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._everywhere = tuple(faults)
        self._shelves: dict[str, Shelf] = {}
        self._lock = threading.Lock()

    def put(self, path: str, resource: Resource, faults: Sequence[Fault]) -> None:
        """Places a file with these faults and fresh counters."""
        with self._lock:
            self._shelves[path] = Shelf(resource, (*self._everywhere, *faults))

    def replace(self, path: str, resource: Resource) -> None:
        """The file has another version from the next request on; faults and counters stay."""
        with self._lock:
            self._shelves[path].resource = resource

    def set_faults(self, path: str, faults: Sequence[Fault]) -> None:
        """The path has these faults from the next request on, not yet applied to anything."""
        with self._lock:
            shelf = self._shelves[path]
            shelf.faults, shelf.matched = (*self._everywhere, *faults), Counter()

    def remove(self, path: str) -> None:
        """The file is gone: 404."""
        with self._lock:
            del self._shelves[path]

    def resource(self, path: str) -> Resource:
        """The version a path has now."""
        with self._lock:
            return self._shelves[path].resource

    def arrive(self, request: Request) -> tuple[Question, list[Fault]] | None:
        """Counts a request; answers what it is about and the faults that strike it, None for an unknown path."""
        with self._lock:
            shelf = self._shelves.get(request.path)
            if shelf is None:
                return None
            shelf.requests += 1
            request = replace(request, number=shelf.requests, in_flight=shelf.in_flight)
            return Question(request, shelf.resource), list(_striking(shelf, request))

    @contextmanager
    def in_flight(self, path: str) -> Iterator[None]:
        """While it lasts, one more answer for ``path`` is under way."""
        self._fly(path, 1)
        try:
            yield
        finally:
            self._fly(path, -1)

    def _fly(self, path: str, change: int) -> None:
        with self._lock:
            if path in self._shelves:
                self._shelves[path].in_flight += change


def _striking(shelf: Shelf, request: Request) -> Iterator[Fault]:
    for place, fault in enumerate(shelf.faults):
        if not fault.when(request):
            continue
        earlier = shelf.matched[place]
        shelf.matched[place] += 1
        if earlier >= fault.skip and (fault.times is None or earlier < fault.skip + fault.times):
            yield fault
