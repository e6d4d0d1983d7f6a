"""Small questions beside the transfers: is it still the same file, what does the checksum list say."""

from __future__ import annotations

import asyncio
from math import ceil
from typing import Final

import pycurl

from argosy.core.answer import Asked, Head
from argosy.core.header import ContentRange, parse_content_range
from argosy.core.types import TransferOptions
from argosy.engines.curl.client import Client
from argosy.engines.curl.head import parse_head
from argosy.engines.curl.origin import REDIRECTS, Origin
from argosy.engines.curl.request import Request
from argosy.errors import ArgosyError, BadResponse
from argosy.value import dataclass

WHOLE: Final = Asked(ranged=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with as much of its body as was wanted; ``failure`` is why there is not more, if that was not us."""

    head: Head
    body: bytes
    failure: ArgosyError | None
    cut: bool
    """Whether the body was longer than wanted."""
    url: str = ""
    """Where the answer came from, after redirects."""


async def ask(
    client: Client,
    url: str,
    options: TransferOptions,
    *,
    limit: int,
    conditions: tuple[tuple[str, str], ...] = (),
    asked: Asked = WHOLE,
    bare: bool = False,
    body: bytes | None = None,
    patient: bool = False,
) -> Reply:
    """Return the answer to a GET, following redirects; at most ``limit`` bytes of its body are read.

    ``patient``: it may take as long as bytes come.
    ``bare``: only what is told of it, no body; for other protocols than HTTP. A ``body`` is sent by POST, and nowhere
    else than where it was to go.
    """
    origin = Origin(url)
    while True:
        request = Request(origin.url, asked, trusted=origin.trusted, conditions=conditions, body=body)
        reply = await _once(client, request, options, limit, bare=bare, patient=patient)
        if reply.head.status not in REDIRECTS or body is not None:
            return reply
        origin.follow(request.url, reply.head.get("location"))


def part_of(head: Head, body: bytes, span: tuple[int, int]) -> bytes:
    """Return the bytes ``[first, end)`` of an answer that was asked for just those. Raises BadResponse if they are not it."""
    first, end = span
    if head.status == 200:
        data = body[first:end]
    else:
        told = parse_content_range(head.get("content-range") or "")
        begins = isinstance(told, ContentRange) and told.first == first
        data = body[: end - first] if begins else b""
    if len(data) != end - first:
        raise BadResponse(f"{end - first:,} bytes were asked for, {len(data):,} came", code="bad_range", retryable=True)
    return data


async def _once(
    client: Client, request: Request, options: TransferOptions, limit: int, *, bare: bool, patient: bool
) -> Reply:
    chunks: list[bytes] = []
    held, over = 0, asyncio.Event()
    lines: list[bytes] = []
    failures: list[ArgosyError] = []

    def take(data: bytes) -> int:
        nonlocal held
        chunks.append(data[: limit - held])
        held += len(chunks[-1])
        return len(data) if held < limit else 0

    def ended(future: asyncio.Future[pycurl.Curl]) -> None:
        error = None if future.cancelled() else future.exception()
        if isinstance(error, pycurl.error):
            failures.append(client.failure(error, curl))
        over.set()

    curl = client.handle(request, options)
    curl.setopt(pycurl.HEADERFUNCTION, lines.append)
    if bare:
        curl.setopt(pycurl.NOBODY, 1)
    curl.setopt(pycurl.WRITEFUNCTION, take)
    if patient:
        curl.setopt(pycurl.LOW_SPEED_LIMIT, 1)
        curl.setopt(pycurl.LOW_SPEED_TIME, max(1, ceil(options.stall_timeout_s)))
    else:
        curl.setopt(pycurl.TIMEOUT_MS, int((options.connect_timeout_s + options.stall_timeout_s) * 1000))
    client.start(curl, ended)
    try:
        await over.wait()
    except asyncio.CancelledError:
        client.abort(curl)
        client.release(curl, reusable=False)
        raise
    client.release(curl)
    cut = held >= limit
    failure = failures[0] if failures and not cut else None
    return Reply(parse_head(lines), b"".join(chunks), failure, cut, request.url)
