"""Who may import whom, and what the pure core may not do."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import importlinter.cli  # noqa: F401 - it tells the library how to read its options
import pytest
from importlinter.application.use_cases import read_user_options

import argosy.core

ROOT = Path(__file__).parents[2]
HEART = Path(argosy.core.__file__).parent
CORE = sorted(HEART.rglob("*.py"))

PURE_CALLS_ONLY = {
    "now": "datetime.now reads the clock; take the moment as an argument",
    "today": "date.today reads the clock; take the moment as an argument",
    "utcnow": "datetime.utcnow reads the clock; take the moment as an argument",
    "open": "the core opens no file",
    "print": "the core writes nothing",
    "input": "the core reads nothing",
    "exec": "the core runs no text",
    "eval": "the core runs no text",
    "__import__": "imports are seen by the contract only as statements",
    "import_module": "imports are seen by the contract only as statements",
    "urlopen": "the core does no I/O",
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("argosy", cache_dir=None)


def test_every_import_contract_is_kept() -> None:
    """In a process of its own: the linter switches off every logger that it finds."""
    lint = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    ran = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_there_are_contracts_for_the_layers_and_for_the_purity_of_the_core() -> None:
    options = read_user_options(str(ROOT / ".importlinter"))
    kinds = [contract["type"] for contract in options.contracts_options]
    assert "layers" in kinds
    assert "forbidden" in kinds


def test_no_import_goes_in_a_circle() -> None:
    """Also not among modules of one package, which the layers do not see.

    A type's name alone (under ``TYPE_CHECKING``) is no import: nothing is loaded. The layers count those too.
    """
    graph = grimp.build_graph("argosy", cache_dir=None, exclude_type_checking_imports=True)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()


def test_only_the_fakes_know_the_fakes(graph: grimp.ImportGraph) -> None:
    fakes = {"argosy.testing", *graph.find_descendants("argosy.testing")}
    users = {user for fake in fakes for user in graph.find_modules_that_directly_import(fake)} - fakes
    assert users == set()


def forbidden_calls(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line of each call that a pure module may not make, and why not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in PURE_CALLS_ONLY:
                yield node.lineno, PURE_CALLS_ONLY[name]
        elif isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.Global):
            yield node.lineno, "the core starts nothing, waits for nothing and keeps nothing"


@pytest.mark.parametrize("module", CORE, ids=lambda path: path.relative_to(HEART).as_posix())
def test_the_core_makes_no_call_that_is_not_pure(module: Path) -> None:
    assert list(forbidden_calls(module.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "datetime.now()",
        "date.today()",
        "open('f')",
        "print(1)",
        "async def f(): ...",
        "importlib.import_module('time')",
    ],
)
def test_a_call_that_is_not_pure_is_seen(source: str) -> None:
    assert len(list(forbidden_calls(source))) == 1
