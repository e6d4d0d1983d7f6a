"""Small questions beside the transfers: is it still the same file, what does the checksum list say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pycurl

from argosy.core.answer import Asked, Head
from argosy.core.types import TransferOptions
from argosy.engines.curl.client import Client
from argosy.engines.curl.failure import translate
from argosy.engines.curl.head import parse_head
from argosy.engines.curl.origin import REDIRECTS, Origin
from argosy.engines.curl.request import Request, configure
from argosy.errors import ArgosyError


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with as much of its body as was wanted; ``failure`` is why there is not more, if that was not us."""

    head: Head
    body: bytes
    failure: ArgosyError | None
    cut: bool
    """Whether the body was longer than wanted."""


async def ask(
    client: Client, url: str, options: TransferOptions, *, limit: int, conditions: tuple[tuple[str, str], ...] = ()
) -> Reply:
    """Return the answer to a GET, following redirects; at most ``limit`` bytes of its body are read."""
    origin = Origin(url)
    while True:
        request = Request(origin.url, Asked(ranged=False), trusted=origin.trusted, conditions=conditions)
        reply = await _once(client, request, options, limit)
        if reply.head.status not in REDIRECTS:
            return reply
        origin.follow(request.url, reply.head.get("location"))


async def _once(client: Client, request: Request, options: TransferOptions, limit: int) -> Reply:
    body, over = bytearray(), asyncio.Event()
    lines: list[bytes] = []
    failures: list[BaseException | None] = []

    def take(data: bytes) -> int:
        body.extend(data[: limit - len(body)])
        return len(data) if len(body) < limit else 0

    def ended(future: asyncio.Future[pycurl.Curl]) -> None:
        failures.append(None if future.cancelled() else future.exception())
        over.set()

    curl = client.handle()
    configure(curl, request, options)
    curl.setopt(pycurl.HEADERFUNCTION, lines.append)
    curl.setopt(pycurl.WRITEFUNCTION, take)
    curl.setopt(pycurl.TIMEOUT_MS, int((options.connect_timeout_s + options.stall_timeout_s) * 1000))
    client.start(curl, ended)
    try:
        await over.wait()
    except asyncio.CancelledError:
        client.abort(curl)
        raise
    finally:
        client.release(curl)
    cut = len(body) >= limit
    failure = failures[0] if isinstance(failures[0], pycurl.error) and not cut else None
    return Reply(parse_head(lines), bytes(body), None if failure is None else translate(failure), cut)
