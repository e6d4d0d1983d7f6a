from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.warm import SOURCE

from argosy.about import VERSION
from argosy.cli.verbs import EXIT_CODES, MODULES

from .command import Argosy

HEAVY = ("asyncio", "pycurl", "apsw", "rich", "click", "uvloop", "platformdirs", "sqlite3")
DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def imported(*words: str) -> set[str]:
    """Return the modules that a command with these words has imported when it ends."""
    program = (
        "import sys\n"
        "from argosy.cli import main\n"
        f"main({list(words)!r})\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in ran.stderr.splitlines()}


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("help",)])
def test_the_overview_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    assert imported(*words).isdisjoint(HEAVY)


def test_a_verbs_help_imports_no_engine_no_database_and_no_loop() -> None:
    assert imported("get", "--help").isdisjoint(set(HEAVY) - {"click"})


def test_a_typing_error_is_told_without_importing_the_runtime() -> None:
    assert imported("gte").isdisjoint(set(HEAVY) - {"click"})


def test_the_overview_names_every_verb_and_every_exit_code(argosy: Argosy) -> None:
    ran = argosy("--help")
    assert ran.code == 0
    assert all(f"\n  {verb} " in ran.out for verb in MODULES)
    assert all(f"{code}  {meaning}" in ran.out for code, meaning in EXIT_CODES)


def test_no_words_at_all_are_a_usage_error_with_the_overview_on_stderr(argosy: Argosy) -> None:
    ran = argosy()
    assert (ran.code, ran.out) == (2, "")
    assert "Usage: argosy" in ran.err


@pytest.mark.parametrize("verb", MODULES)
def test_each_verb_has_help_that_says_what_it_does(verb: str, argosy: Argosy) -> None:
    ran = argosy(verb, "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: argosy {verb}")


@pytest.mark.parametrize("verb", MODULES)
def test_the_reference_names_every_option_of_each_verb(verb: str, argosy: Argosy) -> None:
    text = DOCS.read_text()
    section = text.partition(f"\n### {verb}\n")[2].partition("\n### ")[0]
    assert section, f"docs/cli.md has no section of {verb}"
    shared = {"--json", "--color", "--quiet", "--verbose", "--help", "--server", "--local"}
    told = argosy(verb, "--help").out.partition("Options:")[2]
    heads = [line.strip().partition("  ")[0] for line in told.splitlines() if line.startswith("  -")]
    options = {option for head in heads for option in re.findall("--[a-z-]+", head)}
    if verb == "add":
        section += text.partition("\n### get\n")[2].partition("\n### ")[0]
    assert options - shared - set(re.findall("--[a-z-]+", section)) == set()


def test_the_reference_has_the_exit_codes() -> None:
    text = DOCS.read_text()
    assert all(f"| {code} | {meaning} |" in text for code, meaning in EXIT_CODES)


def test_help_of_a_verb_can_be_asked_for_in_words(argosy: Argosy) -> None:
    assert argosy("help", "get").out == argosy("get", "--help").out


def test_a_verb_written_wrongly_gets_a_suggestion(argosy: Argosy) -> None:
    ran = argosy("puase")
    assert ran.code == 2
    assert "'argosy pause'" in ran.err


def test_a_host_without_a_scheme_gets_the_command_to_type(argosy: Argosy) -> None:
    ran = argosy("example.org/a.iso")
    assert ran.code == 2
    assert "argosy get https://example.org/a.iso" in ran.err


def test_an_option_written_wrongly_gets_a_suggestion_and_json_if_asked(argosy: Argosy) -> None:
    ran = argosy("get", "--conections", "4", "--json", "http://127.0.0.1/x")
    assert ran.code == 2
    error = ran.document["error"]
    assert error["code"] == "usage"
    assert "--connections" in error["hint"]


def test_the_version_is_that_of_the_package(argosy: Argosy) -> None:
    assert argosy("--version").out == f"argosy {VERSION}\n"
    assert argosy("version", "--json").document == {"schema": "argosy.version/1", "version": VERSION}
