"""What a server says of a file when it is asked for its first byte. Nothing of the body is kept.

A GET, because many servers answer a HEAD with something else. A link that is good for one use only is used up by it.
"""

from __future__ import annotations

from dataclasses import replace

from argosy.core.answer import Asked, Head, refusal
from argosy.core.checksum import parse_digest_header
from argosy.core.header import ContentRange, Unsatisfied, parse_content_length, parse_content_range, parse_etag
from argosy.core.probe import Found
from argosy.core.types import TransferOptions
from argosy.engines.curl.client import Client
from argosy.engines.curl.question import Reply, ask

FIRST_BYTE = Asked(0, 0)


async def probe(client: Client, url: str, options: TransferOptions, now: float) -> Found:
    """Return what is told of the file. Raises the server's refusal, or what kept it from answering."""
    if not url.startswith("http"):
        return _of_ftp(await ask(client, url, options, limit=1, bare=True))
    reply = await ask(client, url, options, limit=1, asked=FIRST_BYTE)
    if reply.failure is not None and not reply.head.status:
        raise reply.failure
    if reply.head.status == 416 and _range(reply.head) is None:  # perhaps an empty file: asked for a byte, it has none
        reply = await ask(client, url, options, limit=1)
    return _of_http(reply, now)


def _of_http(reply: Reply, now: float) -> Found:
    head = reply.head
    told, size, resumable = _range(head), None, None
    if head.status == 206 and isinstance(told, ContentRange):
        size, resumable = told.total, True
    elif head.status == 416 and isinstance(told, Unsatisfied) and told.total == 0:
        size, resumable = 0, True
    elif head.status == 200:
        size, resumable = (
            (None if head.encodings else parse_content_length(head.fields.get("content-length", []))),
            False,
        )
    else:
        raise refusal(head, now=now)
    digests = (parse_digest_header(said) for name in ("repr-digest", "digest") if (said := head.get(name)))
    checksum = next((digest for digest in digests if digest is not None), None)
    tag = parse_etag(head.get("etag") or "")
    return Found(
        reply.url, size, resumable, head.content_type, head.get("last-modified"), None if tag is None else str(tag),
        head.get("content-disposition"), None if checksum is None else str(checksum),
    )  # fmt: skip


def _range(head: Head) -> ContentRange | Unsatisfied | None:
    return parse_content_range(head.get("content-range") or "")


def _of_ftp(reply: Reply) -> Found:
    """Read what FTP servers say, which libcurl writes as header lines."""
    if reply.failure is not None:
        raise reply.failure
    size = parse_content_length(reply.head.fields.get("content-length", []))
    found = Found(reply.url, size, last_modified=reply.head.get("last-modified"))
    return replace(found, resumable=True) if reply.head.get("accept-ranges") == "bytes" else found
