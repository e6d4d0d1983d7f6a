"""What is kept as text and bytes comes back as it was, from older and newer releases too."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.checksum import Checksum
from argosy.core.types import FileSpec, TaskSpec, TransferOptions
from argosy.errors import Failure
from argosy.store import codec
from argosy.testing.store_contract import full_task

anything = st.text(st.characters(exclude_categories=()))


@given(anything)
def test_any_text_can_be_armoured_and_disarmed(text: str) -> None:
    armoured = codec.armour(text)
    assert codec.disarm(armoured) == text
    armoured.encode()  # is proper Unicode


@given(anything, anything)
def test_different_texts_stay_different_in_armour(one: str, two: str) -> None:
    assert (codec.armour(one) == codec.armour(two)) == (one == two)


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 2**62))))
def test_extents_come_back(extents: list[tuple[int, int]]) -> None:
    packed = codec.extents_to_bytes(tuple(extents))
    assert len(packed) == 16 * len(extents)
    assert codec.extents_from_bytes(packed) == tuple(extents)


@given(
    st.builds(Failure, anything, anything, anything, st.booleans(), st.integers(0, 9), st.none() | st.floats(0, 1e9))
)
def test_failures_come_back(failure: Failure) -> None:
    assert codec.failure_from_text(codec.failure_to_text(failure)) == failure


def test_a_spec_with_every_option_set_comes_back() -> None:
    spec = full_task().spec
    text = codec.spec_to_text(spec)
    assert text.isascii()
    assert codec.spec_from_text(text, spec.source, spec.directory) == spec


def test_a_plain_spec_takes_no_room() -> None:
    assert codec.spec_to_text(TaskSpec("s", "d")) == "{}"
    assert codec.spec_to_text(TaskSpec("s", "d", (FileSpec(("u",)),))) == '{"files":[{"urls":["u"]}]}'


def test_fields_of_a_later_release_are_ignored_and_missing_ones_have_their_default() -> None:
    text = '{"shiny":1,"options":{"connections":2,"teleport":true},"files":[{"urls":["u"],"mood":[]}]}'
    spec = codec.spec_from_text(text, "s", "d")
    assert spec == TaskSpec("s", "d", (FileSpec(("u",)),), TransferOptions(connections=2))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"files":3}',
        '{"files":[{}]}',
        '{"files":[{"urls":"u"}]}',
        '{"files":[{"urls":[1]}]}',
        '{"files":[{"urls":["u"],"checksum":"abc"}]}',
        '{"options":{"connections":"8"}}',
        '{"options":{"connections":true}}',
        '{"options":{"netrc":1}}',
        '{"options":{"http_version":"4"}}',
        '{"options":{"headers":[["one"]]}}',
        '{"options":{"stall_timeout_s":"1"}}',
        '{"engine":7}',
    ],
)
def test_what_does_not_fit_is_refused_and_never_guessed(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        codec.spec_from_text(text, "s", "d")


def test_broken_bytes_and_checksums_are_refused() -> None:
    with pytest.raises(ValueError, match="15 bytes"):
        codec.extents_from_bytes(bytes(15))
    with pytest.raises(ValueError, match="not a checksum"):
        codec.checksum_from_text("abc")
    assert codec.checksum_from_text("md5:00") == Checksum("md5", "00")


def test_a_whole_number_serves_where_a_fraction_is_kept() -> None:
    spec = codec.spec_from_text(json.dumps({"options": {"stall_timeout_s": 7}}), "s", "d")
    assert (spec.options.stall_timeout_s, type(spec.options.stall_timeout_s)) == (7.0, float)


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [("ABC", "b", True), ("ÄBC", "ä", True), ("ÄBC", "b", True), ("abc", "", True), ("abc", "x", False)],
)
def test_text_is_found_in_either_case(text: str, wanted: str, found: bool) -> None:
    assert codec.holds(text, wanted) is found
