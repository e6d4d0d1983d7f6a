"""Links to finished files: good until a moment, for one file of one task, and for nothing else. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
from typing import Final
from urllib.parse import quote

from argosy.core.types import FileState, TaskId
from argosy.errors import ArgosyError

PURPOSE: Final = b"argosy result link 1\n"
"""Signed with everything else, so that no other signature by the same key is ever good for a file."""
LONGEST_STEP_S: Final = 3600
NAMELESS: Final = "download"
_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


class BadLink(ArgosyError):
    """The signature is not ours, or not of this file."""

    code = "signature"


class LinkExpired(ArgosyError):
    """The link was good, and is too old."""

    code = "expired"


def signature(key: bytes, task_id: TaskId, index: int, expires: int) -> str:
    text = PURPOSE + f"{task_id}/{index}/{expires}".encode()
    return base64.urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)).rstrip(b"=").decode()


def check(key: bytes, task_id: TaskId, index: int, expires: str, signed: str, now: float) -> None:
    """Return if the link is good. Raises BadLink, or LinkExpired for one that was."""
    if not _NUMBER.fullmatch(expires) or not hmac.compare_digest(
        signature(key, task_id, index, int(expires)).encode(), signed.encode("utf-8", "surrogateescape")
    ):
        raise BadLink(
            "the link is not one of this service", hint="ask for the job's result again; copy all of the link"
        )
    if int(expires) <= now:
        raise LinkExpired("the link has expired", hint="ask for the job's result again: it has fresh ones")


def expiry(now: float, ttl_s: float) -> int:
    """Return until when links made now are good: for ``ttl_s`` at least, and a little longer, so that all that are made
    within an hour (or a quarter of ``ttl_s``) are the same and an answer that holds them does not change all the time.
    """
    step = max(1, min(LONGEST_STEP_S, int(ttl_s) // 4))
    return (math.floor(now) // step + 1) * step + math.ceil(ttl_s)


def name_of(file: FileState) -> str:
    """Return what the file is called, without the folders it is in."""
    return (file.published or file.path or NAMELESS).rpartition("/")[2]


class Links:
    """Makes the links of one answer: they all begin with ``base`` and expire together."""

    __slots__ = ("_key", "base", "expires_at")

    def __init__(self, key: bytes, base: str, now: float, ttl_s: float) -> None:
        self._key = key
        self.base = base
        self.expires_at = expiry(now, ttl_s)

    def __call__(self, file: FileState) -> str:
        signed = signature(self._key, file.task_id, file.index, self.expires_at)
        name = quote(name_of(file), safe="")
        return f"{self.base}/v1/results/{file.task_id}/{file.index}/{name}?expires={self.expires_at}&signature={signed}"
