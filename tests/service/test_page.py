"""The page at ``/``: for who is logged in, and with nothing in it that a stranger's text could become."""

from __future__ import annotations

from importlib import resources

import pytest

from .daemon import Daemon

PAGES = resources.files("argosy.service").joinpath("pages")


def test_it_is_shown_to_who_may_read_and_everybody_else_is_sent_to_log_in(service: Daemon) -> None:
    status, headers, body = service.request("GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"Add a download" in body
    status, headers, _ = service.request(
        "GET", "/", token=None, headers={"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    )
    assert (status, headers["location"]) == (303, "/login?next=/")


@pytest.mark.parametrize("name", ["queue.css", "queue.js"])
def test_what_it_is_made_of_is_there_for_everybody(service: Daemon, name: str) -> None:
    status, headers, body = service.request("GET", f"/page/{name}", token=None)
    assert status == 200
    assert body == PAGES.joinpath(name).read_bytes()
    assert "script-src 'self'" in headers["content-security-policy"]


def test_there_is_no_other_file(service: Daemon) -> None:
    assert service.request("GET", "/page/login.html", token=None).status == 404


@pytest.mark.parametrize("sink", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "href ="])
def test_text_from_strangers_never_becomes_markup(sink: str) -> None:
    assert sink not in PAGES.joinpath("queue.js").read_text()
