"""The multi handle that runs every request, and easy handles to run them with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pycurl

IDLE_HANDLES = 64


class Client:
    """libcurl on the transfer loop: one connection cache, one DNS cache, one set of TLS sessions."""

    def __init__(self) -> None:
        self._multi: pycurl.AsyncCurlMulti | None = None
        self._idle: list[pycurl.Curl] = []

    def handle(self) -> pycurl.Curl:
        """Return an easy handle without any options or cookies of its last user."""
        return self._idle.pop() if self._idle else pycurl.Curl()

    def start(self, curl: pycurl.Curl, done: Callable[[asyncio.Future[pycurl.Curl]], None]) -> None:
        """Run the configured request; ``done`` is called once with its future, on the loop."""
        if self._multi is None:
            self._multi = pycurl.AsyncCurlMulti()
            self._multi.setopt(pycurl.M_MAXCONNECTS, 256)
        self._multi.add_handle(curl).add_done_callback(done)

    def abort(self, curl: pycurl.Curl) -> None:
        """End the request now and close its connection; its future is cancelled."""
        assert self._multi is not None
        with suppress(RuntimeError):  # over already: its future's callback is on the way
            self._multi.remove_handle(curl)

    def release(self, curl: pycurl.Curl) -> None:
        """The request is over; the handle may serve another one."""
        if len(self._idle) >= IDLE_HANDLES:
            curl.close()
            return
        curl.setopt(pycurl.COOKIELIST, "ALL")
        curl.reset()
        self._idle.append(curl)

    async def close(self) -> None:
        if self._multi is not None:
            await self._multi.aclose()
            self._multi = None
        for curl in self._idle:
            curl.close()
        self._idle.clear()
