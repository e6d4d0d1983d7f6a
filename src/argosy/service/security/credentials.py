"""What somebody shows at the gate, found in the head of a request. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from argosy.service.security.hosts import Authority

SUBPROTOCOL: Final = "argosy"
BEARER_SUBPROTOCOL: Final = "argosy.bearer."
"""A page cannot set headers of a WebSocket: it offers ``argosy`` and ``argosy.bearer.<token>``."""
LONGEST: Final = 512
"""Bytes of a token or of a session."""


class Kind(Enum):
    """How somebody says who they are."""

    TOKEN = "token"  # noqa: S105 - a word
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Credential:
    """A token or a session's cookie; whether it is any good is for the keyring to say."""

    kind: Kind
    value: str = field(repr=False)


def shown(
    authorization: Sequence[str], subprotocols: Sequence[str], cookies: Sequence[str], cookie: str
) -> Credential | None:
    """Return what is shown: an ``Authorization`` header goes before a subprotocol, both before the cookie of that name."""
    for value in authorization:
        scheme, _, token = value.strip().partition(" ")
        if scheme.lower() == "bearer":
            return Credential(Kind.TOKEN, token.strip()[:LONGEST])
    for offered in subprotocols:
        if offered.startswith(BEARER_SUBPROTOCOL):
            return Credential(Kind.TOKEN, offered.removeprefix(BEARER_SUBPROTOCOL)[:LONGEST])
    for pair in (pair for line in cookies for pair in line.split(";")):
        name, _, value = pair.strip().partition("=")
        if name == cookie and value:
            return Credential(Kind.SESSION, value.strip()[:LONGEST])
    return None


def cookie_name(scheme: str, host: Authority) -> str:
    """Return the name of the session's cookie. A browser sends the cookies of a host to all its ports, so each has its own.

    ``__Host-`` (RFC 6265bis) makes the browser keep others from planting one; it takes TLS.
    """
    return "__Host-argosy" if scheme == "https" else f"argosy-{host.port or 80}"
