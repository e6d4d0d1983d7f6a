"""The parts of the API that take values and return values."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy import config
from argosy.client import wire
from argosy.core.pieces import Pieces
from argosy.core.types import FileSpec, Task, TaskSpec
from argosy.errors import Conflict, UsageError
from argosy.runtime.admission import Request
from argosy.service.answering import piecemap, precondition
from argosy.service.asking import paging, preference
from argosy.service.asking.form import NewTask
from argosy.service.security.principal import Principal, Scope
from argosy.service.tasks import placement
from argosy.service.tasks.admittance import _pieces
from argosy.store.port import SortKey

OWNER = Principal("owner", Scope.ADMIN, local=True)
GUEST = Principal("guest", Scope.ADMIN)
TASK = Task("f" * 32, TaskSpec("http://h/", "/d"), 1.0, 2.5, number=7, name="ü'\"", finished_at=3.25)


# -- pages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", paging.CHOICES)
def test_a_token_says_where_the_next_page_of_its_order_begins(text: str) -> None:
    order = paging.parse_order(text)
    place = paging.parse_token(paging.token_after(TASK, order), order)
    values: dict[SortKey, object] = {
        "number": None,
        "updated_at": 2.5,
        "finished_at": 3.25,
        "priority": 0,
        "name": TASK.name,
        "total": -1,
    }
    assert (place.number, place.value) == (7, values[order.by])


@given(st.text(), st.sampled_from(paging.CHOICES))
def test_any_text_is_a_place_or_an_error_with_a_code(token: str, text: str) -> None:
    code, place = "page_token", None
    try:
        place = paging.parse_token(token, paging.parse_order(text))
    except UsageError as error:
        code = error.detail_code
    assert code == "page_token"
    assert place is None or place.number >= 0


@given(st.integers(), st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.booleans()))
def test_a_token_that_somebody_made_up_fits_into_the_database(number: int, value: object) -> None:
    order = paging.Order("priority", descending=False)
    token = base64.urlsafe_b64encode(json.dumps(["priority", number, value]).encode()).decode()
    try:
        place = paging.parse_token(token, order)
    except UsageError:
        return
    assert 0 <= place.number < 2**63
    assert isinstance(place.value, int | float)
    assert abs(place.value) < 2**63


# -- conditions ----------------------------------------------------------------------------------------


def test_a_tag_names_the_version_and_the_content() -> None:
    one, two = precondition.tag_of(b"a", 3), precondition.tag_of(b"b", 3)
    assert one != two
    assert precondition.wanted_version(one) == precondition.wanted_version(two) == 3
    assert precondition.wanted_version(f"W/{one}") == 3
    assert precondition.wanted_version("*") is precondition.wanted_version(None) is None


@pytest.mark.parametrize("text", ["", "3", '"3"', '"v"', '"v3", "v4"', '"vx-1"', precondition.tag_of(b"a")])
def test_what_is_no_tag_of_a_task_is_no_condition(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        precondition.wanted_version(text)
    assert raised.value.detail_code == "precondition_failed"


def test_a_client_has_what_it_names_among_others() -> None:
    tag = precondition.tag_of(b"a")
    assert precondition.has(f'"x", W/{tag} , "y"', tag)
    assert precondition.has("*", tag)
    assert not precondition.has('"x"', tag)
    assert not precondition.has(None, tag)
    precondition.check(None, tag)
    with pytest.raises(Conflict):
        precondition.check('"x"', tag)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("", None), ("wait=5", 5), ("respond-async, wait=30", 30), ('Wait = "7"; x', 7), ("wait=99999", 60),
     ("wait=-1", None), ("wait=1e3", None), ("waiting=5", None), ("wait=x, wait=2", 2)],
)  # fmt: skip
def test_what_a_client_would_wait_is_understood_or_left_aside(text: str | None, seconds: int | None) -> None:
    assert preference.wait_s(text) == seconds


# -- pieces --------------------------------------------------------------------------------------------


@given(st.integers(1, 500), st.integers(1, 60), st.sets(st.integers(0, 499)))
def test_the_cells_of_a_file_tell_what_is_there_of_each(size: int, count: int, held: set[int]) -> None:
    there = sorted(byte for byte in held if byte < size)
    extents: list[tuple[int, int]] = []
    for byte in there:
        if extents and extents[-1][1] == byte:
            extents[-1] = (extents[-1][0], byte + 1)
        else:
            extents.append((byte, byte + 1))
    shown = piecemap.cells(extents, size, count)
    assert len(shown) == min(count, size)
    members: list[list[int]] = [[] for _ in shown]
    for byte in range(size):
        members[byte * len(shown) // size].append(byte)
    for percent, cell in zip(shown, members, strict=True):
        held_here = len(set(cell) & set(there))
        assert (percent == 100) == (held_here == len(cell))
        assert (percent == 0) == (held_here == 0)
        assert 0 <= percent <= 100


def test_a_file_of_unknown_size_has_no_cells() -> None:
    assert piecemap.cells([(0, 5)], 0, 10) == []


# -- places --------------------------------------------------------------------------------------------


def settings(**changed: object) -> config.Config:
    plain = config.load(environ={"ARGOSY_HOME": "/nonexistent"})
    return plain.over(changed, "flag")


def test_a_folder_is_seen_from_the_download_folder(tmp_path: Path) -> None:
    root = str(tmp_path)
    for asker in (OWNER, GUEST):
        assert placement.resolve(None, asker, settings(), root) == root
        assert placement.resolve("a/./b/../c", asker, settings(), root) == f"{root}/a/c"
        assert placement.resolve(f"{root}/x", asker, settings(), root) == f"{root}/x"


def test_only_the_owner_leaves_it(tmp_path: Path) -> None:
    root = str(tmp_path / "root")
    assert placement.resolve("/elsewhere", OWNER, settings(), root) == "/elsewhere"
    assert placement.resolve("/open/x", GUEST, settings(allow_directory="/other, /open"), root) == "/open/x"
    for folder in ("/elsewhere", "..", "../root2", f"{root}2", "/opened"):
        with pytest.raises(UsageError) as raised:
            placement.resolve(folder, GUEST, settings(allow_directory="/open"), root)
        assert raised.value.detail_code == "directory"


def test_a_link_on_the_way_leads_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "out").symlink_to("/etc")
    (tmp_path / "root" / "in").symlink_to(tmp_path / "root" / "real")
    assert placement.resolve("in/x", GUEST, settings(), str(tmp_path / "root")).endswith("/in/x")
    with pytest.raises(UsageError):
        placement.resolve("out/x", GUEST, settings(), str(tmp_path / "root"))


@given(st.text(max_size=60))
def test_whatever_a_guest_writes_stays_below_or_is_refused(text: str) -> None:
    root = "/srv/nonexistent-downloads"
    code, folder = "directory", root
    try:
        folder = placement.resolve(text, GUEST, settings(), root)
    except UsageError as error:
        code = error.detail_code
    assert code == "directory"
    assert folder == root or folder.startswith(root + os.sep)


def test_a_home_is_the_owners_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/owner")
    assert placement.resolve("~/x", OWNER, settings(), str(tmp_path)) == "/srv/owner/x"
    assert placement.resolve("~/x", GUEST, settings(), str(tmp_path)) == f"{tmp_path}/~/x"


def test_the_place_of_a_task_that_has_no_name_sorts_before_all_names() -> None:
    order = paging.Order("name", descending=False)
    assert paging.parse_token(paging.token_after(replace(TASK, name=None), order), order).value == ""


def test_the_hashes_of_pieces_cross_the_wire_as_they_are() -> None:
    pieces = Pieces("sha1", 1000, "ab" * 40)
    asked = Request("https://example.org/a.bin", size=1500, pieces=pieces, files=())
    sent = wire.request(asked, None, owner=True)
    assert _pieces(NewTask.model_validate(sent)) == pieces
    assert wire.file(FileSpec(("https://example.org/a.bin",), pieces=pieces))["pieces"] == sent["pieces"]
