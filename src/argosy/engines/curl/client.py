"""The multi handle that runs every request, and easy handles to run them with."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import pycurl

from argosy.core.types import TransferOptions
from argosy.engines.curl.failure import translate
from argosy.engines.curl.request import Request, address, configure
from argosy.errors import ArgosyError

if TYPE_CHECKING:
    from argosy.engines.curl.address import Guard

IDLE_HANDLES = 64
HTTP1 = (pycurl.CURL_HTTP_VERSION_1_0, pycurl.CURL_HTTP_VERSION_1_1)


class Sockets:
    """The sockets that libcurl has opened, to look at one before it is used for another request.

    What lies in an idle connection belongs to no answer: a server that sent more than it said. libcurl looks for that
    only on connections that were idle for a second, and would take it for the answer to the next request.

    Only HTTP/1 is looked at: in HTTP/2 and 3 every frame names its request, and servers send some unasked. What is
    spoken within TLS is known once an answer has come; before it nothing can lie there but what belongs to TLS.
    """

    def __init__(self) -> None:
        self._new: set[int] = set()
        self._by_port: dict[int, socket.socket] = {}
        self._http1: set[int] = set()
        """Our ports of connections on which an answer has come in HTTP/1."""

    def opened(self, fd: int, _purpose: int) -> int:
        """Remember a socket. For SOCKOPTFUNCTION."""
        for port in [port for port, known in self._by_port.items() if known.fileno() == fd]:
            self._by_port.pop(port).detach()  # closed by libcurl; its number has been given out again
            self._http1.discard(port)
        self._new.add(fd)
        return pycurl.SOCKOPT_OK  # type: ignore[no-any-return]

    def check(self, _peer: str, _own: str, _peer_port: int, own_port: int) -> int:
        """Forbid the request if bytes lie in its connection before it is sent. For PREREQFUNCTION."""
        looked_at = self._by_port.get(own_port) or self._find(own_port)
        if looked_at is not None and _has_input(looked_at):
            return pycurl.PREREQFUNC_ABORT  # type: ignore[no-any-return]
        return pycurl.PREREQFUNC_OK  # type: ignore[no-any-return]

    def check_known(self, _peer: str, _own: str, _peer_port: int, own_port: int) -> int:
        """Likewise, if HTTP/1 is known to be spoken on the connection."""
        if own_port in self._http1:
            return self.check(_peer, _own, _peer_port, own_port)
        return pycurl.PREREQFUNC_OK  # type: ignore[no-any-return]

    def learn(self, curl: pycurl.Curl) -> None:
        """Remember what the connection speaks whose request has ended."""
        if curl.getinfo(pycurl.INFO_HTTP_VERSION) in HTTP1:
            self._http1.add(curl.getinfo(pycurl.LOCAL_PORT))

    def _find(self, own_port: int) -> socket.socket | None:
        """Look among the sockets that were opened since; each is asked for its port once it is connected."""
        for fd in tuple(self._new):
            try:
                found = socket.socket(fileno=fd)
            except OSError:  # closed
                self._new.discard(fd)
                continue
            try:
                port = found.getsockname()[1]
            except OSError:
                port = 0
            if port != own_port:
                found.detach()
                continue
            self._new.discard(fd)
            self._by_port[port] = found
            return found
        return None

    def forget(self) -> None:
        """Let go of all: they are libcurl's to close."""
        for known in self._by_port.values():
            known.detach()
        self._by_port.clear()
        self._http1.clear()


def _has_input(looked_at: socket.socket) -> bool:
    try:
        return bool(looked_at.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))  # b"": it was closed, libcurl finds out
    except OSError:  # nothing there, or no longer a socket
        return False


class Client:
    """libcurl on the transfer loop: one connection cache, one DNS cache, one set of TLS sessions.

    With a ``border`` every connection is judged when it is opened; requests without one belong to another client, so
    that no request is given a connection which was opened under other rules.
    """

    def __init__(self, border: Guard | None = None) -> None:
        self._border = border
        self._multi: pycurl.AsyncCurlMulti | None = None
        self._idle: list[pycurl.Curl] = []
        self._sockets = Sockets()

    def handle(self, request: Request, options: TransferOptions) -> pycurl.Curl:
        """Return an easy handle that is set up for the request, but for callbacks, and knows nothing of its last one."""
        curl = self._idle.pop() if self._idle else pycurl.Curl()
        configure(curl, request, options)
        if self._border is not None:
            self._border.watch(curl, request.url, options)
        return curl

    def turn(self, curl: pycurl.Curl, request: Request, options: TransferOptions) -> None:
        """Let a handle whose request went well make another one, which differs from that in nothing but the URL."""
        self._sockets.learn(curl)
        curl.setopt(pycurl.COOKIELIST, "ALL")
        address(curl, request.url)
        if self._border is not None:
            self._border.watch(curl, request.url, options)

    def failure(self, error: pycurl.error, curl: pycurl.Curl) -> ArgosyError:
        """Return what the failure of the handle's request means; to be asked before its release."""
        refused = None if self._border is None else self._border.refusal(curl)
        return refused or translate(error, curl)

    def guard(self, curl: pycurl.Curl, url: str, options: TransferOptions) -> None:
        """Let the handle use only a connection in which nothing lies, if it is to speak HTTP/1 on it."""
        if url.startswith("https:"):
            check = self._sockets.check_known
        elif url.startswith("http:") and options.http_version in ("auto", "1.1"):
            check = self._sockets.check
        else:
            return
        curl.setopt(pycurl.SOCKOPTFUNCTION, self._sockets.opened)
        curl.setopt(pycurl.PREREQFUNCTION, check)

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

    def release(self, curl: pycurl.Curl, *, reusable: bool = True) -> None:
        """The request is over; the handle may serve another one. It may not if it was aborted in this very turn of the loop:
        in the next one PycURL takes it out once more, whoever has it by then.
        """
        self._sockets.learn(curl)
        if self._border is not None:
            self._border.forget(curl)
        if not reusable or len(self._idle) >= IDLE_HANDLES:
            curl.close()
            return
        curl.setopt(pycurl.COOKIELIST, "ALL")
        curl.reset()
        self._idle.append(curl)

    async def close(self) -> None:
        if self._multi is not None:
            await self._multi.aclose()
            self._multi = None
        self._sockets.forget()
        for curl in self._idle:
            curl.close()
        self._idle.clear()
