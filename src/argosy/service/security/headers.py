"""The headers that keep a browser from making something else of an answer than it is. A route's own go before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self';"
    " manifest-src 'self'; worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""For pages of ours: nothing inline, nothing from elsewhere."""
ALWAYS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", API_POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
EXPOSED: Final = "ETag, Location, Retry-After, Link, Idempotency-Replayed, Content-Disposition, Content-Range"
PREFLIGHT_S: Final = 600

Pairs = list[tuple[bytes, bytes]]


def secured(given: Sequence[tuple[bytes, bytes]], origin: str | None = None) -> Pairs:
    """Return an answer's headers with ours added. ``origin`` is the other site's that may read it, if one asks."""
    there = {name.lower() for name, _ in given}
    more = [pair for pair in ALWAYS if pair[0] not in there]
    return [*given, *more, *(shared(origin) if origin is not None else ())]


def shared(origin: str) -> Pairs:
    """Return what lets the pages of that origin read the answer. Cookies are never theirs to send."""
    return [
        (b"access-control-allow-origin", origin.encode()),
        (b"access-control-expose-headers", EXPOSED.encode()),
        (b"vary", b"Origin"),
    ]


def preflight(methods: str, wanted_headers: str, *, private: bool) -> dict[str, str]:
    """Return the headers that answer a preflight request (Fetch standard, 3.2) of an origin that may ask."""
    answer = {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": wanted_headers or "Authorization, Content-Type",
        "Access-Control-Max-Age": str(PREFLIGHT_S),
        "Vary": "Access-Control-Request-Headers",
    }
    return answer | ({"Access-Control-Allow-Private-Network": "true"} if private else {})
