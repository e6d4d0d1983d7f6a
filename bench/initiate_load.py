"""The load of the `initiate` case: requests leave when they are due, not when the one before has been answered.

A program of its own: `initiate_load.py URL SOURCE RATE SECONDS`, and the token on its standard input. Requests are due at random,
as those of many clients are (a Poisson process of a fixed seed); each takes an idle connection, or a new one if there is none. What
a request waits for before it is sent counts as waiting for its answer. It prints what it saw as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from contextlib import suppress
from typing import cast
from urllib.parse import urlsplit

WARM_UP_S = 1.0
"""Requests of the first second do not count: connections are opened, code runs for the first time."""
LATE_S = 0.005
"""A request that leaves so long after it was due says more of the load than of the service."""
GIVE_UP_S = 30.0
SEED = 20


class Connection(asyncio.Protocol):
    """Knows just enough of HTTP/1.1."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.buffer = bytearray()
        self.due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, due: float, request: bytes) -> None:
        self.due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < size or self.due is None:
            return
        self.load.answered(self.due, bytes(head[9:12]), bytes(body))
        self.buffer.clear()
        self.due = None
        self.load.idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        if self.due is not None:
            self.load.answered(self.due, b"cut off", b"")
        elif self in self.load.idle:
            self.load.idle.remove(self)


class Load:
    """Open-loop: see above."""

    def __init__(self, url: str, token: str, source: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.address = urlsplit(url)
        self.token = token
        self.source = source
        self.idle: list[Connection] = []
        self.connections = self.sent = self.late = 0
        self.refusals: Counter[str] = Counter()
        self.times_s: list[float] = []
        self.count = 0
        self.began = self.loop.time()
        self.waiting: set[asyncio.Task[None]] = set()
        self.over = False
        self.all_answered = asyncio.Event()

    async def run(self, rate: float, seconds: float) -> None:
        """All that is due has been answered afterwards, or was given up."""
        chance = random.Random(SEED)
        self.began = due = self.loop.time()
        end = due + WARM_UP_S + seconds
        while (due := due + chance.expovariate(rate)) < end:
            await asyncio.sleep(due - self.loop.time())
            self._send(min(due, self.loop.time()))  # a clock of whole milliseconds may wake us early
        self.over = True
        if self.count < self.sent:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.all_answered.wait(), GIVE_UP_S)
        if self.count < self.sent:
            self.refusals["no answer"] += self.sent - self.count

    def _send(self, due: float) -> None:
        self.late += self.loop.time() - due > LATE_S
        request = self._request(self.sent)
        self.sent += 1
        if self.idle:
            self.idle.pop().ask(due, request)
        else:
            opening = self.loop.create_task(self._open(due, request))
            self.waiting.add(opening)
            opening.add_done_callback(self.waiting.discard)

    async def _open(self, due: float, request: bytes) -> None:
        self.connections += 1
        _, connection = await self.loop.create_connection(
            lambda: Connection(self), self.address.hostname or "", self.address.port or 80
        )
        connection.ask(due, request)

    def _request(self, number: int) -> bytes:
        body = json.dumps({"urls": [f"{self.source}/file/{number}.bin"]}).encode()
        head = (
            f"POST /v1/download/initiate HTTP/1.1\r\nHost: {self.address.netloc}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def answered(self, due: float, status: bytes, body: bytes) -> None:
        self.count += 1
        if self.over and self.count == self.sent:
            self.all_answered.set()
        if status != b"202":
            self.refusals[f"{status.decode()} {body[:200].decode(errors='replace')}".strip()] += 1
        elif due > self.began + WARM_UP_S:
            self.times_s.append(self.loop.time() - due)

    def summary(self) -> dict[str, object]:
        times = sorted(1000 * each for each in self.times_s) or [0.0]
        return {
            "answered": self.count - self.refusals.total(),
            "refused": self.refusals.total(),
            "refusal": ", ".join(f"{count} × {why}" for why, count in self.refusals.most_common(1)),
            "late": self.late,
            "connections": self.connections,
            "p50_ms": times[len(times) // 2],
            "p99_ms": times[int(len(times) * 0.99)],
            "p999_ms": times[int(len(times) * 0.999)],
            "max_ms": times[-1],
        }


async def main(url: str, token: str, source: str, rate: float, seconds: float) -> None:
    load = Load(url, token, source)
    await load.run(rate, seconds)
    print(json.dumps(load.summary()), flush=True)


if __name__ == "__main__":
    try:
        import uvloop as faster
    except ImportError:
        faster = asyncio  # type: ignore[misc]
    faster.run(main(sys.argv[1], sys.stdin.readline().strip(), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
