"""Every address there is, asked by everybody there is: made from the app, so that no route is forgotten."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi.routing import iter_route_contexts

from argosy.service.app import create_app
from argosy.service.security.permission import TABLE, required
from argosy.service.security.principal import Scope

from .daemon import Answer, Daemon
from .wire import asked, spoken

HOSTILE_HOSTS = ("evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "localhost.", "", "0.0.0.0")
HARMLESS = {"POST /v1/logout", "POST /v1/tasks/{task_id}/files/{index}/link"}
"""They end the caller's own session, and sign what the caller may read already."""
FOREIGN_ORIGINS = ("https://evil.example", "http://localhost:1", "null", "http://0.0.0.0")


@dataclass(frozen=True)
class Door:
    """A method and an address as its route has it."""

    method: str
    template: str
    websocket: bool = False

    @property
    def needed(self) -> Scope:
        return required(self.method, self.path)

    @property
    def path(self) -> str:
        return re.sub(r"\{[^}]+\}", "0" * 32, self.template)

    def __str__(self) -> str:
        return f"{'WS' if self.websocket else self.method} {self.template}"


def doors() -> list[Door]:
    """Return every door of the app."""
    service: Any = SimpleNamespace(guard=SimpleNamespace(keyring=None))
    found = []
    for route in iter_route_contexts(cast("Any", create_app(service)).routes):
        methods = getattr(route, "methods", None)
        assert route.path is not None
        found += (
            [Door(method, route.path) for method in sorted(methods)] if methods else [Door("GET", route.path, True)]
        )
    return found


DOORS = doors()
IDS = [str(door) for door in DOORS]


def test_there_are_doors() -> None:
    assert len(DOORS) > 10
    assert any(door.websocket for door in DOORS)


@pytest.mark.parametrize("door", DOORS, ids=IDS)
def test_the_table_names_every_route(door: Door) -> None:
    assert any(template == door.template and door.method in methods.split() for methods, template, _ in TABLE)


def test_the_table_names_nothing_else_and_nothing_twice() -> None:
    there = {(door.method, door.template) for door in DOORS}
    named = [(method, template) for methods, template, _ in TABLE for method in methods.split() if method != "HEAD"]
    assert set(named) - there == set()
    assert len(named) == len(set(named))


def test_what_the_table_does_not_name_needs_everything() -> None:
    assert required("GET", "/v1/whatever") is Scope.ADMIN
    assert required("TRACE", "/v1/tasks") is Scope.ADMIN
    assert required("POST", "/v1/tasks/") is Scope.ADMIN


def test_nothing_is_changed_by_who_may_only_read() -> None:
    changing = [door for door in DOORS if door.method not in ("GET", "HEAD")]
    assert {str(door) for door in changing if door.needed is Scope.READ} <= HARMLESS


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for all the doors."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("downloads")
    home.chmod(0o700)
    daemon = Daemon(home, folder)
    yield daemon.start()
    daemon.clear_away()


@pytest.fixture(scope="module")
def tokens(shared: Daemon) -> dict[Scope, str]:
    made = {Scope.ADMIN: shared.token}
    for scope in (Scope.READ, Scope.WRITE):
        made[scope] = shared.request("POST", "/v1/tokens", {"name": scope.name, "scope": scope.name.lower()}).json()[
            "token"
        ]
    return made


@pytest.mark.parametrize("door", DOORS, ids=IDS)
def test_each_role_passes_exactly_the_doors_that_are_its_own(
    door: Door, shared: Daemon, tokens: dict[Scope, str]
) -> None:
    def ask(**headers: str) -> Answer:
        return asked(shared, door.method, door.path, headers, websocket=door.websocket, body=b"[]")

    assert (ask().status == 401) is (door.needed > Scope.PUBLIC)
    for scope, token in tokens.items():
        if scope < door.needed:
            assert ask(Authorization=f"Bearer {token}").status == 403
        elif door.needed < Scope.ADMIN:  # what an admin may do could do harm here
            answer = ask(Authorization=f"Bearer {token}")
            assert "www-authenticate" not in answer.headers, "the gate refused"
            assert answer.status not in (401, 500)


