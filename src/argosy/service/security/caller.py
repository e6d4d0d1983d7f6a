"""From where a request comes and as what it calls us. What a header says of that counts from a trusted proxy only. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from argosy.errors import UsageError
from argosy.service.security.hosts import address_of

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Caller:
    """``address`` is the client's (empty through the Unix socket), ``scheme`` what it speaks to us or to our proxy,
    ``hosts`` every name it calls us by: exactly one, if all is well.
    """

    address: str
    scheme: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The ``X-Forwarded-`` headers as they came: every value of each."""

    addresses: Sequence[str] = ()
    schemes: Sequence[str] = ()
    hosts: Sequence[str] = ()


def caller_of(peer: str, scheme: str, hosts: Sequence[str], forwarded: Forwarded, proxies: Sequence[Network]) -> Caller:
    """Return who calls. ``peer`` is the other end of the connection; only one of ``proxies`` may speak for others.

    A chain of proxies each adds the address it was called from, so the last that is no proxy of ours is the client: what
    stands before it the client may have made up.
    """
    scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    if not _within(peer, proxies):
        return Caller(peer, scheme, tuple(hosts))
    chain = _listed(forwarded.addresses)
    client = next((each for each in reversed(chain) if not _within(each, proxies)), chain[0] if chain else peer)
    schemes, names = _listed(forwarded.schemes), _listed(forwarded.hosts)
    told = schemes[-1].lower() if schemes else scheme
    return Caller(
        client if address_of(client) is not None else peer,
        told if told in ("http", "https") else scheme,
        tuple(names[-1:] or hosts),
    )


def networks(text: str, setting: str) -> tuple[Network, ...]:
    """Return what a setting lists, separated by commas. Raises UsageError."""
    found = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.append(ip_network(word))
        except ValueError:
            raise UsageError(
                f"{setting}: {word!r} is no network", hint="as in 10.0.0.2 or 10.0.0.0/24", code="config"
            ) from None
    return tuple(found)


def _within(text: str, among: Sequence[Network]) -> bool:
    address = address_of(text) if among else None
    return address is not None and any(address in network for network in among)


def _listed(values: Sequence[str]) -> list[str]:
    return [word for value in values for word in (part.strip() for part in value.split(",")) if word]
