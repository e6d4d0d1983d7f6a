"""Where a request may connect: looked at when the socket is made, for every connection, whatever led there."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import pycurl

from argosy.core.addresses import Addresses
from argosy.core.types import TransferOptions
from argosy.errors import AddressRefused

FAMILIES: Final = frozenset({socket.AF_INET, socket.AF_INET6})
log = logging.getLogger(__name__)


class Guard:
    """Keeps requests from addresses that are not permitted.

    A name is judged by what it resolved to, at the moment of connecting, so nothing can change between. A proxy named by
    the environment is not used. ``proxy`` is the one the owner has set: it may be anywhere, and a request that goes
    through it is judged by its URL, because it is the proxy that resolves and connects.
    """

    def __init__(self, addresses: Addresses, proxy: str | None = None) -> None:
        self._addresses = addresses
        self._proxy = proxy or None
        self._attempts: dict[pycurl.Curl, list[bool]] = {}

    def watch(self, curl: pycurl.Curl, url: str, options: TransferOptions) -> None:
        """Let the handle, configured already, connect only where it may, until :meth:`forget`."""
        attempts = self._attempts[curl] = []
        trusts_proxy = self._proxy is not None and options.proxy == self._proxy
        if trusts_proxy:
            curl.setopt(pycurl.NOPROXY, "")  # no exceptions: those would be connections that nobody looks at
        elif options.proxy is None:
            curl.setopt(pycurl.PROXY, "")
        permitted = (lambda _: self._may_name(url)) if trusts_proxy else self._addresses.permits_text
        curl.setopt(pycurl.OPENSOCKETFUNCTION, _opener(permitted, attempts))

    def refusal(self, curl: pycurl.Curl) -> AddressRefused | None:
        """Return the error of a request that failed because every address it tried was refused."""
        attempts = self._attempts.get(curl)
        if not attempts or any(attempts):
            return None
        return AddressRefused(
            "the server is at an address that is not public",
            hint="the owner of this service can open a network to it: argosy serve --allow-network CIDR",
        )

    def forget(self, curl: pycurl.Curl) -> None:
        self._attempts.pop(curl, None)

    def _may_name(self, url: str) -> bool:
        """Whether a proxy may be asked for the URL's host; what a name means only the proxy knows."""
        host = (urlsplit(url).hostname or "").rstrip(".")
        if host == "localhost" or host.endswith(".localhost"):
            return self._addresses.permits_text("127.0.0.1")
        with suppress(OSError):  # it takes what libcurl takes: 2130706433, 0x7f.1, 017700000001
            return self._addresses.permits_text(socket.inet_ntoa(socket.inet_aton(host)))
        return ":" not in host or self._addresses.permits_text(host)


class _Handed(socket.socket):
    """A socket whose descriptor PycURL copies; its own closes as soon as nobody refers to it."""

    def __del__(self) -> None:
        self.close()


def _opener(permitted: Callable[[str], bool], attempts: list[bool]) -> Callable[[int, Any], socket.socket | int]:
    def opened(_purpose: int, address: Any) -> socket.socket | int:  # noqa: ANN401 - PycURL's own tuple
        family, kind, protocol, target = address
        allowed = family in FAMILIES and permitted(target[0])
        attempts.append(allowed)
        if allowed:
            return _Handed(family, kind, protocol)
        log.warning("address.refused", extra={"address": str(target[0])})
        refused: int = pycurl.SOCKET_BAD
        return refused

    return opened
