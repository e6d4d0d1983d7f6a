"""The gate: pure ASGI, before every route. What it lets through has a principal; it is the one point of authorisation.

In this order: by which name we are called, whose page asks, how much it is, who asks, and whether they may.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from argosy.errors import ArgosyError, Failure
from argosy.service.answering.problem import problem, status_of
from argosy.service.security import headers
from argosy.service.security.asked import READING, Asked, odd_path, speaks_argosy
from argosy.service.security.credentials import SUBPROTOCOL, Kind
from argosy.service.security.limits import Body, body_refusal, head_refusal
from argosy.service.security.origins import Page
from argosy.service.security.permission import required
from argosy.service.security.principal import Principal, Scope
from argosy.service.security.vigil import Vigil, Watched, ended_early, lingering

if TYPE_CHECKING:
    from argosy.service.security.guard import Guard

log = logging.getLogger(__name__)
STARTS = ("http.response.start", "websocket.http.response.start")
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"


class Gate:
    """Lets a request through if its bearer may do what it asks."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard
        self._vigil = Vigil(guard.keyring)

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        if connection["type"] == "lifespan":
            await self._app(connection, receive, send)
            return
        asked = Asked.of(connection, self._guard.policy)
        passage = _Passage(connection, asked, Body(receive), send)
        answer = _refused_unread(connection, asked) or _preflight(asked)
        if answer is None:
            answer = await self._judged(asked, connection)
        if answer is not None:
            await passage.answer(answer)
            return
        asked.handed_on(connection)
        connection["argosy.asked"] = asked
        await self._through(passage, asked)

    async def _through(self, passage: _Passage, asked: Asked) -> None:
        """The app has answered, or we have in its stead. What stays open ends when its bearer's credential does."""
        body = passage.body
        try:
            async with self._vigil.kept(asked.credential) as passage.watched:
                receive = passage.body.receive if not asked.websocket else passage.body.raw
                await self._app(passage.connection, receive, passage.send)
        except Exception as error:
            if ended_early(error):
                await passage.end()
            elif body.refusal is None and passage.begun:
                raise
            elif body.refusal is None:
                log.exception("request.failed", extra={"method": asked.method, "path": passage.connection["path"]})
                await passage.answer(_of(error))
        if body.refusal is not None and not passage.begun:
            await passage.answer(problem(*body.refusal), closing=True)

    async def _judged(self, asked: Asked, connection: Connection) -> Response | None:
        """Return the answer to who may not; of who may, the connection knows the principal."""
        principal = await self._principal(asked, connection)
        if isinstance(principal, Response):
            return principal
        connection["argosy.principal"] = principal
        return _forbidden(asked, principal, required(asked.method, connection["path"]), _target(connection))

    async def _principal(self, asked: Asked, connection: Connection) -> Principal | Response:
        """Return who asks; an answer if what is shown is no good and more than nothing is needed."""
        local = bool(connection.get("argosy.local"))
        try:
            found = await self._guard.keyring.owner(asked.credential, local=local)
        except ArgosyError as error:
            return _of(error)
        if found is not None:
            return found
        if _by_token(asked) and required(asked.method, connection["path"]) > Scope.PUBLIC:
            wait_s = self._guard.wrong(asked.caller.address)
            if wait_s is not None:
                return too_many(wait_s)
        return Principal("nobody", Scope.PUBLIC, local)


class _Passage:
    """One request on its way through: every answer leaves by it, and has our headers."""

    def __init__(self, connection: Connection, asked: Asked, body: Body, send: Send) -> None:
        self.connection = connection
        self.body = body
        self.begun = False
        self.watched: Watched | None = None
        self._asked = asked
        self._send = send
        self._over = False

    async def send(self, message: Message) -> None:
        """Pass on what the app answers, unless its body was refused meanwhile: then that is the answer."""
        if self.body.refusal is not None and not self.begun:
            return
        kind = message["type"]
        if kind in STARTS:
            self.begun = True
            message["headers"] = headers.secured(message.get("headers", ()), self._asked.origin)
            self._watch_stream(message["headers"])
        elif kind == "websocket.accept":
            self.begun = True
            if message.get("subprotocol") is None and speaks_argosy(self.connection):
                message["subprotocol"] = SUBPROTOCOL
            self._watch()
        elif kind == "websocket.close":
            self.begun = self._over = True
        elif kind == "http.response.body":
            self._over = not message.get("more_body", False)
        await self._send(message)

    async def answer(self, response: Response, *, closing: bool = False) -> None:
        """Answer in the app's stead. ``closing``: what the client still sends is of no interest."""
        self.body.refusal = None
        closing = closing or self._asked.chunked or response.status_code in (413, 414, 431)
        if closing and not self._asked.websocket:
            response.headers["Connection"] = "close"
            await lingering(response, self.connection, self.body.raw, self.send)
        else:
            await response(self.connection, self.body.raw, self.send)

    async def end(self) -> None:
        """End what was open: its bearer's credential is no good any more."""
        if self._over:
            return
        if self._asked.websocket:
            await self._send({"type": "websocket.close", "code": 4401, "reason": "the token is no good any more"})
        elif self.begun:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self.answer(unauthorized(shown=True))

    def _watch_stream(self, given: headers.Pairs) -> None:
        if any(name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in given):
            self._watch()

    def _watch(self) -> None:
        if self.watched is not None:
            self.watched.begin()


