"""The gate: pure ASGI, before every route. What it lets through has a principal; it is the one point of authorisation."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from argosy.errors import Failure
from argosy.service.problem import problem
from argosy.service.security.permission import required
from argosy.service.security.principal import Principal, Scope

if TYPE_CHECKING:
    from argosy.service.context import Service


class Gate:
    """Lets a request through if its bearer may do what it asks."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        if connection["type"] == "lifespan":
            await self._app(connection, receive, send)
            return
        principal = self._principal(connection)
        needed = required(connection.get("method", "GET"), connection["path"])
        if principal.scope < needed:
            failure = Failure(
                "unauthorized", "a token is needed", "send 'Authorization: Bearer …'; 'argosy token' prints it"
            )
            answer = problem(401, failure, headers={"WWW-Authenticate": "Bearer"})
            await answer(connection, receive, send)
            return
        connection["argosy.principal"] = principal
        await self._app(connection, receive, send)

    def _principal(self, connection: Connection) -> Principal:
        local = bool(connection.get("argosy.local"))
        kind, _, token = Headers(scope=connection).get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(
            token.strip().encode(), self._service.secrets.token.encode()
        ):
            return Principal("token", Scope.ADMIN, local)
        return Principal("nobody", Scope.PUBLIC, local)
