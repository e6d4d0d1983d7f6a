"""How much anybody may send before we know who it is, and in which form. What it says of a head is pure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from starlette.types import Message, Receive

from argosy.errors import Failure

BODY_BYTES: Final = 8 * 1024 * 1024
"""About 50,000 URLs. A longer list is sent in several requests."""
BODY_S: Final = 60.0
PAUSE_S: Final = 15.0
"""A body that has begun goes on after at most so long, and is complete after ``BODY_S``."""
TARGET_BYTES: Final = 8 * 1024
HEAD_BYTES: Final = 32 * 1024
FIELDS: Final = 100
MEDIA_TYPES: Final = frozenset({"application/json", "application/merge-patch+json"})
"""No form and no text: those a page of anybody's may send without being asked whether it may."""

Head = Sequence[tuple[bytes, bytes]]


def head_refusal(target: bytes, head: Head) -> tuple[int, Failure] | None:
    """Return why a head is not looked at further, with the HTTP status."""
    if len(target) > TARGET_BYTES:
        return 414, Failure("too_large", f"the address is longer than {TARGET_BYTES} bytes")
    if len(head) > FIELDS or sum(len(name) + len(value) for name, value in head) > HEAD_BYTES:
        return 431, Failure("too_large", f"there are more than {FIELDS} headers, or {HEAD_BYTES} bytes of them")
    return None


def body_refusal(
    length: str | None, chunked: bool, coding: str | None, media_type: str | None
) -> tuple[int, Failure] | None:
    """Return why a body is not read, with the HTTP status; None where there is none, or a good one."""
    if length is not None and not (length.isascii() and length.isdecimal()):
        return 400, Failure("invalid", "Content-Length is no number")
    if not chunked and int(length or 0) == 0:
        return None
    if int(length or 0) > BODY_BYTES:
        return 413, TOO_LARGE
    if coding is not None and coding.strip().lower() not in ("", "identity"):
        return 415, Failure("media_type", "a compressed request is not read", "send it without Content-Encoding")
    essence, _, parameters = (media_type or "").lower().partition(";")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip().strip('"')
    if essence.strip() not in MEDIA_TYPES or charset not in ("", "utf-8"):
        return 415, Failure("media_type", "a body is JSON here", "send it with Content-Type: application/json")
    return None


TOO_LARGE: Final = Failure(
    "too_large", f"a request's body has {BODY_BYTES} bytes at most", "send what it holds in several requests"
)
TOO_SLOW: Final = Failure("too_slow", "the request's body did not come in time", "send it again", retryable=True)


class Unread(Exception):
    """The body is not read to its end; the gate answers, whatever becomes of the exception on its way there."""


class Body:
    """Hands a body on while it is neither too large nor too slow. What comes after its end passes untouched; ``raw`` bounds
    nothing.
    """

    __slots__ = ("_deadline", "_ended", "_size", "raw", "refusal")

    def __init__(self, receive: Receive) -> None:
        self.raw = receive
        self._size = 0
        self._ended = False
        self._deadline: float | None = None
        self.refusal: tuple[int, Failure] | None = None

    async def receive(self) -> Message:
        """Raises Unread, and leaves the reason in ``refusal``."""
        if self._ended:
            return await self.raw()
        now = asyncio.get_running_loop().time()
        if self._deadline is None:
            self._deadline = now + BODY_S
        try:
            async with asyncio.timeout_at(min(now + PAUSE_S, self._deadline)):
                message = await self.raw()
        except TimeoutError:
            self.refusal = (408, TOO_SLOW)
            raise Unread from None
        self._size += len(message.get("body", b""))
        if self._size > BODY_BYTES:
            self.refusal = (413, TOO_LARGE)
            raise Unread
        self._ended = not message.get("more_body", False)
        return message
