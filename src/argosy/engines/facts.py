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


def described(state: FileState, head: Head, validators: Validators, total: int | None, *, resumable: bool) -> FileState:
    """Return the state with the version that the answer is of."""
    return state.having(
        size=total, etag=validators.etag, last_modified=validators.last_modified, date_is_strong=validators.strong_date,
        content_type=head.content_type, resumable=resumable,
    )  # fmt: skip
