"""Patterns of wanted files."""

from __future__ import annotations

import pytest

from argosy.errors import UsageError
from argosy.sources.selection import selected


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.json", ["a.json", "x/y/a.json"], ["a.jsonl", "json"]),
        ("sub-01/", ["sub-01/a", "sub-01/anat/b.nii"], ["sub-010/a", "x/sub-01/a"]),
        ("sub-*/anat/*", ["sub-01/anat/a"], ["sub-01/anat/x/a", "sub-01/func/a"]),
        ("**/anat/*", ["anat/a", "x/y/anat/a"], ["x/anat/y/a"]),
        ("model-0000[1-3]*", ["model-00002-of-9"], ["model-00004-of-9"]),
        ("[!a]?", ["bc"], ["ab", "bcd"]),
        ("a+b(c).txt", ["a+b(c).txt"], ["aab(c).txt"]),
        ("/top.txt", ["top.txt"], ["x/top.txt"]),
    ],
)
def test_patterns(pattern: str, yes: list[str], no: list[str]) -> None:
    keeps = selected([pattern], [])
    assert [path for path in yes + no if keeps(path)] == yes


def test_what_is_excluded_is_excluded_even_if_it_is_included() -> None:
    keeps = selected(["*.bin"], ["big.*"])
    assert keeps("a.bin")
    assert not keeps("big.bin")
    assert selected([], ["*.bin"])("a.txt")


def test_an_empty_pattern_is_a_mistake() -> None:
    with pytest.raises(UsageError):
        selected([""], [])
