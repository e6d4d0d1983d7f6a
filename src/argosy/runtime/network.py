"""Whether this machine has a way to a host at all, told by its routing table: no packet is sent."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

from argosy.errors import NetworkError, Offline

SOMEWHERE: Final = ("192.0.2.1", "2001:db8::1")
"""Addresses for documentation (RFC 5737, RFC 3849): whoever has a way to the Internet has one to these."""
UNREACHED: Final = frozenset({"dns", "connect", "timeout", "stalled", "reset"})
"""Codes of failures that a missing network may be behind."""


def offline(error: NetworkError, host: str) -> Offline | None:
    """Return what the failure really is, if this machine has no way to ``host`` (``name:port``); None if it has."""
    if error.detail_code not in UNREACHED:
        return None
    name = host.rpartition(":")[0].strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        return None
    try:
        addresses: tuple[str, ...] = (str(ipaddress.ip_address(name)),)
    except ValueError:
        addresses = SOMEWHERE
    if any(map(has_way_to, addresses)):
        return None
    return Offline("this machine is offline", hint="it goes on by itself once the network is back")


def has_way_to(address: str) -> bool:
    """Tell whether the routing table has a way to the address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
    except OSError:
        return False
    return True
