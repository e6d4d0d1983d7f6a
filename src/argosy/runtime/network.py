"""What a network error really is: this machine is offline, or there is no such host."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import threading
from contextlib import suppress
from typing import Final

from argosy.errors import NetworkError, Offline, UnknownHost

SOMEWHERE: Final = ("192.0.2.1", "2001:db8::1")
"""Addresses for documentation (RFC 5737, RFC 3849): whoever has a way to the Internet has one to these."""
UNREACHED: Final = frozenset({"dns", "connect", "timeout", "stalled", "reset"})
"""Codes of failures that a missing network may be behind."""
NO_SUCH_NAME: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
"""What ``getaddrinfo`` fails with if a name server has answered; without an answer it is ``EAI_AGAIN``."""
LOOKUP_S: Final = 3.0
_UNRESOLVED: Final = r"Could not resolve host: ([^\s(]+)"


async def explained(error: NetworkError, host: str, *, waits: bool) -> NetworkError:
    """Return what the failure really is, as far as this machine can tell. ``waits``: the task is one that waits for the
    network to come back. A command in the foreground fails as its user is used to.
    """
    away = offline(error, host) if waits else None
    return away or await unknown_host(error) or error


async def unknown_host(error: NetworkError) -> UnknownHost | None:
    """Return what a failed lookup is, if the system's resolver has an answer: that there is no such name."""
    found = re.search(_UNRESOLVED, error.message) if error.detail_code == "dns" else None
    if found is None or await _lookup_failure(found[1]) not in NO_SUCH_NAME:
        return None
    return UnknownHost(f"there is no host called {found[1]}", hint="check its spelling")


async def _lookup_failure(name: str) -> int | None:
    """Return the number that looking up the name fails with; None if it does not, or takes its time."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[int | None] = loop.create_future()

    def settle(number: int | None) -> None:
        if not answer.done():
            answer.set_result(number)

    def look() -> None:
        number = None
        try:
            socket.getaddrinfo(name, None)
        except socket.gaierror as error:
            number = error.errno
        except (OSError, UnicodeError):
            pass
        with suppress(RuntimeError):  # the loop may be over by then
            loop.call_soon_threadsafe(settle, number)

    threading.Thread(target=look, name="lookup", daemon=True).start()  # nobody has to wait for it to end
    try:
        return await asyncio.wait_for(answer, LOOKUP_S)
    except TimeoutError:
        return None


def offline(error: NetworkError, host: str) -> Offline | None:
    """Return what the failure really is, if this machine has no way to ``host`` (``name:port``); None if it has. The
    routing table tells: no packet is sent.
    """
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
