"""The way from one loop to the other: any thread puts, the owner's loop takes.

However many letters arrive before the owner gets around to look, it is woken once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Letters in order of posting; ``deliver`` is called on ``loop`` with all that are there."""

    __slots__ = ("_awake", "_deliver", "_letters", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[list[T]], None]) -> None:
        self._loop = loop
        self._deliver = deliver
        self._letters: deque[T] = deque()
        self._awake = False

    def post(self, letter: T) -> bool:
        """Hand ``letter`` over from any thread; False if the loop is closed and nobody will read it."""
        self._letters.append(letter)
        if self._awake:
            return True
        self._awake = True
        try:
            self._loop.call_soon_threadsafe(self._open)
        except RuntimeError:
            return False
        return True

    def _open(self) -> None:
        # Awake goes down first: a letter posted from here on wakes us again, one posted before is in this batch.
        self._awake = False
        batch: list[T] = []
        while self._letters:
            batch.append(self._letters.popleft())
        if batch:
            self._deliver(batch)
