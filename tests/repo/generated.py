"""Passages of the documents that are made from the source, and documents that wholly are::

    python -m tests.repo.generated          writes them anew

A passage stands between ``<!-- made from the source: NAME -->`` and ``<!-- end -->``. Some are made wholly. Of the tables,
the facts are made and the words are a person's: a row keeps its words as long as it has its key, a new row has none
(which a test does not let pass), and a row whose key is gone goes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apsw

import argosy
from argosy.core.lifecycle import TRANSITIONS
from argosy.core.types import ACTIVE, TERMINAL, WAITING, Status
from argosy.errors import ArgosyError
from argosy.service.app import routed
from argosy.service.description import asyncapi, openapi
from argosy.store.sqlite.database import known_migrations

from . import codes
from .checkout import MODULES, ROOT, SOURCE, documents, shown

PASSAGE = re.compile(r"<!-- made from the source: (\w+) -->\n(.*?)<!-- end -->\n", re.DOTALL)
Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table: the first ``keys`` columns say which row it is, the ``facts`` follow, the ``words`` are a person's."""

    heads: Row
    keys: int
    facts: Callable[[], Sequence[Row]]

    def make(self, before: str) -> str:
        words = {row[: self.keys]: row for row in rows_of(before)}
        lines = [self.heads, ("---",) * len(self.heads)]
        for facts in self.facts():
            kept = words.get(facts[: self.keys], ())[len(facts) :]
            missing = ("",) * (len(self.heads) - len(facts) - len(kept))
            lines.append((*facts, *kept, *missing))
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def rows_of(table: str) -> list[Row]:
    """Return the rows of a Markdown table without its head."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in lines[2:]]


def _code(text: str) -> str:
    return f"`{text}`"


# -- what there is -------------------------------------------------------------------------------------


def lifecycle(_: str = "") -> str:
    """Return the transition table as a diagram that GitHub draws, and as a table for everybody else."""
    kinds = {**dict.fromkeys(WAITING, "waiting"), **dict.fromkeys(ACTIVE, "active"), **dict.fromkeys(TERMINAL, "final")}
    arrows = [f"    {status} --> {to}" for status in TRANSITIONS for to in Status if to in TRANSITIONS[status]]
    table = [
        f"| `{status}` | {kinds.get(status, '')} | {' '.join(_code(to) for to in Status if to in ways)} |"
        for status, ways in TRANSITIONS.items()
    ]
    diagram = ["```mermaid", "stateDiagram-v2", "    [*] --> pending", "    [*] --> paused", *arrows, "```", ""]
    return "\n".join([*diagram, "| status | | may become |", "|---|---|---|", *table, ""])


def tree(_: str = "") -> str:
    """Return the packages, each with the first sentence of its own description."""
    lines = []
    for init in (path for path in MODULES if path.name == "__init__.py" and path.parent != SOURCE):
        folder = init.parent.relative_to(ROOT / "src").as_posix()
        lines.append(
            f"| [`{folder}/`](src/{folder}) | {_sentence(ast.get_docstring(ast.parse(init.read_text())) or '')} |"
        )
    return "\n".join(["| package | |", "|---|---|", *lines, ""])


def _sentence(docstring: str) -> str:
    """Return what a docstring says before its first blank line, as Markdown."""
    text = " ".join(docstring.partition("\n\n")[0].split())
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text.replace("``", "`")).replace("|", "\\|").rstrip(":")


def _errors() -> list[Row]:
    rows = [(_code(each.code), _shown_kind(each.kind), str(each.exit_code), each.retried) for each in codes.errors()]
    return sorted(rows, key=lambda row: (row[2] != "1", int(row[2]), row[0]))


def _shown_kind(name: str) -> str:
    """Return the class to catch: what is not of the public tree is raised as what it is a kind of."""
    kind = codes.kinds().get(name, ArgosyError)
    while kind.__module__ != ArgosyError.__module__:
        kind = kind.__mro__[1]
    return _code(kind.__name__)


def names(_: str = "") -> str:
    """Return what ``import argosy`` gives, each with the first sentence of its own description."""
    lines = []
    for name in argosy.__all__:
        path = SOURCE.parent.joinpath(*getattr(argosy, name).__module__.split(".")).with_suffix(".py")
        home = next(node for node in ast.walk(ast.parse(path.read_text())) if getattr(node, "name", "") == name)
        assert isinstance(home, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        lines.append(f"| [`{name}`](../{shown(path)}) | {_sentence(ast.get_docstring(home) or '')} |")
    return "\n".join(["| name | |", "|---|---|", *lines, ""])


def _tables() -> list[Row]:
    database = apsw.Connection(":memory:")
    for migration in known_migrations():
        database.execute(migration.script)
    listed = (
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    )
    columns = "SELECT name FROM pragma_table_xinfo(?)"
    return [
        (_code(str(table)), " ".join(_code(str(column)) for (column,) in database.execute(columns, (table,))))
        for (table,) in database.execute(listed).fetchall()
    ]


PASSAGES: dict[str, Callable[[str], str]] = {
    "lifecycle": lifecycle,
    "tree": tree,
    "errors": Table(("code", "class", "exit", "retried", "what it means", "what to do"), 3, _errors).make,
    "warnings": Table(("code", "what it means"), 1, lambda: [(_code(code),) for code in codes.warnings()]).make,
    "reasons": Table(("code", "what it means"), 1, lambda: [(_code(code),) for code in codes.reasons()]).make,
    "names": names,
    "tables": Table(("table", "columns", "what it keeps"), 1, _tables).make,
}


FILES: dict[str, Callable[[], str]] = {
    "docs/openapi.json": lambda: openapi.text(routed()),
    "docs/asyncapi.json": asyncapi.text,
}
"""What is made wholly, by its place in the checkout."""


# -- in the documents ----------------------------------------------------------------------------------


def fresh(text: str) -> str:
    """Return a document with its passages made anew."""

    def made(match: re.Match[str]) -> str:
        name, before = match.groups()
        return f"<!-- made from the source: {name} -->\n{PASSAGES[name](before)}<!-- end -->\n"

    return PASSAGE.sub(made, text)


def main() -> None:
    made = {path: fresh(path.read_text()) for path in documents()}
    made |= {ROOT / name: make() for name, make in FILES.items()}
    for path, text in made.items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(shown(path))  # noqa: T201 - its result


if __name__ == "__main__":
    main()
