"""Tokens, and how a browser logs in: ``/v1/tokens``, ``/v1/login``, ``/v1/logout``, ``/v1/session`` and the page ``/login``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from argosy.core.document import iso_time
from argosy.errors import AuthError, UsageError
from argosy.service.asking.route import Strict
from argosy.service.context import Asker, Context, Service
from argosy.service.description.schema import problems
from argosy.service.routes.page import page
from argosy.service.security.asked import Asked
from argosy.service.security.credentials import LONGEST, Credential, Kind, cookie_name
from argosy.service.security.gate import too_many
from argosy.service.security.origins import Page
from argosy.service.security.principal import Principal, Scope
from argosy.service.security.sessions import SESSION_S
from argosy.service.security.tokens import Token

router = APIRouter(tags=["security"], route_class=Strict)
YEAR_S: Final = 366 * 86_400
_RELATIVE: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", re.ASCII)
"""A path of ours. ``//host`` and ``/\\host`` are not: browsers take them for another site's."""
_ASSETS: Final = {"login.css": "text/css; charset=utf-8", "login.js": "text/javascript; charset=utf-8"}

Grade = Literal["read", "write", "admin"]


class NewToken(BaseModel):
    """A token to be made. ``expires_in`` is in seconds; without it the token is good until it is revoked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "grafana", "scope": "read"}]})

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
    scope: Grade = "read"
    expires_in: Annotated[int, Field(ge=60, le=10 * YEAR_S)] | None = None


class Login(BaseModel):
    """What opens a session: a token, or the code of a login link. ``next`` is a path of this service to go to."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: Annotated[str, Field(min_length=1, max_length=LONGEST)] | None = None
    code: Annotated[str, Field(min_length=1, max_length=LONGEST)] | None = None
    next: Annotated[str, Field(max_length=2000)] = "/"


class NewLink(BaseModel):
    """What somebody who opens the link may do; never more than who made it."""

    model_config = ConfigDict(extra="forbid")

    scope: Grade = "admin"


@dataclass(frozen=True, slots=True)
class TokenDocument:
    """A token. Its secret, ``token``, is shown once, when it is made; only its digest is kept."""

    id: str
    name: str
    scope: Grade
    created_at: str
    expires_at: str | None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class TokensDocument:
    """All tokens, the oldest first. The service's own token is not among them."""

    tokens: list[TokenDocument]


@dataclass(frozen=True, slots=True)
class LoginLink:
    """A path that logs a browser in, once, while it is fresh."""

    path: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class SessionDocument:
    """Who asks. ``browser``: with a session's cookie; ``local``: through the Unix socket."""

    name: str
    scope: Grade
    browser: bool
    local: bool


@dataclass(frozen=True, slots=True)
class LoginDocument:
    """A session was opened: its cookie is with this answer."""

    scope: Grade
    expires_at: str
    next: str


# -- tokens ----------------------------------------------------------------------------------------------


@router.get("/v1/tokens", operation_id="listTokens")
async def tokens(service: Context) -> TokensDocument:
    """List the tokens that were made here."""
    return TokensDocument([_shown(token) for token in await service.guard.keyring.tokens.list()])


@router.post("/v1/tokens", operation_id="makeToken", status_code=201, responses=problems(415, 422, 503))
async def make_token(asked: NewToken, service: Context, response: Response) -> TokenDocument:
    """Make a token of limited scope. Its secret is in this answer and nowhere else."""
    token, secret = await service.guard.keyring.tokens.make(asked.name, Scope[asked.scope.upper()], asked.expires_in)
    response.headers["Location"] = f"/v1/tokens/{token.id}"
    return _shown(token, secret)


@router.post("/v1/tokens/{token_id}/rotate", operation_id="rotateToken", responses=problems(404, 422))
async def rotate_token(token_id: str, service: Context) -> TokenDocument:
    """Give the token another secret; the old one, and every session it opened, is no good from now on."""
    token, secret = await service.guard.keyring.tokens.rotate(token_id)
    return _shown(token, secret)


@router.delete("/v1/tokens/{token_id}", operation_id="revokeToken", status_code=204, responses=problems(404, 422))
async def revoke_token(token_id: str, service: Context) -> None:
    """Make the token, and every session it opened, no good from now on; what it keeps open ends within a second."""
    await service.guard.keyring.tokens.revoke(token_id)


