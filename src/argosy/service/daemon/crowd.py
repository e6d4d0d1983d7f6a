"""Who is to leave when there are too many connections: those that ask for nothing, the longest silent first. Pure."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Crowd(Generic[T]):
    """Of all connections those that are idle, in the order in which they became so."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: dict[T, None] = {}

    def idles(self, one: T) -> None:
        """It waits for a request, or for the rest of a head."""
        self._idle.pop(one, None)
        self._idle[one] = None

    def is_busy(self, one: T) -> None:
        """It is being answered, or is gone."""
        self._idle.pop(one, None)

    def leaver(self, present: int) -> T | None:
        """Return which is to go so that one more may come; None while there is room, or if all are busy."""
        if present < self._most:
            return None
        gone = next(iter(self._idle), None)
        if gone is not None:
            del self._idle[gone]
        return gone
