"""Connections in use to each host, over all tasks. Lives on the transfer loop."""

from __future__ import annotations

import asyncio
from collections import Counter, deque


class Gate:
    """At most ``first`` connections to a host at once; who waits gets in in order. ``most``, if it is more, with the spare
    ones: those of a file that has several already, for as long as nobody waits.
    """

    def __init__(self, first: int, most: int | None = None) -> None:
        self._used: Counter[str] = Counter()
        self._spare: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._first = first
        self._most = first if most is None else most

    def __repr__(self) -> str:
        return f"<Gate {dict(self._used)} of {self._first}, {self._most} with the spare ones>"

    def used(self, host: str) -> int:
        return self._used[host]

    def crowded(self, host: str) -> bool:
        """Tell whether somebody waits for the host."""
        return bool(self._waiting.get(host))

    def change(self, first: int, most: int | None = None) -> None:
        """Set other limits; connections beyond a lower one are not cut, they are just not replaced."""
        self._first = first
        self._most = first if most is None else most
        for host in list(self._waiting):
            self._admit(host)

    def try_acquire(self, host: str, *, spare: bool = False) -> bool:
        """Tell whether one may be opened at once, which it then is."""
        if self.crowded(host) or not self._has_room(host, spare=spare):
            return False
        self._used[host] += 1
        self._spare[host] += spare
        return True

    def _has_room(self, host: str, *, spare: bool = False) -> bool:
        return self._used[host] < self._most and (spare or self._used[host] - self._spare[host] < self._first)

    async def acquire(self, host: str) -> None:
        if self.try_acquire(host):
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(host, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was our turn at the very moment we left
                self.release(host)
            elif host in self._waiting:
                self._waiting[host].remove(turn)
                self._admit(host)
            raise

    def release(self, host: str, *, spare: bool = False) -> None:
        self._used[host] -= 1
        self._spare[host] -= spare
        if self._used[host] <= 0:
            del self._used[host], self._spare[host]
        self._admit(host)

    def _admit(self, host: str) -> None:
        waiting = self._waiting.get(host)
        while waiting and self._has_room(host):
            turn = waiting.popleft()
            if not turn.done():
                self._used[host] += 1
                turn.set_result(None)
        if waiting is not None and not waiting:
            del self._waiting[host]
