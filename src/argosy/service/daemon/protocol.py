"""HTTP/1.1 on the wire, with bounds on what a client may make us wait for and remember before anybody has looked at it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final, Literal, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from argosy.service.daemon.crowd import Crowd

HEAD_BYTES: Final = 32 * 1024
HEAD_FIELDS: Final = 100
HEAD_S: Final = 20.0
"""A request's head must be complete so soon after the connection, or its first byte, came."""
MESSAGE_S: Final = 300.0
"""And all of it so soon after its head."""
TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 27\r\nconnection: close\r\n\r\nthe request's head is large"
)


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, but a slow or endless head costs neither a connection nor memory for long, and who asks for nothing makes
    room for who does.
    """

    def __init__(self, crowd: Crowd[BoundedProtocol], *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        """``crowd`` is that of all connections of the server."""
        super().__init__(*args, **kwargs)
        self._crowd = crowd
        self._part: Literal["none", "head", "body"] = "none"
        """Of a request, what has begun and is not over."""
        self._head_bytes = self._fields = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        leaver = self._crowd.leaver(len(self.connections))
        if leaver is not None:
            leaver.transport.close()
        super().connection_made(transport)
        self._crowd.idles(self)
        self._expect(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        self._crowd.is_busy(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is None:  # a further request on this connection
            self._expect(HEAD_S)
        super().data_received(data)
        if self._part == "head":
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse()

    def send_400_response(self, msg: str) -> None:
        if self._part == "head" and (self._head_bytes > HEAD_BYTES or self._fields > HEAD_FIELDS):
            self._refuse()
        else:
            super().send_400_response(msg)

    def handle_websocket_upgrade(self) -> None:
        self._expect(None)
        self._crowd.is_busy(self)
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.pipeline and not self.transport.is_closing():
            self._crowd.idles(self)

    # -- the parser's callbacks --------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._part = "head"
        self._head_bytes = self._fields = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._count(len(name) + len(value) + len(b": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._part = "body"
        self._crowd.is_busy(self)
        self._expect(MESSAGE_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._part = "none"
        self._expect(None)
        super().on_message_complete()

    # -- bounds ------------------------------------------------------------------------------------

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES or self._fields > HEAD_FIELDS:
            raise ValueError("the request's head is too large")  # ends the parser, which ends in send_400_response

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def _expect(self, seconds: float | None) -> None:
        """Close the connection unless what is waited for comes within that time; None: nothing is."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever is declared
        answering = cycle is not None and not cycle.response_complete
        if self._part == "none" and answering:
            return  # something between two requests; the answer to the first is still on its way
        if not self.transport.is_closing():
            self.transport.close()


def crowded(most: int) -> type[asyncio.Protocol]:
    """Return the protocol of a server that has ``most`` connections; uvicorn calls it for each."""
    crowd: Crowd[BoundedProtocol] = Crowd(most)
    return cast(type[asyncio.Protocol], partial(BoundedProtocol, crowd))