# -- browsers --------------------------------------------------------------------------------------------


@router.get("/v1/session", operation_id="whoAmI")
async def session(asker: Asker) -> SessionDocument:
    """Say who asks, and what they may do."""
    return SessionDocument(asker.name, _grade(asker.scope), bool(asker.session), asker.local)


@router.post("/v1/login/link", operation_id="makeLoginLink", status_code=201, responses=problems(415, 422))
async def make_link(service: Context, asker: Asker, asked: NewLink | None = None) -> LoginLink:
    """Make a link that logs a browser in, once, within two minutes. What follows ``#`` is sent to no server and kept in no log."""
    scope = min(asker.scope, Scope[(asked or NewLink()).scope.upper()])
    grant, code = await service.guard.keyring.sessions.link(asker.token, scope)
    return LoginLink(f"/login#code={code}", iso_time(grant.expires_at))


@router.post(
    "/v1/login", operation_id="logIn", response_model=LoginDocument, responses=problems(401, 403, 415, 422, 429)
)
async def login(given: Login, request: Request, service: Context, response: Response) -> LoginDocument | Response:
    """Open a session for a browser: the cookie is for this service's own pages alone, and no script can read it."""
    asked: Asked = request.scope["argosy.asked"]
    if asked.page is Page.ALLOWED:
        raise AuthError("a page of another site cannot log in", hint="it sends a token instead", code="origin")
    if (given.token is None) == (given.code is None):
        raise UsageError("a login takes either a token or a code", code="invalid")
    principal = await _known(given, service, local=bool(request.scope.get("argosy.local")))
    if principal is None or principal.scope is Scope.PUBLIC:
        return _failed(asked, service)
    grant, text = await service.guard.keyring.sessions.open(principal.token, principal.scope)
    _set_cookie(response, asked, text, SESSION_S)
    return LoginDocument(_grade(grant.scope), iso_time(grant.expires_at), relative(given.next))


@router.post("/v1/logout", operation_id="logOut", status_code=204)
async def logout(request: Request, service: Context, asker: Asker, response: Response) -> None:
    """End the session, if it is one; a token stays good."""
    if asker.session:
        await service.guard.keyring.sessions.close(asker.session)
        _set_cookie(response, request.scope["argosy.asked"], "", 0)


@router.get("/login", include_in_schema=False)
def login_page() -> Response:
    """The page that asks for the token, or takes the code of a link."""
    return page("login.html", "text/html; charset=utf-8")


@router.get("/login/{name}", include_in_schema=False)
def login_asset(name: str) -> Response:
    """What the page is made of."""
    if name not in _ASSETS:
        raise UsageError("there is no such page", code="not_found")
    return page(name, _ASSETS[name])


def relative(path: str) -> str:
    """Return the path if it leads to a page of ours, else ``/``."""
    return path if _RELATIVE.fullmatch(path) else "/"


async def _known(given: Login, service: Service, *, local: bool) -> Principal | None:
    keyring = service.guard.keyring
    if given.token is not None:
        return await keyring.owner(Credential(Kind.TOKEN, given.token), local=local)
    link = await keyring.sessions.redeemed(given.code or "")
    return None if link is None else await keyring.granted(link, local=local)


def _failed(asked: Asked, service: Service) -> Response:
    """Answer a wrong token. It is counted as the gate counts those of requests."""
    wait_s = service.guard.wrong(asked.caller.address)
    if wait_s is not None:
        return too_many(wait_s)
    raise AuthError(
        "this token or link is not known here, or not any more",
        hint="'argosy token' prints the token",
        code="unauthorized",
    )


def _set_cookie(response: Response, asked: Asked, text: str, lasts_s: float) -> None:
    assert asked.host is not None
    response.set_cookie(
        cookie_name(asked.caller.scheme, asked.host), text, max_age=int(lasts_s), path="/", httponly=True,
        samesite="strict", secure=asked.caller.scheme == "https",
    )  # fmt: skip


def _shown(token: Token, secret: str | None = None) -> TokenDocument:
    return TokenDocument(
        token.id, token.name, _grade(token.scope), iso_time(token.created_at), iso_time(token.expires_at), secret
    )


def _grade(scope: Scope) -> Grade:
    grades: dict[Scope, Grade] = {Scope.READ: "read", Scope.WRITE: "write", Scope.ADMIN: "admin"}
    return grades[scope]
