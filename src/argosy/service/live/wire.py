"""WebSockets on the wire: uvicorn's protocol, with bounds on what a client can make it keep."""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

FRAGMENTS: Final = 1024
"""Of one message: an empty fragment counts nothing towards its size, and still has to be kept."""
LINGER_S: Final = 5.0
"""For the client's part of the closing."""


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A close reaches also a client that has not read what came before, and one that still does not is cut off."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*args, **kwargs)
        self.close_timeout = LINGER_S

    async def send(self, message: Any) -> None:  # noqa: ANN401 - ASGI
        if message["type"] == "websocket.close" and self.handshake_complete:
            self.writable.set()  # a close is a few bytes and the last there is: it need not wait for room
            self.loop.call_later(LINGER_S, self._cut_off)
        await super().send(message)

    def _cut_off(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # it asks, and does not read the answers

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(1009, "too many fragments")
            self.handle_parser_exception()
