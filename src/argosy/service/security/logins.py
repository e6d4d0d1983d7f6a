"""How often somebody may be wrong: a bucket of failures for each address, refilled with time. Pure, given the time."""

from __future__ import annotations

import math
from collections import OrderedDict
from ipaddress import IPv6Address, ip_network
from typing import Final

from argosy.service.security.hosts import address_of

BURST: Final = 10
REFILL_S: Final = 6.0
"""Seconds until one more failure is forgiven."""
ADDRESSES: Final = 4096
"""The longest silent address is forgotten first."""
SITE_BITS: Final = 64
"""One caller has all the addresses of an IPv6 network of this prefix."""


class FailedLogins:
    """Who is wrong too often is told to wait, and costs no more than that answer.

    Who shows what is right is never refused: a stranger behind the same address locks nobody out. That is no hole as
    tokens cannot be guessed; the bound is there against noise, and so that the log shows it once.
    """

    def __init__(self) -> None:
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def failed(self, address: str, now: float) -> float | None:
        """Take note of a failure; return the seconds to wait if there were too many, else None."""
        site = _site(address)
        level, since = self._levels.pop(site, (0.0, now))
        level = min(max(0.0, level - (now - since) / REFILL_S) + 1.0, BURST + 1.0)
        self._levels[site] = (level, now)
        while len(self._levels) > ADDRESSES:
            self._levels.popitem(last=False)
        return math.ceil((level - BURST) * REFILL_S) if level > BURST else None


def _site(address: str) -> str:
    known = address_of(address)
    return str(ip_network((known, SITE_BITS), strict=False)) if isinstance(known, IPv6Address) else address
