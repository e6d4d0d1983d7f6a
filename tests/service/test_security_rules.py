"""The rules of the gate, each by its table: names, pages, proxies, bodies, texts of ours, and who is wrong too often."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.errors import UsageError
from argosy.service.routes.security import relative
from argosy.service.security import credentials, limits
from argosy.service.security.asked import odd_path
from argosy.service.security.caller import Forwarded, caller_of, networks
from argosy.service.security.credentials import Credential, Kind
from argosy.service.security.hosts import Authority, Hosts, authorities, parsed, web_origin
from argosy.service.security.logins import ADDRESSES, BURST, REFILL_S, FailedLogins
from argosy.service.security.minted import mint, ours
from argosy.service.security.origins import Page, page_of

LOOPBACK = "127.0.0.1"
NAMED = Hosts(authorities("nas.local, files.example.org:8443", "allow_host"))


@pytest.mark.parametrize(
    ("hosts", "bound", "asked"),
    [
        (Hosts(), LOOPBACK, "localhost"),
        (Hosts(), LOOPBACK, "LocalHost:8970"),
        (Hosts(), LOOPBACK, "127.0.0.1:8970"),
        (Hosts(), LOOPBACK, "[::1]:8970"),
        (Hosts(), "::1", "[0:0:0:0:0:0:0:1]"),
        (Hosts(), "::ffff:127.0.0.1", "127.0.0.1"),
        (Hosts(), None, "localhost"),
        (Hosts(), "192.168.1.5", "192.168.1.5:8970"),
        (Hosts(everywhere=True), "172.17.0.2", "192.168.1.5:9000"),
        (NAMED, LOOPBACK, "nas.local"),
        (NAMED, LOOPBACK, "NAS.local:1234"),
        (NAMED, LOOPBACK, "files.example.org:8443"),
    ],
)
def test_the_service_answers_to_the_names_that_are_its_own(hosts: Hosts, bound: str | None, asked: str) -> None:
    assert hosts.permitted([asked], bound) is not None


HOSTILE = [
    "evil.example", "evil.example:8970", "localhost.evil.example", "127.0.0.1.nip.io", "localhost.", "127.0.0.1.", "",
    "localhost:", "localhost:0", "localhost:99999", "localhost:8970:1", "user@localhost", "localhost/", "localhost,evil",
    "localhost evil", " localhost", "0.0.0.0", "[::]", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.2",
    "[::1", "::1", "[fe80::1%25eth0]", "[127.0.0.1]", "10.1.2.3", "8.8.8.8:8970", "ⓛocalhost", "localhost\x00",
    "localhost\n", "nas.local", "a" * 300, "*", "null",
]  # fmt: skip


@pytest.mark.parametrize("asked", HOSTILE)
def test_any_other_name_is_refused(asked: str) -> None:
    assert Hosts().permitted([asked], LOOPBACK) is None


@pytest.mark.parametrize("given", [[], ["localhost", "localhost"], ["localhost", "evil.example"]])
def test_without_exactly_one_name_nothing_is_answered(given: list[str]) -> None:
    assert Hosts().permitted(given, LOOPBACK) is None


def test_a_name_with_a_port_is_only_good_with_that_port() -> None:
    assert NAMED.permitted(["files.example.org"], LOOPBACK) is None
    assert NAMED.permitted(["files.example.org:443"], LOOPBACK) is None


def test_what_is_listened_to_everywhere_still_has_no_foreign_names() -> None:
    everywhere = Hosts(everywhere=True)
    assert everywhere.permitted(["evil.example"], "10.0.0.1") is None
    assert everywhere.permitted(["0.0.0.0:8970"], "10.0.0.1") is None


@given(st.text())
def test_whatever_a_host_header_says_it_is_read_without_an_error(text: str) -> None:
    found = parsed(text)
    assert found is None or parsed(str(found)) == found


@pytest.mark.parametrize(
    ("url", "origin"),
    [("https://Example.org/path", "https://example.org"), ("https://example.org:443", "https://example.org"),
     ("http://[::1]:8970/", "http://[::1]:8970"), ("http://example.org:443", "http://example.org:443")],
)  # fmt: skip
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert web_origin(url, "allow_origin") == origin


@pytest.mark.parametrize(
    "url", ["*", "null", "example.org", "ftp://example.org", "https://", "https://u@h", "https://[::1"]
)
def test_what_is_no_origin_stops_the_start(url: str) -> None:
    with pytest.raises(UsageError, match="allow_origin"):
        web_origin(url, "allow_origin")


# -- pages ---------------------------------------------------------------------------------------------

OWN = frozenset({"http://localhost:8970"})
FRIEND = frozenset({"https://app.example.org"})
A_LINK: dict[str, Any] = {"site": "cross-site", "mode": "navigate", "destination": "document"}


def page(*origin: str, reads: bool = True, **fetch: Any) -> Page:
    told: dict[str, Any] = {"site": None, "mode": None, "destination": None, **fetch}
    return page_of(origin, reads=reads, own=OWN, allowed=FRIEND, **told)


@pytest.mark.parametrize(
    ("origin", "whose"),
    [
        ("http://localhost:8970", Page.OWN),
        ("https://app.example.org", Page.ALLOWED),
        ("http://app.example.org", Page.FOREIGN),
        ("https://app.example.org.evil.example", Page.FOREIGN),
        ("https://app.example.org:444", Page.FOREIGN),
        ("http://localhost:3000", Page.FOREIGN),
        ("http://localhost", Page.FOREIGN),
        ("https://localhost:8970", Page.FOREIGN),
        ("http://127.0.0.1:8970", Page.FOREIGN),
        ("http://0.0.0.0:8970", Page.FOREIGN),
        ("null", Page.FOREIGN),
        ("", Page.FOREIGN),
        ("file://", Page.FOREIGN),
        ("HTTP://LOCALHOST:8970", Page.FOREIGN),
    ],
)
@pytest.mark.parametrize("reads", [True, False])
def test_an_origin_is_ours_to_the_letter_or_foreign(origin: str, whose: Page, reads: bool) -> None:
    assert page(origin, reads=reads) is whose
    assert page(origin, reads=reads, **A_LINK) is whose


def test_two_origins_are_none_of_ours() -> None:
    assert page("http://localhost:8970", "http://localhost:8970") is Page.FOREIGN


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_a_page_that_hides_its_origin_is_known_by_what_the_browser_says(site: str) -> None:
    assert page(site=site, mode="no-cors", destination="image") is Page.FOREIGN
    assert page(site=site, mode="navigate", destination="iframe") is Page.FOREIGN
    assert page(site=site, mode="navigate", destination="document", reads=False) is Page.FOREIGN


def test_a_link_may_be_followed_from_anywhere() -> None:
    assert page(**A_LINK) is Page.NONE
    assert page(site="none", mode="navigate", destination="document") is Page.NONE
    assert page() is Page.NONE
    assert page(site="same-origin", mode="cors", destination="empty", reads=False) is Page.OWN


# -- proxies -------------------------------------------------------------------------------------------

PROXY = networks("127.0.0.1, 10.0.0.0/24", "trusted_proxy")
FORWARDED = Forwarded(["6.6.6.6, 203.0.113.7, 10.0.0.9"], ["https"], ["files.example.org"])


def test_a_header_says_nothing_of_who_calls_unless_a_trusted_proxy_sent_it() -> None:
    for proxies in ((), networks("10.0.0.0/24", "trusted_proxy")):
        caller = caller_of("127.0.0.1", "http", ["localhost"], FORWARDED, proxies)
        assert (caller.address, caller.scheme, caller.hosts) == ("127.0.0.1", "http", ("localhost",))


def test_behind_a_chain_of_trusted_proxies_the_last_stranger_is_the_client() -> None:
    caller = caller_of("127.0.0.1", "http", ["localhost"], FORWARDED, PROXY)
    assert (caller.address, caller.scheme, caller.hosts) == ("203.0.113.7", "https", ("files.example.org",))


@pytest.mark.parametrize("told", [["nonsense"], ["203.0.113.7, <script>"], [], ["127.0.0.1"]])
def test_a_chain_that_makes_no_sense_leaves_the_proxy_as_the_client(told: list[str]) -> None:
    assert caller_of("127.0.0.1", "ws", ["h"], Forwarded(told, ["gopher"]), PROXY).address == "127.0.0.1"
    assert caller_of("127.0.0.1", "ws", ["h"], Forwarded(told, ["gopher"]), PROXY).scheme == "http"


def test_two_names_stay_two_names() -> None:
    assert caller_of("127.0.0.1", "http", ["a", "b"], Forwarded(), PROXY).hosts == ("a", "b")


# -- bodies and addresses ------------------------------------------------------------------------------

JSON = "application/json"


@pytest.mark.parametrize(
    ("length", "chunked", "coding", "media_type", "status"),
    [
        (None, False, None, None, None),
        ("0", False, None, "text/plain", None),
        ("2", False, None, JSON, None),
        ("2", False, None, "Application/JSON; charset=UTF-8", None),
        ("2", False, "identity", "application/merge-patch+json", None),
        (str(limits.BODY_BYTES), False, None, JSON, None),
        (str(limits.BODY_BYTES + 1), False, None, JSON, 413),
        ("9" * 4000, False, None, JSON, 413),
        ("-1", False, None, JSON, 400),
        ("1_0", False, None, JSON, 400),
        ("٣", False, None, JSON, 400),
        ("2, 2", False, None, JSON, 400),
        ("2", False, "gzip", JSON, 415),
        (None, True, "br", JSON, 415),
        ("2", False, None, None, 415),
        (None, True, None, None, 415),
        ("2", False, None, "text/plain", 415),
        ("2", False, None, "text/plain; application/json", 415),
        ("2", False, None, "application/x-www-form-urlencoded", 415),
        ("2", False, None, "multipart/form-data; boundary=x", 415),
        ("2", False, None, "application/json, text/plain", 415),
        ("2", False, None, "application/json; charset=utf-7", 415),
    ],
)
def test_a_body_is_json_of_a_bounded_size_or_refused_unread(
    length: str | None, chunked: bool, coding: str | None, media_type: str | None, status: int | None
) -> None:
    refusal = limits.body_refusal(length, chunked, coding, media_type)
    assert (None if refusal is None else refusal[0]) == status


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../x",
        "/v1/tasks/..",
        "//v1/tasks",
        "/v1//tasks",
        "/v1/./tasks",
        "/v1\\tasks",
        "/v1/a\x00",
        "/v1/a\n",
        "/\ufffd",
    ],
)
def test_a_path_that_means_two_things_is_odd(path: str) -> None:
    assert odd_path(path, path.encode()) is not None


def test_a_coded_slash_is_odd_and_a_plain_path_is_not() -> None:
    assert odd_path("/v1/tasks/a/b", b"/v1/tasks/a%2Fb") is not None
    assert odd_path("/v1/tasks/..a/b..c/é.%2e", b"/v1/tasks/..a/b..c/%C3%A9.%252e") is None


@pytest.mark.parametrize(
    "path", ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil", "javascript:alert(1)", "", "x", "/a\nb",
             "/%0d\r\nSet-Cookie:x", "/\t/evil.example", " /", "/a\\b", "/é"]
)  # fmt: skip
def test_a_login_leads_to_no_other_site(path: str) -> None:
    assert relative(path) == "/"


@pytest.mark.parametrize("path", ["/", "/tasks/3f2a?x=1#files", "/a//b"])
def test_a_login_leads_where_one_was(path: str) -> None:
    assert relative(path) == path


# -- credentials ---------------------------------------------------------------------------------------


def test_a_header_goes_before_a_subprotocol_and_both_before_the_cookie() -> None:
    cookie = ["a=b; argosy-1=s", "argosy-2=t"]
    protocols = ["argosy", "argosy.bearer.sub"]
    assert credentials.shown(["bearer  head "], protocols, cookie, "argosy-1") == Credential(Kind.TOKEN, "head")
    assert credentials.shown(["Basic eDp5"], protocols, cookie, "argosy-1") == Credential(Kind.TOKEN, "sub")
    assert credentials.shown([], ["argosy"], cookie, "argosy-2") == Credential(Kind.SESSION, "t")
    assert credentials.shown([], [], cookie, "argosy-3") is None
    assert credentials.shown([], [], cookie, "") is None


def test_a_credential_does_not_show_what_it_is() -> None:
    assert "canary" not in repr(Credential(Kind.TOKEN, "canary"))


def test_each_port_of_a_host_has_a_cookie_of_its_own() -> None:
    names = {credentials.cookie_name("http", Authority("localhost", port)) for port in (None, 8970, 8971)}
    assert len(names) == 3
    assert credentials.cookie_name("https", Authority("example.org")).startswith("__Host-")


@given(st.binary(min_size=1, max_size=64), st.text(max_size=80))
def test_what_was_not_minted_here_is_not_ours(key: bytes, text: str) -> None:
    assert not ours(key, text, "argosy_")
    minted = mint(key, "argosy_")
    assert ours(key, minted, "argosy_")
    assert not ours(key, minted, "s_")
    assert not ours(key + b"x", minted, "argosy_")
    assert not ours(key, minted[:-1] + ("A" if minted[-1] != "A" else "B"), "argosy_")


# -- failures ------------------------------------------------------------------------------------------


def test_who_is_wrong_too_often_waits_and_is_forgiven_with_time() -> None:
    failed = FailedLogins()
    assert [failed.failed("1.2.3.4", 0.0) for _ in range(BURST)] == [None] * BURST
    wait_s = failed.failed("1.2.3.4", 0.0)
    assert wait_s is not None
    assert 0 < wait_s <= REFILL_S
    assert failed.failed("1.2.3.5", 0.0) is None
    assert failed.failed("1.2.3.4", wait_s + REFILL_S) is None


def test_however_long_somebody_tries_the_wait_does_not_grow() -> None:
    failed = FailedLogins()
    waits = [failed.failed("1.2.3.4", 0.0) for _ in range(1000)]
    assert waits[-1] == waits[BURST]


def test_a_network_of_ipv6_addresses_is_one_caller() -> None:
    failed = FailedLogins()
    answers = [failed.failed(f"2001:db8::{n:x}", 0.0) for n in range(1, BURST + 2)]
    assert answers[-1] is not None
    assert failed.failed("2001:db8:0:1::1", 0.0) is None


def test_a_crowd_of_addresses_takes_bounded_memory() -> None:
    failed = FailedLogins()
    for number in range(ADDRESSES + 100):
        failed.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(failed._levels) == ADDRESSES
