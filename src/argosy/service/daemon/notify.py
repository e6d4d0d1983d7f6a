"""What systemd is told (sd_notify(3)): that the service answers, that it stops, and, in time, that it is not stuck."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress


class Notifier:
    """Says nothing where nobody listens."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        own = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "0")
        self.watchdog_s = int(microseconds) / 1e6 if own and microseconds.isdecimal() else 0.0
        """Within so long it wants to hear from us; 0: it does not."""

    def say(self, *facts: str) -> None:
        """Send facts such as ``READY=1``. Whoever does not take them misses them."""
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
                sending.setblocking(False)
                sending.sendto("\n".join(facts).encode(), self._address)

    @asynccontextmanager
    async def watchdog(self) -> AsyncIterator[None]:
        """Within, tell twice in each of its periods that the loop turns: a loop that is stuck cannot."""
        beating = asyncio.create_task(self._beat(), name="argosy-watchdog") if self.watchdog_s else None
        try:
            yield
        finally:
            if beating is not None:
                beating.cancel()
                await asyncio.wait([beating])

    async def _beat(self) -> None:
        while True:
            self.say("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_s / 2)
