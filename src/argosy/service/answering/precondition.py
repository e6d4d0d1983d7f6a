"""Entity-tags of what the API shows, and the conditions that a request may put on them (RFC 9110 8.8.3, 13.1). Pure."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from argosy.errors import Conflict, UsageError

ANY: Final = "*"
LONGEST: Final = 8192
"""Characters of a field that are looked at."""
_TAG: Final = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_VERSION: Final = re.compile(r"v([0-9]{1,18})(?:-.*)?")


def tag_of(content: bytes, version: int | None = None) -> str:
    """Return the tag of ``content``. With a ``version`` it says which, so that a change can name the one it is meant for:
    counters go on under the reader's hands, the version only with changes of state.
    """
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    return f'"{digest}"' if version is None else f'"v{version}-{digest}"'


def has(if_none_match: str | None, tag: str) -> bool:
    """Tell whether the client has what ``tag`` stands for."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == ANY or tag.strip('"') in _TAG.findall(if_none_match[:LONGEST])


def check(if_match: str | None, tag: str) -> None:
    """Raise Conflict, code ``precondition_failed``, unless the client means what ``tag`` stands for, or says nothing."""
    if if_match is not None and not has(if_match, tag):
        raise Conflict(
            "it has changed since it was looked at", hint="look again, then decide", code="precondition_failed"
        )


def wanted_version(if_match: str | None) -> int | None:
    """Return the version of a task that a change is meant for; None: whichever it is. Raises UsageError for what is no tag
    of a task.
    """
    if if_match is None or if_match.strip() == ANY:
        return None
    found = [_VERSION.fullmatch(tag) for tag in _TAG.findall(if_match[:LONGEST])]
    if len(found) != 1 or found[0] is None:
        raise UsageError(
            "If-Match is no tag of a task",
            hint="send one ETag as a GET of the task gave it",
            code="precondition_failed",
        )
    return int(found[0][1])


def require(if_match: str | None) -> str:
    """Return the condition. Raises UsageError, code ``precondition_required``, if there is none."""
    if if_match is None:
        raise UsageError(
            "If-Match is needed here, so that nobody undoes what somebody else has just set",
            hint="GET it first, and send its ETag as If-Match; '*' means whatever it is",
            code="precondition_required",
        )
    return if_match
