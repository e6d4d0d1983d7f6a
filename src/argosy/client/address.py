"""Where a service is, and what it knows us by."""

from __future__ import annotations

from dataclasses import field
from typing import Final
from urllib.parse import urlsplit

from argosy.core.redact import redacted_url
from argosy.errors import UsageError
from argosy.value import dataclass

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """``url`` is the service's root. ``socket`` is a Unix socket to reach it through; the token goes nowhere else."""

    url: str
    token: str | None = field(default=None, repr=False)
    socket: str | None = None
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""

    @property
    def here(self) -> bool:
        """Whether the service surely runs on this machine, so that its files are this machine's. A loopback address does
        not prove it: that may be the end of a tunnel.
        """
        return self.socket is not None

    @property
    def loopback(self) -> bool:
        """Whether what we send stays on this machine, as far as we can tell."""
        return self.here or urlsplit(self.url).hostname in LOOPBACK

    @property
    def in_clear(self) -> bool:
        """Whether others could read the token on its way."""
        return not self.loopback and urlsplit(self.url).scheme == "http"


def root_of(url: str) -> str:
    """Return the service's root as it is kept and compared: without a final slash, query, or anything secret.
    Raises UsageError.
    """
    text = url.strip()
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in PORTS or not parts.hostname or port == -1:
        raise UsageError(
            f"not the address of a service: {redacted_url(text)}", hint="write https://downloads.example.org"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            "a service's address has no user, query or fragment", hint="the token is asked for, or read from stdin"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    at = "" if port is None or port == PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{host}{at}{parts.path.rstrip('/')}"
