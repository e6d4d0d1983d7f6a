"""By which names the service may be called: the defence against DNS rebinding. Pure.

A web page of ``evil.example`` may have its name point to this machine, and its scripts then ask us as if we were its own
server. The browser still says ``Host: evil.example``, so a name nobody gave us is refused, wherever it is asked for.
A literal address cannot be pointed elsewhere; still only those count by which the client reached us.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from argosy.errors import UsageError

_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
LONGEST_NAME: Final = 253
REMEMBERED: Final = 256
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Authority:
    """A host and, if one was written, a port. The host is in lower case; an IPv6 address has no brackets."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The address if the host is a literal one."""
        return address_of(self.host)

    def origin(self, scheme: str) -> str:
        """Return the web origin (RFC 6454) of what is called by this name."""
        port = None if self.port == DEFAULT_PORTS.get(scheme) else self.port
        return f"{scheme}://{Authority(self.host, port)}"


@lru_cache(REMEMBERED)
def parsed(text: str) -> Authority | None:
    """Return what a ``Host`` header says, None if it is not ``name``, ``1.2.3.4`` or ``[::1]``, with or without a port.

    No trailing dot, no zone, no number in another notation: a browser never sends those of ours.
    """
    host, port = text.lower(), ""
    if host.startswith("["):
        host, closed, port = host[1:].partition("]")
        if not closed or not isinstance(address_of(host), IPv6Address) or (port and port[0] != ":"):
            return None
        colon, port = port[:1], port[1:]
        host = str(address_of(host))
    else:
        host, colon, port = host.partition(":")
        if len(host) > LONGEST_NAME or not _NAME.fullmatch(host):
            return None
    if not colon:
        return Authority(host)
    return Authority(host, int(port)) if _PORT.fullmatch(port) and 0 < int(port) < 65_536 else None


@lru_cache(REMEMBERED)
def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address a text is, an IPv4 address in IPv6 clothes as what it is; None for any other text."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        return found.ipv4_mapped or (None if found.scope_id else found)
    return found


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names and addresses the service answers to.

    ``names`` were given by whoever set it up, with a port only if it must be that one. ``everywhere``: it listens on all
    addresses, of which some may be those of a router or a container's host, so any literal one will do.
    """

    names: frozenset[Authority] = frozenset()
    everywhere: bool = False

    def permitted(self, given: Sequence[str], bound: str | None) -> Authority | None:
        """Return as what the service is called, None if nobody may call it that, or there is not exactly one name.

        ``bound`` is the address of our end of the connection, None for a Unix socket.
        """
        asked = parsed(given[0]) if len(given) == 1 else None
        if asked is None:
            return None
        known = asked in self.names or Authority(asked.host) in self.names
        return asked if known or asked.host == "localhost" or self._is_ours(asked, bound) else None

    def _is_ours(self, asked: Authority, bound: str | None) -> bool:
        literal, here = asked.address, address_of(bound or "")
        if literal is None or literal.is_unspecified or literal.is_multicast:
            return False
        at_home = here is None or here.is_loopback
        return self.everywhere or literal == here or (at_home and literal in LOOPBACK)


LOOPBACK: Final = frozenset({ip_address("127.0.0.1"), ip_address("::1")})


def authorities(text: str, setting: str) -> frozenset[Authority]:
    """Return what a setting lists, separated by commas. Raises UsageError."""
    found = set()
    for word in filter(None, (part.strip() for part in text.split(","))):
        known = parsed(word)
        if known is None:
            raise UsageError(
                f"{setting}: {word!r} is no host", hint="a name or an address, as in 'nas.local' or 'nas.local:8970'",
                code="config",
            )  # fmt: skip
        found.add(known)
    return frozenset(found)


def web_origin(url: str, setting: str) -> str:
    """Return the origin of a URL of the web, without its path. Raises UsageError."""
    try:
        scheme, netloc, *_ = urlsplit(url)
    except ValueError:
        scheme = netloc = ""
    known = parsed(netloc) if scheme in DEFAULT_PORTS else None
    if known is None:
        raise UsageError(
            f"{setting}: {url!r} is no address of the web", hint="as in https://example.org", code="config"
        )
    return known.origin(scheme)
