"""Many WebSocket clients in one process, as cheap as they can be: they share the machine with what is measured.

A program of its own: `live_clients.py URL CLIENTS SECONDS`, and the token on its standard input. It prints a line once all are connected, counts for that time,
and prints what it saw as JSON. With 0 seconds it waits for its standard input to end instead, and only holds the connections.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sys
import time
from collections import Counter
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit

STATUS = re.compile(rb'"event":"task_status_changed","seq":(\d+),"at":"([^"]+)"')
PROGRESS = re.compile(rb'"download_progress","payload":\{"task_id":"(\w+)"')
CONNECTING = 32
"""At a time."""


class Client(asyncio.Protocol):
    """Subscribes to everything; knows just enough of RFC 6455. The first of all also counts progress."""

    def __init__(self, seen: Seen, request: bytes, first: bool) -> None:
        self.seen = seen
        self.request = request
        self.first = first
        self.ready = asyncio.get_running_loop().create_future()
        self.buffer = bytearray()
        self.need = 0
        self.seq = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if len(self.buffer) < self.need:
            return
        if not self.ready.done():
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            self.buffer = bytearray(rest)
            if not head.startswith(b"HTTP/1.1 101"):
                self.ready.set_exception(ConnectionError(head.decode()))
                return
            self.ready.set_result(None)
            self.say(b'{"type":"subscribe","snapshot":false}')
        while self.take_frame():
            pass

    def take_frame(self) -> bool:
        if len(self.buffer) < 2:
            return False
        size, start = self.buffer[1], 2
        if size == 126:
            size, start = int.from_bytes(self.buffer[2:4]), 4
        elif size == 127:
            size, start = int.from_bytes(self.buffer[2:10]), 10
        self.need = start + size
        if len(self.buffer) < self.need:
            return False
        self.seen.frame(self, bytes(self.buffer[start : self.need]))
        del self.buffer[: self.need]
        self.need = 0
        return True

    def say(self, text: bytes) -> None:
        assert len(text) < 126
        self.transport.write(bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        self.seen.lost += 1


class Seen:
    """What all clients together have seen since `start`."""

    def __init__(self) -> None:
        self.counting = False
        self.lost = 0
        self.latencies_ms: list[float] = []
        self.frames = self.bytes = self.disorder = 0
        self.progress: Counter[bytes] = Counter()

    def frame(self, client: Client, payload: bytes) -> None:
        now = time.time()
        if self.counting:
            self.frames += 1
            self.bytes += len(payload)
            if client.first:
                self.progress.update(PROGRESS.findall(payload))
        for seq, at in STATUS.findall(payload):
            number = int(seq)
            self.disorder += client.seq > 0 and number != client.seq + 1
            client.seq = number
            if self.counting:
                committed = datetime.fromisoformat(at.decode()).timestamp()
                self.latencies_ms.append(1000 * (now - committed))

    def summary(self, seconds: float) -> dict[str, float]:
        times = sorted(self.latencies_ms) or [0.0]
        own = os.times()
        return {
            "events": len(self.latencies_ms),
            "p50_ms": times[len(times) // 2],
            "p99_ms": times[int(len(times) * 0.99)],
            "max_ms": times[-1],
            "progress_hz": max(self.progress.values(), default=0) / seconds,
            "tasks": len(self.progress),
            "frames_per_s": self.frames / seconds,
            "mb_per_s": self.bytes / seconds / 1e6,
            "disorder": self.disorder,
            "lost": self.lost,
            "own_cpu_s": own.user + own.system,
        }


async def connect(seen: Seen, url: str, token: str, count: int) -> list[Client]:
    loop = asyncio.get_running_loop()
    address = urlsplit(url)
    room = asyncio.Semaphore(CONNECTING)

    async def one(first: bool) -> Client:
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET /ws HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        async with room:
            _, client = await loop.create_connection(
                lambda: Client(seen, request.encode(), first), address.hostname or "", address.port or 80
            )
            await client.ready
        return client

    return await asyncio.gather(*(one(number == 0) for number in range(count)))


async def main(url: str, token: str, count: int, seconds: float) -> None:
    seen = Seen()
    clients = await connect(seen, url, token, count)
    print(len(clients), flush=True)
    if not seconds:
        await asyncio.to_thread(sys.stdin.read)
    else:
        await asyncio.sleep(1.0)
        seen.counting = True
        await asyncio.sleep(seconds)
        seen.counting = False
    print(json.dumps(seen.summary(seconds or 1.0)), flush=True)
    for client in clients:
        client.transport.abort()


if __name__ == "__main__":
    try:
        import uvloop as faster
    except ImportError:
        faster = asyncio  # type: ignore[misc]
    faster.run(main(sys.argv[1], sys.stdin.readline().strip(), int(sys.argv[2]), float(sys.argv[3])))
