"""A proxy: HTTP with CONNECT, and SOCKS5, on one port each.

settings: log, user and password (optional), refuse (a status for CONNECT), cut_after (bytes of each tunnel), cuts
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SETTINGS: dict[str, Any] = json.loads(sys.argv[1])
CUTS = [SETTINGS.get("cuts", 0)]
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


def note(**event: Any) -> None:
    with Path(SETTINGS["log"]).open("a") as log:
        log.write(json.dumps(event) + "\n")


async def pump(source: Reader, target: Writer, limit: int | None = None) -> None:
    sent = 0
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
            sent += len(data)
            if limit is not None and sent >= limit:
                break
    target.close()


async def tunnel(reader: Reader, writer: Writer, host: str, port: int) -> None:
    far_reader, far_writer = await asyncio.open_connection(host, port)
    limit = None
    if CUTS[0]:
        CUTS[0] -= 1
        limit = SETTINGS["cut_after"]
    ways = {asyncio.create_task(pump(reader, far_writer)), asyncio.create_task(pump(far_reader, writer, limit))}
    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED if limit else asyncio.ALL_COMPLETED)
    for end in (writer, far_writer):
        end.close()


async def http(reader: Reader, writer: Writer) -> None:
    """One request a connection, which is enough for CONNECT and asks for a new one otherwise."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    note(method=method, target=target, headers=headers)
    if not allowed(headers.get("proxy-authorization", "")):
        writer.write(b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n')
    elif method == "CONNECT" and SETTINGS.get("refuse"):
        writer.write(f"HTTP/1.1 {SETTINGS['refuse']} No\r\nContent-Length: 0\r\n\r\n".encode())
    elif method == "CONNECT":
        host, _, port = target.rpartition(":")
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await tunnel(reader, writer, host.strip("[]"), int(port))
        return
    else:
        await forward(writer, method, target, lines[1:])
    writer.close()


async def forward(writer: Writer, method: str, target: str, lines: list[str]) -> None:
    parts = urlsplit(target)
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    kept = [line for line in lines if line and not line.lower().startswith(("proxy-", "connection:"))]
    far_reader, far_writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    request = [f"{method} {path} HTTP/1.1", *kept, "Connection: close", "", ""]
    far_writer.write("\r\n".join(request).encode("latin-1"))
    await pump(far_reader, writer)
    far_writer.close()


def allowed(credentials: str) -> bool:
    if "user" not in SETTINGS:
        return True
    wanted = base64.b64encode(f"{SETTINGS['user']}:{SETTINGS['password']}".encode()).decode()
    return credentials == f"Basic {wanted}"


async def socks(reader: Reader, writer: Writer) -> None:
    """RFC 1928 CONNECT, with RFC 1929 if a user is set."""
    _, count = await reader.readexactly(2)
    methods = await reader.readexactly(count)
    if "user" in SETTINGS:
        if 2 not in methods:
            writer.write(b"\5\xff")
            writer.close()
            return
        writer.write(b"\5\2")
        _, size = await reader.readexactly(2)
        user = await reader.readexactly(size)
        password = await reader.readexactly((await reader.readexactly(1))[0])
        good = (user.decode(), password.decode()) == (SETTINGS["user"], SETTINGS["password"])
        writer.write(b"\1\0" if good else b"\1\1")
        if not good:
            writer.close()
            return
    else:
        writer.write(b"\5\0")
    _, _, _, kind = await reader.readexactly(4)
    if kind == 1:
        host = socket.inet_ntop(socket.AF_INET, await reader.readexactly(4))
    elif kind == 4:
        host = socket.inet_ntop(socket.AF_INET6, await reader.readexactly(16))
    else:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    (port,) = struct.unpack("!H", await reader.readexactly(2))
    note(socks=host, port=port)
    writer.write(b"\5\0\0\1\0\0\0\0\0\0")
    await tunnel(reader, writer, host, port)


async def guarded(serve: Any, reader: Reader, writer: Writer) -> None:
    with suppress(OSError, EOFError):
        await serve(reader, writer)
    writer.close()


async def main() -> None:
    servers = [await asyncio.start_server(partial(guarded, serve), "127.0.0.1", 0) for serve in (http, socks)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    print(json.dumps({"port": ports[0], "socks": ports[1]}), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
