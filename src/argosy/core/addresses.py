"""Which network addresses a task may reach that came from somebody else than the machine's owner.

What is refused is told by address, never by name or by the look of a URL: an address is what a connection goes to, however
it was written and whoever resolved it. So the rule holds for redirects, mirrors and names that resolve to two things.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from argosy.errors import UsageError
from argosy.value import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NOT_PUBLIC: Final = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # "this host": connects to the machine itself
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # behind a carrier's NAT (RFC 6598); some clouds keep metadata there
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's own service, at a public address that every machine there can reach
        "169.254.0.0/16",  # link-local, where clouds keep metadata and credentials
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments (RFC 6890); some clouds keep metadata there
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.88.99.0/24",  # 6to4 relays, given up (RFC 7526)
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
"""IPv4 networks that are not on the public Internet (IANA's special-purpose registry); all others are."""
GIVEN_OUT: Final = ipaddress.IPv6Network("2000::/3")
"""Nothing outside is on the public Internet: loopback, fc00::/7, link-local, multicast, site-local, unspecified …"""
NOT_PUBLIC_6: Final = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation (RFC 3849)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
"""Exceptions within GIVEN_OUT."""
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Public addresses, and those of the ``allowed`` networks."""

    allowed: tuple[Network, ...] = ()

    def permits(self, address: Address) -> bool:
        """Whether it may be connected to. An IPv4 address in the clothes of an IPv6 one is judged as what it is."""
        inner = carried(address)
        if any(address in network for network in self.allowed if network.version == address.version):
            return True
        return is_public(address) if inner is None else self.permits(inner)

    def permits_text(self, text: str) -> bool:
        """Whether the address, written as numbers, may be connected to; what is none may not."""
        try:
            return self.permits(ipaddress.ip_address(text))
        except ValueError:
            return False


def is_public(address: Address) -> bool:
    """Whether the address itself is one of the public Internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in NOT_PUBLIC)
    return address in GIVEN_OUT and not any(address in network for network in NOT_PUBLIC_6)


def carried(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that packets to this IPv6 address end up at, if there is one.

    Mapped (RFC 4291 2.5.5.2), compatible (2.5.5.1), 6to4 (RFC 3056) and NAT64 (RFC 6052). Teredo is refused as a whole.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    high, low = divmod(int(address), 1 << 32)
    if address in NAT64 or (high == 0 and low > 1):  # :: and ::1 are themselves
        return ipaddress.IPv4Address(low)
    return None


def parse(text: str) -> Addresses:
    """Return the policy that a comma-separated list of networks opens. Raises UsageError.

    A single address is a network of its own; one that has bits of a host (``192.168.1.7/24``) is the network around it.
    """
    return Addresses(tuple(_network(part) for each in text.split(",") if (part := each.strip())))


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise UsageError(
            f"allow_network: {text!r} is no network", hint="write it as 192.168.0.0/16 or fd00::/8", code="config"
        ) from None
