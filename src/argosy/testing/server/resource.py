"""One file on the server: its bytes and what is said about them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from argosy.testing.server.body import Body
from argosy.testing.server.message import Headers, Request, http_date

AUTO: Final = "auto"
"""As an ETag: a strong one, derived from the content."""

LONG_AGO: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""When files were last modified unless a test says otherwise: long enough ago to be a strong validator."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One version of a file, its headers as they appear on the wire."""

    body: Body
    etag: str | None = None
    last_modified: str | None = None
    content_type: str = "application/octet-stream"
    headers: Headers = ()

    @classmethod
    def of(
        cls,
        content: Body | bytes,
        *,
        etag: str | None = AUTO,
        last_modified: datetime | str | None = LONG_AGO,
        content_type: str = "application/octet-stream",
        headers: Mapping[str, str] | Headers = (),
    ) -> Resource:
        """The version with these bytes; ``etag`` is quoted unless it is already, a text as date is taken as it is."""
        body = Body.of(content)
        return cls(
            body,
            None if etag is None else quoted(body.fingerprint if etag == AUTO else etag),
            http_date(last_modified) if isinstance(last_modified, datetime) else last_modified,
            content_type,
            tuple(headers.items()) if isinstance(headers, Mapping) else tuple(headers),
        )


@dataclass(frozen=True, slots=True)
class Question:
    """A request and the version of the file it is about: all a fault may look at."""

    request: Request
    resource: Resource


def quoted(etag: str) -> str:
    """``etag`` as an entity-tag: ``v1`` becomes ``"v1"``, ``"v1"`` and ``W/"v1"`` stay."""
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'


def digest(body: Body | bytes, algorithm: str = "sha-256") -> str:
    """The value of a Digest header (RFC 3230) for these bytes."""
    raw = Body.of(body).digest(algorithm.replace("-", "").lower())
    return f"{algorithm}={base64.b64encode(raw).decode()}"


def repr_digest(body: Body | bytes, algorithm: str = "sha-256") -> str:
    """The value of a Repr-Digest header (RFC 9530) for these bytes."""
    name, _, value = digest(body, algorithm).partition("=")
    return f"{name}=:{value}:"
