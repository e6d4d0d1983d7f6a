"""A server for the live cases: `/slow/…` gives a little fifteen times a second for two minutes, anything else a few bytes.

A program of its own; it prints its port.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

TURN_S = 1 / 15
PIECE = b"\x5a" * 1024
LENGTH = 2 << 20
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: {}\r\n\r\n"


class Trickle:
    def __init__(self) -> None:
        self.slow: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1]
                if path.startswith(b"/slow/"):
                    writer.write(HEAD.format(LENGTH, "close").encode() + PIECE)
                    self.slow.add(writer)
                    await reader.read()
                    break
                writer.write(HEAD.format(len(path), "keep-alive").encode() + path)
        self.slow.discard(writer)
        writer.close()

    async def feed(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += TURN_S
            for writer in self.slow:
                writer.write(PIECE)
            await asyncio.sleep(max(0.0, due - loop.time()))


async def main() -> None:
    trickle = Trickle()
    server = await asyncio.start_server(trickle.serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await trickle.feed()


if __name__ == "__main__":
    asyncio.run(main())