# -- answers of the gate's own ---------------------------------------------------------------------------


def unauthorized(*, shown: bool) -> Response:
    """Return the answer to who shows nothing, or nothing that is any good."""
    if shown:
        failure = Failure(
            "unauthorized", "the token is not known here, or not any more", "'argosy token' prints the right one"
        )
    else:
        failure = Failure(
            "unauthorized", "a token is needed", "send 'Authorization: Bearer …'; 'argosy token' prints it"
        )
    more = ', error="invalid_token"' if shown else ""
    return problem(401, failure, headers={"WWW-Authenticate": f'Bearer realm="argosy"{more}'})


def too_many(wait_s: float) -> Response:
    failure = Failure("too_many", "too many wrong tokens from this address", "wait", retryable=True)
    return problem(429, failure, headers={"Retry-After": str(math.ceil(wait_s))})


def _forbidden(asked: Asked, principal: Principal, needed: Scope, target: bytes) -> Response | None:
    """Return the answer to who may not, None if they may."""
    if principal.scope >= needed:
        if principal.session and asked.forged and needed > Scope.PUBLIC:
            return problem(403, Failure("origin", "no page of ours asks this", "send the header X-Argosy-CSRF: 1"))
        return None
    if principal.scope is Scope.PUBLIC:
        return _to_login(asked, target) or unauthorized(shown=asked.credential is not None)
    failure = Failure(
        "forbidden", f"this takes the scope '{needed.name.lower()}'",
        f"the token that was shown has '{principal.scope.name.lower()}'",
    )  # fmt: skip
    return problem(403, failure, headers={"WWW-Authenticate": 'Bearer realm="argosy", error="insufficient_scope"'})


def _refused_unread(connection: Connection, asked: Asked) -> Response | None:
    """Return the answer to what is refused whoever asks it."""
    if asked.host is None:
        failure = Failure("host", "nobody calls this service by that name", "the setting allow_host names further ones")
        return problem(421, failure)
    if asked.page is Page.FOREIGN and not _may_embed(asked, connection):
        return problem(403, Failure("origin", "a page of another site asks", "the setting allow_origin allows some"))
    target = _target(connection)
    found = head_refusal(target, connection["headers"])
    if found is None and (odd := odd_path(connection["path"], target.partition(b"?")[0])) is not None:
        found = 400, odd
    if found is None and not asked.websocket:
        found = body_refusal(
            asked.one("content-length"), asked.chunked, asked.one("content-encoding"), asked.one("content-type")
        )
    return None if found is None else problem(*found)


def _may_embed(asked: Asked, connection: Connection) -> bool:
    """Whether it is something for everybody, such as a signed link, that a page shows or saves and cannot read."""
    return (
        "origin" not in asked.headers
        and asked.method in READING
        and required(asked.method, connection["path"]) is Scope.PUBLIC
    )


def _to_login(asked: Asked, target: bytes) -> Response | None:
    """Return the way to the login page for somebody who has typed an address, or followed a link to it."""
    if asked.method != "GET" or asked.websocket or asked.one("sec-fetch-dest") != "document":
        return None
    return Response(status_code=303, headers={"Location": f"/login?next={quote(target, safe='/')}"})


def _target(connection: Connection) -> bytes:
    path: bytes = connection.get("raw_path") or connection["path"].encode()
    query: bytes = connection.get("query_string", b"")
    return path + b"?" + query if query else path


def _preflight(asked: Asked) -> Response | None:
    """Return the answer to a browser that asks whether a page of an allowed origin may ask something."""
    if (
        asked.method != "OPTIONS"
        or asked.page is not Page.ALLOWED
        or "access-control-request-method" not in asked.headers
    ):
        return None
    wanted = asked.one("access-control-request-headers") or ""
    private = asked.one("access-control-request-private-network") == "true"
    return Response(status_code=204, headers=headers.preflight(METHODS, wanted, private=private))


def _of(error: Exception) -> Response:
    if isinstance(error, ArgosyError):
        return problem(status_of(error), error.failure())
    return problem(500, Failure("internal", "something nobody foresaw", "the service's log has it", retryable=True))


def _by_token(asked: Asked) -> bool:
    return asked.credential is not None and asked.credential.kind is Kind.TOKEN
