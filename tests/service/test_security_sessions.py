"""Tokens of limited scope and sessions of browsers, from the first login to the last revocation."""

from __future__ import annotations

import http.client
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from .daemon import Answer, Daemon, until

NOW_S = 3.0
"""How soon at the latest something that was revoked is no good any more."""


def made(service: Daemon, scope: str, **more: Any) -> dict[str, Any]:
    answer = service.request("POST", "/v1/tokens", {"name": "a robot", "scope": scope, **more})
    assert answer.status == 201
    told: dict[str, Any] = answer.json()
    return told


def who(service: Daemon, token: str) -> Answer:
    return service.request("GET", "/v1/session", token=token)


def own(service: Daemon) -> str:
    return f"http://127.0.0.1:{service.port}"


def cookie_of(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    return answer.headers["set-cookie"].partition(";")[0]


def logged_in(service: Daemon, token: str | None = None) -> dict[str, str]:
    """Return the headers of a browser on our own page after a login."""
    answer = service.request(
        "POST", "/v1/login", {"token": token or service.token}, {"Origin": own(service)}, token=None
    )
    return {"Cookie": cookie_of(answer), "Origin": own(service)}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for tests that leave nothing behind."""
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    daemon = Daemon(home, tmp_path_factory.mktemp("downloads"))
    yield daemon.start()
    daemon.clear_away()


# -- tokens --------------------------------------------------------------------------------------------


def test_a_token_may_do_what_its_scope_says_and_no_more(service: Daemon) -> None:
    reader, writer = made(service, "read")["token"], made(service, "write")["token"]
    assert who(service, reader).json() == {"name": who(service, reader).json()["name"], "scope": "read",
                                           "browser": False, "local": False}  # fmt: skip
    task = {"source": "http://127.0.0.1:9/x"}
    assert service.request("POST", "/v1/tasks", task, token=reader).json()["code"] == "forbidden"
    assert service.request("POST", "/v1/tasks", task, token=writer).status == 202
    assert service.request("POST", "/v1/tokens", {"name": "x"}, token=writer).status == 403
    assert service.request("GET", "/v1/tokens", token=writer).status == 403


def test_the_secret_of_a_token_is_shown_once_and_kept_nowhere(service: Daemon) -> None:
    token = made(service, "read", expires_in=3600)
    listed = service.request("GET", "/v1/tokens")
    assert [each["id"] for each in listed.json()["tokens"]] == [token["id"]]
    assert token["token"].encode() not in listed.body
    assert token["token"].startswith("argosy_")
    for path in service.home.rglob("*"):
        if path.is_file():
            assert token["token"].encode() not in path.read_bytes(), path


def test_a_revoked_token_is_no_good_from_that_moment_on(service: Daemon) -> None:
    token = made(service, "read")
    assert who(service, token["token"]).status == 200
    assert service.request("DELETE", f"/v1/tokens/{token['id']}").status == 204
    assert who(service, token["token"]).status == 401
    assert service.request("DELETE", f"/v1/tokens/{token['id']}").status == 404


def test_a_rotated_token_has_another_secret_and_the_old_one_is_no_good(service: Daemon) -> None:
    token = made(service, "write")
    fresh = service.request("POST", f"/v1/tokens/{token['id']}/rotate").json()
    assert (fresh["name"], fresh["scope"]) == (token["name"], "write")
    assert who(service, token["token"]).status == 401
    assert who(service, fresh["token"]).json()["scope"] == "write"
    assert len(service.request("GET", "/v1/tokens").json()["tokens"]) == 1


def test_tokens_survive_a_restart_and_revocations_too(service: Daemon) -> None:
    kept, gone = made(service, "read"), made(service, "read")
    service.request("DELETE", f"/v1/tokens/{gone['id']}")
    service.restart()
    assert (who(service, kept["token"]).status, who(service, gone["token"]).status) == (200, 401)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"name": ""}, {"name": "x", "scope": "root"}, {"name": "x", "expires_in": 0}, {"name": "a\nb"},
     {"name": "x", "scope": "read", "more": 1}, {"name": "x" * 101}, {"name": "x", "expires_in": 10**12}, []],
)  # fmt: skip
def test_a_token_that_makes_no_sense_is_not_made(shared: Daemon, wrong: object) -> None:
    assert shared.request("POST", "/v1/tokens", wrong).status == 422
    assert shared.request("GET", "/v1/tokens").json() == {"tokens": []}


@pytest.mark.parametrize("token", ["x", "argosy_" + "A" * 55, "ü" * 20, "argosy_", "a" * 4000])
def test_a_made_up_token_opens_nothing(shared: Daemon, token: str) -> None:
    answer = shared.request("GET", "/v1/session", headers={"Authorization": f"Bearer {token}"}, token=None)
    assert answer.status == 401
    assert "invalid_token" in answer.headers["www-authenticate"]
    assert token.encode() not in answer.body


def test_rotating_the_service_s_own_token_ends_all_that_it_opened(service: Daemon) -> None:
    old, browser, reader = service.token, logged_in(service), made(service, "read")["token"]
    process = service.launch("token", "--rotate")
    printed = process.communicate(timeout=20)[0].strip()
    assert printed == service.token != old
    until(lambda: who(service, old).status == 401, NOW_S)
    assert who(service, service.token).status == 200
    assert service.request("GET", "/v1/session", headers=browser, token=None).status == 401
    assert who(service, reader).status == 200


# -- wrong tokens --------------------------------------------------------------------------------------


def test_who_guesses_is_told_to_wait_and_the_right_token_is_never_locked_out(service: Daemon) -> None:
    reader = made(service, "read")["token"]
    answers = [who(service, f"guess-number-{n}") for n in range(15)]
    assert [answer.status for answer in answers[:10]] == [401] * 10
    assert {answer.status for answer in answers[11:]} == {429}
    assert int(answers[-1].headers["retry-after"]) > 0
    assert service.request("POST", "/v1/login", {"token": "guess"}, token=None).status == 429
    assert who(service, service.token).status == 200
    assert who(service, reader).status == 200
    assert service.request("POST", "/v1/login", {"token": service.token}, token=None).status == 200


def test_a_forwarded_address_does_not_escape_the_count(service: Daemon) -> None:
    told = [
        service.request("GET", "/v1/session", headers={"X-Forwarded-For": f"203.0.113.{n}"}, token=f"guess-{n}").status
        for n in range(13)
    ]
    assert told[-1] == 429


def test_behind_a_trusted_proxy_each_client_has_a_count_of_its_own(daemons: Callable[..., Daemon]) -> None:
    service = daemons(ARGOSY_TRUSTED_PROXY="127.0.0.1").start()
    ask = service.request
    for n in range(13):
        ask("GET", "/v1/session", headers={"X-Forwarded-For": "203.0.113.1"}, token=f"guess-{n}")
    assert ask("GET", "/v1/session", headers={"X-Forwarded-For": "203.0.113.1"}, token="one more").status == 429
    assert ask("GET", "/v1/session", headers={"X-Forwarded-For": "203.0.113.2"}, token="one more").status == 401
    assert ask("GET", "/v1/session", headers={"X-Forwarded-For": "203.0.113.2, 203.0.113.1"}, token="x").status == 429


# -- browsers ------------------------------------------------------------------------------------------


def test_the_cookie_of_a_session_is_for_our_pages_alone_and_hidden_from_scripts(shared: Daemon) -> None:
    answer = shared.request("POST", "/v1/login", {"token": shared.token}, token=None)
    told = answer.headers["set-cookie"]
    assert told.startswith(f"argosy-{shared.port}=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in told.split(";")}
    assert "Domain" not in told
    assert shared.token not in told
    assert answer.json()["next"] == "/"


def test_over_tls_the_cookie_can_be_planted_by_nobody_else(daemons: Callable[..., Daemon]) -> None:
    service = daemons(ARGOSY_TRUSTED_PROXY="127.0.0.1", ARGOSY_PUBLIC_URL="https://files.example.org").start()
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "files.example.org", "X-Forwarded-For": "203.0.113.1"}
    page = {"Origin": "https://files.example.org"}
    answer = service.request("POST", "/v1/login", {"token": service.token}, {**told, **page}, token=None)
    assert answer.headers["set-cookie"].startswith("__Host-argosy=")
    assert "Secure" in answer.headers["set-cookie"]
    asked = {**told, **page, "Cookie": cookie_of(answer)}
    assert service.request("POST", "/v1/logout", headers=asked, token=None).status == 204
    assert service.request("GET", "/v1/session", headers=asked, token=None).status == 401


def test_a_session_changes_things_only_from_our_own_page(service: Daemon) -> None:
    browser = logged_in(service)
    task = {"source": "http://127.0.0.1:9/x"}

    def ask(**headers: str) -> int:
        return service.request("POST", "/v1/tasks", task, {"Cookie": browser["Cookie"], **headers}, token=None).status

    assert ask(Origin=own(service)) in (200, 202)
    assert ask(**{"Sec-Fetch-Site": "same-origin"}) in (200, 202)
    assert ask(**{"X-Argosy-CSRF": "1"}) in (200, 202)
    assert ask() == 403
    assert ask(Origin="http://127.0.0.1:3000") == 403
    assert ask(Origin="https://evil.example", **{"X-Argosy-CSRF": "1"}) == 403
    assert ask(**{"Sec-Fetch-Site": "same-site", "X-Argosy-CSRF": "1"}) == 403
    assert ask(**{"Sec-Fetch-Site": "cross-site"}) == 403


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_form_of_a_strange_page_is_not_read_even_without_an_origin(shared: Daemon, media_type: str) -> None:
    headers = {"Cookie": logged_in(shared)["Cookie"], "Content-Type": media_type}
    body = b'{"source": "http://127.0.0.1:9/x"}'
    assert shared.request("POST", "/v1/tasks", headers=headers, body=body, token=None).status == 415
    assert shared.request("POST", "/v1/tasks", headers={"Content-Type": media_type}, body=body).status == 415


def test_another_method_or_a_method_in_disguise_changes_nothing(service: Daemon) -> None:
    task = service.request("POST", "/v1/tasks", {"source": "http://127.0.0.1:9/x"}).json()["id"]
    disguise = {"X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE", "X-Method-Override": "DELETE"}
    assert service.request("GET", f"/v1/tasks/{task}?_method=DELETE").status == 422
    assert service.request("GET", f"/v1/tasks/{task}", headers=disguise).status == 200
    assert service.request("GET", f"/v1/tasks/{task}").status == 200


def test_a_link_logs_one_browser_in(service: Daemon) -> None:
    link = service.request("POST", "/v1/login/link").json()["path"]
    assert link.startswith("/login#code=")
    code = link.partition("=")[2]

    def use(_: int) -> Answer:
        return service.request("POST", "/v1/login", {"code": code}, {"Origin": own(service)}, token=None)

    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(use, range(8)))
    won = [answer for answer in answers if answer.status == 200]
    assert len(won) == 1
    browser = {"Cookie": cookie_of(won[0])}
    assert service.request("GET", "/v1/session", headers=browser, token=None).json()["scope"] == "admin"


def test_a_link_gives_no_more_than_it_was_made_for(service: Daemon) -> None:
    code = service.request("POST", "/v1/login/link", {"scope": "read"}).json()["path"].partition("=")[2]
    browser = cookie_of(service.request("POST", "/v1/login", {"code": code, "next": "//evil.example"}, token=None))
    told = service.request("GET", "/v1/session", headers={"Cookie": browser}, token=None).json()
    assert (told["scope"], told["browser"]) == ("read", True)


def test_a_code_of_another_kind_opens_nothing(service: Daemon) -> None:
    session = logged_in(service)["Cookie"].partition("=")[2]
    token = made(service, "read")["token"]
    for wrong in ({"code": session}, {"code": token}, {"token": session}, {"code": service.token}):
        assert service.request("POST", "/v1/login", wrong, token=None).status == 401
    for wrong in ({}, {"code": "x", "token": "y"}, {"token": ""}, {"token": 1}):
        assert service.request("POST", "/v1/login", wrong, token=None).status == 422
    headers = {"Cookie": f"argosy-{service.port}={token}"}
    assert service.request("GET", "/v1/session", headers=headers, token=None).status == 401


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_login_leads_to_no_other_site(shared: Daemon, target: str) -> None:
    answer = shared.request("POST", "/v1/login", {"token": shared.token, "next": target}, token=None)
    assert answer.json()["next"] == "/"


def test_a_session_is_over_after_logging_out_and_its_token_is_not(service: Daemon) -> None:
    browser = logged_in(service)
    out = service.request("POST", "/v1/logout", headers=browser, token=None)
    assert out.status == 204
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert service.request("GET", "/v1/session", headers=browser, token=None).status == 401
    assert who(service, service.token).status == 200


def test_the_sessions_of_a_revoked_token_end_with_it(service: Daemon) -> None:
    token = made(service, "write")
    browser = logged_in(service, token["token"])
    assert service.request("GET", "/v1/session", headers=browser, token=None).json()["scope"] == "write"
    service.request("DELETE", f"/v1/tokens/{token['id']}")
    assert service.request("GET", "/v1/session", headers=browser, token=None).status == 401


def test_the_login_page_has_nothing_inline_and_nothing_from_elsewhere(shared: Daemon) -> None:
    for path in ("/login", "/login/login.js", "/login/login.css"):
        answer = shared.request("GET", path, token=None)
        assert answer.status == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert b"http:" not in answer.body
        assert b"https:" not in answer.body
        assert b"style=" not in answer.body
        assert b"innerHTML" not in answer.body
    assert shared.request("GET", "/login/..%2fapp.py", token=None).status == 400
    assert shared.request("GET", "/login/app.py", token=None).status == 404


# -- origins that may ask ------------------------------------------------------------------------------

FRIEND = "https://app.example.org"


def test_a_page_of_an_allowed_origin_asks_with_a_token_and_reads_the_answer(daemons: Callable[..., Daemon]) -> None:
    service = daemons(ARGOSY_ALLOW_ORIGIN=FRIEND).start()
    before = {"Origin": FRIEND, "Access-Control-Request-Method": "POST",
              "Access-Control-Request-Headers": "authorization,content-type"}  # fmt: skip
    asked = service.request("OPTIONS", "/v1/tasks", headers=before, token=None)
    assert asked.status == 204
    assert asked.headers["access-control-allow-origin"] == FRIEND
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert asked.headers["access-control-allow-headers"] == "authorization,content-type"
    assert "access-control-allow-credentials" not in asked.headers
    answer = service.request("POST", "/v1/tasks", {"source": "http://127.0.0.1:9/x"}, {"Origin": FRIEND})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (202, FRIEND)
    refused = service.request("GET", "/v1/session", headers={"Origin": FRIEND}, token=None)
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, FRIEND)


def test_a_page_of_an_allowed_origin_has_no_session(daemons: Callable[..., Daemon]) -> None:
    service = daemons(ARGOSY_ALLOW_ORIGIN=FRIEND).start()
    browser = {**logged_in(service), "Origin": FRIEND}
    assert service.request("GET", "/v1/session", headers=browser, token=None).status == 401
    assert service.request("POST", "/v1/login", {"token": service.token}, {"Origin": FRIEND}, token=None).status == 403


def test_a_preflight_of_a_strange_page_is_refused(shared: Daemon) -> None:
    before = {"Origin": FRIEND, "Access-Control-Request-Method": "POST"}
    answer = shared.request("OPTIONS", "/v1/tasks", headers=before, token=None)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


# -- what stays open -----------------------------------------------------------------------------------


def socket_of(service: Daemon, **more: Any) -> Any:
    return connect(f"ws://127.0.0.1:{service.port}/ws", **more)


def drain(live: Any) -> None:
    """Read until there is no more, for so long at most as a revocation may take."""
    while True:
        live.recv(timeout=NOW_S)


def refusal(service: Daemon, **more: Any) -> int:
    with pytest.raises(InvalidStatus) as caught:
        socket_of(service, **more)
    return caught.value.response.status_code


def test_a_websocket_takes_a_header_a_subprotocol_or_the_cookie_of_our_own_page(service: Daemon) -> None:
    browser = logged_in(service)
    with socket_of(service, additional_headers={"Authorization": f"Bearer {service.token}"}) as live:
        assert live.ping().wait(10)
    with socket_of(service, subprotocols=["argosy", f"argosy.bearer.{service.token}"]) as live:
        assert live.subprotocol == "argosy"
        assert service.token not in str(live.response.headers)
        assert live.ping().wait(10)
    with socket_of(service, additional_headers=browser) as live:
        assert live.ping().wait(10)


def test_a_websocket_of_nobody_or_of_a_strange_page_never_opens(service: Daemon) -> None:
    cookie = {"Cookie": logged_in(service)["Cookie"]}
    assert refusal(service) == 401
    assert refusal(service, subprotocols=["argosy", "argosy.bearer.wrong-token-12345"]) == 401
    assert refusal(service, additional_headers=cookie) == 403
    assert refusal(service, additional_headers={**cookie, "X-Argosy-CSRF": "1"}) == 403
    assert refusal(service, additional_headers=cookie, origin="http://127.0.0.1:3000") == 403
    assert refusal(service, subprotocols=["argosy", f"argosy.bearer.{service.token}"], origin="null") == 403


def test_a_websocket_ends_with_the_token_that_opened_it(service: Daemon) -> None:
    token = made(service, "read")
    with socket_of(service, additional_headers={"Authorization": f"Bearer {token['token']}"}) as live:
        assert live.ping().wait(10)
        service.request("DELETE", f"/v1/tokens/{token['id']}")
        with pytest.raises(ConnectionClosed):
            drain(live)
        assert live.close_code == 4401


def test_a_stream_of_events_ends_with_the_session_that_opened_it(service: Daemon) -> None:
    browser = logged_in(service)
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    connection.request("GET", "/v1/events", headers={**browser, "Accept": "text/event-stream"})
    stream = connection.getresponse()
    assert stream.status == 200
    service.request("POST", "/v1/logout", headers=browser, token=None)
    stream.read()
    connection.close()


# -- the token's own file ------------------------------------------------------------------------------


def test_the_token_is_made_once_for_its_owner_alone_and_printed_on_request(daemons: Callable[..., Daemon]) -> None:
    service = daemons()
    processes = [service.launch("token") for _ in range(3)]
    printed = {process.communicate(timeout=20)[0].strip() for process in processes}
    assert printed == {service.token}
    assert stat.S_IMODE((service.home / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE((service.home / "signing-key").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_token_that_others_can_read_stops_the_start(daemons: Callable[..., Daemon], mode: int) -> None:
    service = daemons()
    service.launch("token").communicate(timeout=20)
    (service.home / "token").chmod(mode)
    with pytest.raises(AssertionError, match="read by others"):
        service.start()


@pytest.mark.parametrize("weak", ["swordfish", "a b c d e f g h i j", "ü" * 20, "x" * 600])
def test_a_weak_token_of_one_s_own_stops_the_start_and_is_not_repeated(
    daemons: Callable[..., Daemon], weak: str
) -> None:
    service = daemons(ARGOSY_TOKEN=weak)
    with pytest.raises(AssertionError, match="ended with 2"):
        service.start()
    assert weak not in "".join(service.errors)


def test_a_token_of_the_environment_is_not_rotated_in_a_file(daemons: Callable[..., Daemon]) -> None:
    service = daemons(ARGOSY_TOKEN="sixteen-letters-and-more")
    process = service.launch("token", "--rotate")
    assert "ARGOSY_TOKEN" in process.communicate(timeout=20)[1]
    assert process.returncode == 2
    assert not (service.home / "token").exists()


@pytest.mark.parametrize(
    "setting",
    [{"ARGOSY_ALLOW_ORIGIN": "*"}, {"ARGOSY_ALLOW_HOST": "*"}, {"ARGOSY_TRUSTED_PROXY": "everybody"},
     {"ARGOSY_PUBLIC_URL": "files.example.org"}],
)  # fmt: skip
def test_a_setting_that_would_open_the_door_to_everybody_stops_the_start(
    daemons: Callable[..., Daemon], setting: dict[str, str]
) -> None:
    with pytest.raises(AssertionError, match="ended with 2"):
        daemons(**setting).start()
