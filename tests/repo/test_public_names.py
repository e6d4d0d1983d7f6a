"""What ``import argosy`` gives: few names, each documented and typed, the same for programs and for type checkers."""

from __future__ import annotations

import ast
import enum
import inspect
import subprocess
import sys
from collections.abc import Iterator

import pytest

import argosy
from argosy.errors import ArgosyError

from .checkout import SOURCE

MOST_NAMES = 25


def test_there_are_few_enough_to_know_them_all() -> None:
    assert len(argosy.__all__) <= MOST_NAMES
    assert sorted(set(argosy.__all__)) == list(argosy.__all__)


@pytest.mark.parametrize("name", argosy.__all__)
def test_a_public_name_exists_and_says_what_it_is(name: str) -> None:
    value = getattr(argosy, name)
    written = (vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__) or ""  # none inherited
    assert len(written.split()) > 3
    assert not written.startswith(f"{name}("), "that is what dataclass writes where nobody did"


def callables(name: str) -> Iterator[tuple[str, object]]:
    """Yield what can be called of a public name: itself, or its public methods."""
    value = getattr(argosy, name)
    if inspect.isfunction(value):
        yield name, value
    elif not issubclass(value, enum.Enum):
        yield from (
            (f"{name}.{method}", function)
            for method, function in vars(value).items()
            if inspect.isfunction(function) and (not method.startswith("_") or method == "__init__")
        )


CALLABLES = dict(each for name in argosy.__all__ for each in callables(name))


@pytest.mark.parametrize("name", CALLABLES)
def test_everything_that_can_be_called_is_typed(name: str) -> None:
    signature = inspect.signature(CALLABLES[name])  # type: ignore[arg-type]
    bare = [each.name for each in signature.parameters.values() if each.annotation is each.empty]
    assert set(bare) <= {"self"}
    assert signature.return_annotation is not signature.empty


def test_a_type_checker_sees_the_same_names_from_the_same_homes() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in guarded.body if isinstance(node, ast.ImportFrom)]
    assert {node.module: tuple(name.name for name in node.names) for node in imports} == argosy._HOMES
    assert set(argosy._HOME_OF) == set(argosy.__all__)


def test_what_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = argosy.nothing
    assert set(argosy.__all__) <= set(dir(argosy))


def test_importing_the_package_imports_none_of_it() -> None:
    program = "import sys, argosy; print(*(name for name in sys.modules if name.startswith('argosy.')))"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == []


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn = [line.lstrip(" │├└─").split()[0] for line in (inspect.getmodule(ArgosyError).__doc__ or "").splitlines()
             if line.startswith("    ") and line.strip()]  # fmt: skip
    tree = ast.parse((SOURCE / "errors.py").read_text())
    assert drawn == [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name != "Failure"]
