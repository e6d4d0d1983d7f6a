"""One request as the gate sees it: read once from its head, and then handed on without what was for the gate alone. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Self

from starlette.types import Scope as Connection

from argosy.errors import Failure
from argosy.service.security.caller import Caller, Forwarded, caller_of
from argosy.service.security.credentials import (
    BEARER_SUBPROTOCOL,
    SUBPROTOCOL,
    Credential,
    Kind,
    cookie_name,
    shown,
)
from argosy.service.security.hosts import Authority
from argosy.service.security.origins import Page, page_of
from argosy.service.security.policy import Policy

READING: Final = frozenset({"GET", "HEAD"})
CSRF_HEADER: Final = "x-argosy-csrf"
"""Its presence is the proof: a page of another site cannot set it without being asked, and then is refused."""
FOR_THE_GATE: Final = frozenset({
    b"authorization", b"cookie", b"host", b"sec-websocket-protocol", b"forwarded", b"x-forwarded-for", b"x-forwarded-host",
    b"x-forwarded-proto", b"x-real-ip",
})  # fmt: skip
_ODD_PATH: Final = re.compile(r"//|\\|/\.{1,2}(?:/|$)|[\x00-\x1f\x7f\ufffd]")
_ODD_CODED: Final = re.compile(rb"%2f|%5c", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says of itself. ``host`` is as what it may call us, None if it may not."""

    caller: Caller
    host: Authority | None
    page: Page
    origin: str | None
    """Of the page that asks, if it is allowed to and is not our own."""
    credential: Credential | None
    method: str
    websocket: bool
    headers: dict[str, list[str]] = field(repr=False)

    @classmethod
    def of(cls, connection: Connection, policy: Policy) -> Self:
        headers: dict[str, list[str]] = {}
        for name, value in connection["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        websocket = connection["type"] == "websocket"
        method = "GET" if websocket else connection["method"]
        peer, server = connection.get("client"), connection.get("server")
        local = bool(connection.get("argosy.local"))
        caller = caller_of(
            "" if peer is None or local else peer[0], connection.get("scheme", "http"), headers.get("host", ()),
            Forwarded(*(headers.get(f"x-forwarded-{what}", ()) for what in ("for", "proto", "host"))), policy.proxies,
        )  # fmt: skip
        host = policy.hosts.permitted(caller.hosts, None if server is None or local else server[0])
        page = _page(headers, host, caller.scheme, method, policy)
        name = "" if host is None else cookie_name(caller.scheme, host)
        credential = shown(
            headers.get("authorization", ()),
            connection.get("subprotocols", ()),
            headers.get("cookie", ()) if page in (Page.OWN, Page.NONE) else (),
            name,
        )
        origin = headers["origin"][0] if page is Page.ALLOWED else None
        return cls(caller, host, page, origin, credential, method, websocket, headers)

    def one(self, name: str) -> str | None:
        """Return the header's value if there is one."""
        return ", ".join(self.headers[name]) if name in self.headers else None

    @property
    def chunked(self) -> bool:
        return "transfer-encoding" in self.headers

    @property
    def forged(self) -> bool:
        """Whether a browser may have been made to ask this by a page that is not ours: a cookie alone is no consent."""
        if self.credential is None or self.credential.kind is not Kind.SESSION or self.page is Page.OWN:
            return False
        return self.websocket or (self.method not in READING and CSRF_HEADER not in self.headers)

    def handed_on(self, connection: Connection) -> None:
        """``connection`` tells afterwards what is so, and no secret: routes and logs believe it."""
        assert self.host is not None
        kept = [pair for pair in connection["headers"] if pair[0].lower() not in FOR_THE_GATE]
        connection["headers"] = [(b"host", str(self.host).encode()), *kept]
        connection["scheme"] = self.caller.scheme.replace("http", "ws") if self.websocket else self.caller.scheme
        client = connection.get("client")
        if client is not None and self.caller.address and client[0] != self.caller.address:
            connection["client"] = (self.caller.address, 0)
        if self.websocket:
            connection["subprotocols"] = [
                each for each in connection.get("subprotocols", ()) if not each.startswith(BEARER_SUBPROTOCOL)
            ]


def odd_path(path: str, raw: bytes) -> Failure | None:
    """Return why a path is not looked at: two parsers could read it as two addresses."""
    if _ODD_PATH.search(path) or _ODD_CODED.search(raw):
        return Failure(
            "path", "the address has a part that could mean another one", "write it without . .. // \\ and %2F"
        )
    return None


def speaks_argosy(connection: Connection) -> bool:
    return SUBPROTOCOL in connection.get("subprotocols", ())


def _page(headers: dict[str, list[str]], host: Authority | None, scheme: str, method: str, policy: Policy) -> Page:
    own = {policy.public} if policy.public else set()
    if host is not None:
        own.add(host.origin(scheme))
    site, mode, destination = (headers.get(f"sec-fetch-{what}", [None])[0] for what in ("site", "mode", "dest"))
    return page_of(
        headers.get("origin", ()), site=site, mode=mode, destination=destination, reads=method in READING,
        own=own, allowed=policy.origins,
    )  # fmt: skip
