"""What a person wrote, without what nobody else should read over their shoulder."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

HIDDEN = "***"
_SECRET = re.compile(
    r"(?i)(^|[&;])([^=&;]*(?:token|secret|signature|sig|passw|pwd|key|auth|credential|session|policy|hmac|jwt)[^=&;]*)=[^&;]*"
)


def shown_url(url: str) -> str:
    """Return ``url`` without user and password, and without the values of parameters that look like keys to a door."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if "@" not in parts.netloc and "=" not in parts.query:
        return url
    place = parts.netloc.rpartition("@")[2]
    query = _SECRET.sub(rf"\1\2={HIDDEN}", parts.query)
    return urlunsplit((parts.scheme, place, parts.path, query, parts.fragment))


def shown_proxy(value: str) -> str:
    """Return a proxy's address without its user and password."""
    head, at, place = value.rpartition("@")
    return f"{head.partition('://')[0]}://{HIDDEN}@{place}" if at and "://" in head else place if at else value
