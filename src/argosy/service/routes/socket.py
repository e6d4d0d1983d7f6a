"""``/ws``: all that happens over one WebSocket, by as many subscriptions as the client likes."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from argosy.service.context import Context
from argosy.service.live.conversation import Conversation
from argosy.service.live.live import Full
from argosy.service.live.socket import TRY_LATER, Gone

router = APIRouter()


@router.websocket("/ws")
async def talk(socket: WebSocket, service: Context) -> None:
    """Answer and tell until one side goes."""
    await socket.accept()
    try:
        with service.live.connected("websocket") as line:
            await Conversation(service.live, line, Talk(socket), service.clock.steady).run()
    except Full as error:
        await Talk(socket).close(TRY_LATER, error.message)


class Talk:
    """A starlette WebSocket as a conversation wants it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes | None:
        message = await self._socket.receive()
        if message["type"] != "websocket.receive":
            return None
        text: str | bytes | None = message.get("text")
        return message["bytes"] if text is None else text

    async def send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):  # the latter once a close has come or gone
            raise Gone from None

    async def close(self, code: int, reason: str) -> None:
        """Nothing happens if it is closed already."""
        try:
            await self._socket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError):
            return
