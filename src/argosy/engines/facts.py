"""What an answer tells of a file: what it may be called, how long it is, and which version it is of."""

from __future__ import annotations

from argosy.core.answer import Head
from argosy.core.checksum import parse_digest_header
from argosy.core.header import Validators
from argosy.core.types import FileState
from argosy.destinations.port import Facts


def facts_of(head: Head, url: str, validators: Validators, total: int | None, *, resumable: bool) -> Facts:
    """Return what an answer tells of a file of ``total`` bytes."""
    listed = [parse_digest_header(told) for name in ("repr-digest", "digest") if (told := head.get(name))]
    return Facts(
        url, total, validators.etag, validators.last_modified, validators.strong_date, head.content_type,
        head.get("content-disposition"), tuple(str(digest) for digest in listed if digest is not None), resumable,
    )  # fmt: skip


def described(state: FileState, facts: Facts) -> FileState:
    """Return the state with the version that the facts are of."""
    return state.having(
        size=facts.size, etag=facts.etag, last_modified=facts.last_modified, date_is_strong=facts.date_is_strong,
        content_type=facts.content_type, resumable=facts.resumable,
    )  # fmt: skip
