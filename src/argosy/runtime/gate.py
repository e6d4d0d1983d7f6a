"""Connections in use to each host, over all tasks. Lives on the transfer loop."""

from __future__ import annotations

import asyncio
from collections import Counter, deque


class Gate:
    """At most ``limit`` connections to a host at once; who waits gets in in order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def __repr__(self) -> str:
        return f"<Gate {dict(self._used)} of {self._limit}>"

    def used(self, host: str) -> int:
        return self._used[host]

    def change(self, limit: int) -> None:
        """Set another limit; connections beyond a lower one are not cut, they are just not replaced."""
        self._limit = limit
        for host in list(self._waiting):
            self._admit(host)

    def try_acquire(self, host: str) -> bool:
        if self._used[host] >= self._limit or self._waiting.get(host):
            return False
        self._used[host] += 1
        return True

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

    def release(self, host: str) -> None:
        self._used[host] -= 1
        if self._used[host] <= 0:
            del self._used[host]
        self._admit(host)

    def _admit(self, host: str) -> None:
        waiting = self._waiting.get(host)
        while waiting and self._used[host] < self._limit:
            turn = waiting.popleft()
            if not turn.done():
                self._used[host] += 1
                turn.set_result(None)
        if waiting is not None and not waiting:
            del self._waiting[host]