@pytest.mark.parametrize("door", DOORS, ids=IDS)
def test_no_door_opens_to_a_stranger_s_name_or_page_whatever_token_is_shown(door: Door, shared: Daemon) -> None:
    headers = {"Authorization": f"Bearer {shared.token}"}
    for host in HOSTILE_HOSTS:
        answer = asked(shared, door.method, door.path, {**headers, "Host": host}, websocket=door.websocket)
        assert answer.status == 421, host
    for origin in FOREIGN_ORIGINS:
        answer = asked(shared, door.method, door.path, {**headers, "Origin": origin}, websocket=door.websocket)
        assert answer.status == 403, origin
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("door", DOORS, ids=IDS)
def test_every_refusal_tells_browsers_what_not_to_do_with_it(door: Door, shared: Daemon) -> None:
    answer = asked(shared, door.method, door.path, {"Host": "evil.example"}, websocket=door.websocket)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_the_description_tells_of_each_operation_what_it_takes(shared: Daemon) -> None:
    described = shared.request("GET", "/openapi.json").json()
    told = {(verb.upper(), path): operation["x-argosy-scope"]
            for path, item in described["paths"].items() for verb, operation in item.items()}  # fmt: skip
    assert len(told) > 10
    assert {door: required(*door).name.lower() for door in told} == told
    assert set(described["components"]["securitySchemes"]) == {"token", "session"}
    assert described["paths"]["/v1/login"]["post"]["security"] == []
    assert "401" in described["paths"]["/v1/session"]["get"]["responses"]


def browsed(service: Daemon, path: str, site: str, destination: str) -> Answer:
    told = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate" if destination == "document" else "no-cors",
            "Sec-Fetch-Dest": destination}  # fmt: skip
    return service.request("GET", path, headers=told, token=None)


def test_who_types_an_address_is_led_to_the_login_and_back(shared: Daemon) -> None:
    answer = browsed(shared, "/v1/tasks?status=a&x=//evil", "none", "document")
    assert answer.status == 303
    assert answer.headers["location"] == "/login?next=/v1/tasks%3Fstatus%3Da%26x%3D//evil"
    assert browsed(shared, "/login", "cross-site", "document").status == 200
    assert browsed(shared, "/v1/tasks", "same-origin", "empty").status == 401


def test_a_page_may_show_what_is_for_everybody_and_nothing_else(shared: Daemon) -> None:
    assert browsed(shared, "/health", "cross-site", "image").status == 200
    assert browsed(shared, "/v1/tasks", "cross-site", "image").status == 403
    assert browsed(shared, "/v1/tasks", "same-site", "iframe").status == 403


def test_only_what_comes_through_the_unix_socket_is_local_and_it_needs_the_token_too(shared: Daemon) -> None:
    assert shared.request("GET", "/v1/session", local=True).json()["local"] is True
    assert shared.request("GET", "/v1/session", local=True, token=None).status == 401
    assert shared.request("GET", "/v1/session", local=True, headers={"Host": "evil.example"}).status == 421
    assert shared.request("GET", "/v1/session", local=True, headers={"Origin": "https://evil.example"}).status == 403
    assert (
        shared.request("GET", "/v1/session", headers={"X-Forwarded-For": "unix:", "X-Local": "1"}).json()["local"]
        is False
    )


BODILESS = "GET /v1/tasks HTTP/1.1\r\n"


@pytest.mark.parametrize(
    "head",
    [
        BODILESS + "Host: localhost\r\nHost: localhost\r\n",
        BODILESS + "Host: localhost\r\nHost: evil.example\r\n",
        BODILESS,
        "GET /v1/tasks HTTP/1.0\r\n",
        BODILESS + "Host: evil.example\r\nX-Forwarded-Host: localhost\r\n",
        "GET http://localhost/v1/tasks HTTP/1.1\r\nHost: evil.example\r\n",
    ],
)
def test_a_request_without_exactly_one_good_name_is_misdirected(head: str, shared: Daemon) -> None:
    answer = spoken(shared, f"{head}Authorization: Bearer {shared.token}\r\n\r\n".encode())
    assert answer.status == 421
    assert answer.json()["code"] == "host"


def test_forwarded_headers_of_strangers_change_nothing(daemons: Callable[..., Daemon]) -> None:
    daemon = daemons().start()
    forged = {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https",
              "Forwarded": "for=127.0.0.1;host=evil.example", "X-Real-IP": "127.0.0.1"}  # fmt: skip
    assert daemon.request("GET", "/v1/session", headers=forged).status == 200
    assert daemon.request("GET", "/v1/session", headers=forged, token=None).status == 401
    login = daemon.request("POST", "/v1/login", {"token": daemon.token}, headers=forged, token=None)
    assert "Secure" not in login.headers["set-cookie"]
