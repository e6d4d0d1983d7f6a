"""A file server with a strict pace for each TCP connection, in a process of its own; prints its port.

nginx's `limit_rate` counts a response at a time and gives each one its first second free, so many small ranges outrun
it. Here the pace belongs to the connection, whatever is asked over it. One connection, by the order in which connections
send their first request, may be slower than the others; it stays so until it is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import mmap
import re
from dataclasses import dataclass, field
from pathlib import Path

TICK_S = 0.02
"""How often a connection is given bytes: short enough that a pace looks even, long enough to cost little."""
RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d*) *\r\n", re.IGNORECASE)


@dataclass(slots=True)
class PacedServer:
    body: mmap.mmap
    rate: int
    """Bytes a second for each connection."""
    slow_rate: int
    slow_turn: int
    """Which connection is the slow one, the first being 1; 0 for none."""
    turns: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rate: int | None = None
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                if rate is None:
                    rate = self.slow_rate if next(self.turns) == self.slow_turn else self.rate
                await self._answer(request, writer, rate)
        writer.close()

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter, rate: int) -> None:
        total = len(self.body)
        start, stop, head = _head(RANGE.search(request), total)
        writer.write(head)
        if not request.startswith(b"HEAD"):
            await self._send(writer, start, stop, rate)
        await writer.drain()

    async def _send(self, writer: asyncio.StreamWriter, start: int, stop: int, rate: int) -> None:
        """Bytes leave when they are due, so that socket buffers cannot hide a burst."""
        loop = asyncio.get_running_loop()
        step = max(1, int(rate * TICK_S))
        due = loop.time()
        for offset in range(start, stop, step):
            end = min(offset + step, stop)
            writer.write(self.body[offset:end])
            await writer.drain()
            due = max(due, loop.time() - TICK_S) + (end - offset) / rate  # what a slow reader missed is not made up
            await asyncio.sleep(due - loop.time())


def _head(wanted: re.Match[bytes] | None, total: int) -> tuple[int, int, bytes]:
    """First byte, byte after the last, and the head of the answer."""
    start = int(wanted[1]) if wanted else 0
    stop = min(int(wanted[2]) + 1, total) if wanted and wanted[2] else total
    if start >= total:
        return 0, 0, f"HTTP/1.1 416 No\r\nContent-Range: bytes */{total}\r\nContent-Length: 0\r\n\r\n".encode()
    status = f"206 Partial Content\r\nContent-Range: bytes {start}-{stop - 1}/{total}" if wanted else "200 OK"
    lines = (
        f"HTTP/1.1 {status}",
        "Content-Type: application/octet-stream",
        f"Content-Length: {stop - start}",
        "Accept-Ranges: bytes",
        'ETag: "paced-1"',
        "Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT",
        "\r\n",
    )
    return start, stop, "\r\n".join(lines).encode()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("rate", type=int)
    parser.add_argument("slow_rate", type=int)
    parser.add_argument("slow_turn", type=int)
    options = parser.parse_args()
    with options.file.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body:
        paced = PacedServer(body, options.rate, options.slow_rate, options.slow_turn)
        server = await asyncio.start_server(paced.serve, "127.0.0.1", 0, backlog=512)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
