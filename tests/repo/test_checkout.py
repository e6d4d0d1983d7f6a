"""The checkout in itself: modules that say what they are, numbers without gaps, and nothing of anybody's machine."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

import argosy
from argosy.about import VERSION

from .checkout import MODULES, ROOT, SOURCE, files, shown

VAGUE = frozenset({"util", "utils", "helper", "helpers", "common", "misc", "base", "tools", "manager2"})
ELSEWHERE = {
    "a folder of somebody's machine": re.compile(r"/(?:work|root|Users)/[\w.]|/home/(?!u/|user/|me/)\w"),
    "a package index": re.compile(r"\b(?:pypi|pythonhosted|npmjs|debian|crates)\.(?:org|com|io)\b"),
    "how the text came about": re.compile(
        r"\b(?:sub-?agents?|language[ ]models?|chat[ ]transcripts?)\b", re.IGNORECASE
    ),
    "something left for another day": re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b"),
}
BINARY = frozenset({".png", ".ico", ".woff2", ".db"})


def text_of(path: Path) -> str:
    return "" if path.suffix in BINARY else path.read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert len((ast.get_docstring(ast.parse(path.read_text())) or "").split()) >= 2


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [shown(path) for path in MODULES if {path.stem, path.parent.name} & VAGUE] == []


@pytest.mark.parametrize("what", ELSEWHERE)
def test_no_file_speaks_of(what: str) -> None:
    found = [(shown(path), match[0]) for path in files() for match in [ELSEWHERE[what].search(text_of(path))] if match]
    assert found == []


def test_migrations_are_numbered_without_gaps() -> None:
    names = sorted(
        path.name for path in (SOURCE / "store" / "sqlite" / "migrations").iterdir() if path.suffix == ".sql"
    )
    assert [name for name in names if not re.fullmatch(r"\d{4}_[a-z_]+\.sql", name)] == []
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs" / "adr").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


# -- versions ------------------------------------------------------------------------------------------


def test_the_version_is_the_same_wherever_it_is_told() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert (ROOT / project["tool"]["hatch"]["version"]["path"]).samefile(SOURCE / "about.py")
    assert argosy.__version__ == VERSION


def test_the_changelog_tells_of_this_version_or_of_what_comes() -> None:
    told = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert told[0] in ("Unreleased", VERSION)
    released = [tuple(map(int, version.split("."))) for version in told if version != "Unreleased"]
    assert all(newer > older for newer, older in pairwise(released))


def test_the_oldest_python_is_the_same_for_users_checkers_and_programs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    oldest = project["project"]["requires-python"].removeprefix(">=")
    assert project["tool"]["mypy"]["python_version"] == oldest
    assert project["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert f"Python {oldest}" in (ROOT / "README.md").read_text()
    assert f"({oldest.replace('.', ', ')})" in (ROOT / "run-tests").read_text()


# -- the two commands ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run-tests", ".ci/run"])
def test_a_command_of_the_checkout_can_be_run(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / name], check=True)


def test_the_tests_are_one_command_for_people_and_machines() -> None:
    assert "\n$ ./run-tests\n" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("exec ./run-tests")
