"""Every stable code that the source can give: of errors, of warnings, and of the reasons ``argosy why`` tells.

Found by reading the source, not by running it. A code that is put together at run time has a ``*``: ``http_*``.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from argosy.errors import ArgosyError

from .checkout import MODULES, SOURCE

READ = [path for path in MODULES if path.relative_to(SOURCE).parts[0] not in ("testing", "__main__.py")]
WARNERS = ("Warned", "Remark", "warn", "_warn")
INSIDE = ("AlreadyThere", "Cancelled", "Changed", "Unusable")
"""Errors by which the parts of an attempt talk to each other; nobody outside ever sees one."""


@dataclass(frozen=True, order=True)
class ErrorCode:
    """A code as one class of errors gives it."""

    code: str
    kind: str
    exit_code: int
    retried: str


@cache
def kinds() -> dict[str, type[ArgosyError]]:
    """Return every class of errors there is, by name."""
    for path in READ:
        importlib.import_module(".".join(("argosy", *path.relative_to(SOURCE).with_suffix("").parts)))
    found: dict[str, type[ArgosyError]] = {}
    waiting: list[type[ArgosyError]] = [ArgosyError]
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting += kind.__subclasses__()
    return found


def errors() -> list[ErrorCode]:
    """Return each code with the class that gives it; of classes that share a code and an exit code, the most special."""
    found = {_of(kind, kind.code, []) for kind in kinds().values() if "code" in vars(kind)}
    for tree in _trees():
        for call in _calls(tree):
            kind = kinds().get(_name(call.func))
            given = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
            if kind is not None:
                texts = _texts(given[0], tree) if given else [kind.code]
                found |= {_of(kind, code, call.keywords) for code in texts}
            elif _name(call.func) == "Failure" and call.args:
                found |= {_bare(call, code) for code in _texts(call.args[0], tree)}
    return sorted(each for each in found if each.kind not in INSIDE and not any(_hides(other, each) for other in found))


def _hides(one: ErrorCode, other: ErrorCode) -> bool:
    """Tell whether a table that has ``one`` need not have ``other``."""
    if (one.code, one.exit_code) != (other.code, other.exit_code) or one == other or "*" in one.code:
        return False
    if one.kind == other.kind:
        return one.retried == "sometimes"
    if "Failure" in (one.kind, other.kind):
        return other.kind == "Failure"
    return issubclass(kinds()[one.kind], kinds()[other.kind])


def warnings() -> list[str]:
    """Return the codes of ``runtime_warning`` events."""
    found = {"disk_full"}  # core.lifecycle passes on the code of that one failure
    for tree in _trees():
        for call in _calls(tree):
            if _name(call.func) in WARNERS and call.args:
                found |= set(_texts(call.args[0], tree))
    return sorted(found - {""})


def reasons() -> list[str]:
    """Return the codes of ``argosy.Reason``."""
    calls = _calls(ast.parse((SOURCE / "core" / "explain.py").read_text()))
    return sorted({code for call in calls if _name(call.func) == "Reason" for code in _texts(call.args[0], call)})


# -- reading -------------------------------------------------------------------------------------------


@cache
def _trees() -> tuple[ast.Module, ...]:
    return tuple(ast.parse(path.read_text()) for path in READ)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _texts(node: ast.expr, tree: ast.AST) -> Iterator[str]:
    """Yield the texts an expression may have; none for what is only handed on."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in values)
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body, tree)
            yield from _texts(orelse, tree)
        case ast.Name(id=name):
            yield from _from_a_table(name, tree)


def _from_a_table(name: str, tree: ast.AST) -> Iterator[str]:
    """Yield the first texts of a table's rows, where ``name`` is first in what is unpacked from one."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=[ast.Tuple(elts=[ast.Name(id=first), *_])], value=ast.Subscript(value=ast.Name(id=table))
            ) if first == name:
                yield from _rows(table, tree)


def _rows(table: str, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(values=rows)) if name == table:
                for row in rows:
                    if isinstance(row, ast.Tuple):
                        yield from _texts(row.elts[0], tree)


def _of(kind: type[ArgosyError], code: str, keywords: Sequence[ast.keyword]) -> ErrorCode:
    retried = "yes" if kind.retryable else "no"
    for keyword in keywords:
        if keyword.arg == "retryable":
            fixed = getattr(keyword.value, "value", None)
            retried = "yes" if fixed is True else "no" if fixed is False else "sometimes"
    return ErrorCode(code, kind.__name__, kind.exit_code, retried)


def _bare(call: ast.Call, code: str) -> ErrorCode:
    """Return the code of a failure that never was an exception."""
    given = {keyword.arg: getattr(keyword.value, "value", None) for keyword in call.keywords}
    exit_code = given.get("exit_code", 1)
    assert isinstance(exit_code, int)
    return ErrorCode(code, "Failure", exit_code, "yes" if given.get("retryable") else "no")
