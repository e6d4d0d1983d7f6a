"""What the documents say is so: links lead somewhere, functions they name exist, what is generated is fresh."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from argosy.core import timetable
from argosy.core.events import NAMES, DownloadMetrics, DownloadProgress, Lasting, Live, StatusChanged, Warned, payload
from argosy.core.types import Status
from argosy.errors import Failure

from . import generated
from .checkout import ROOT, documents, shown

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
TASK = "3f2a9c0d5b6e4f708192a3b4c5d6e7f8"


def links(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [(words, target) for words, target in LINK.findall(text) if "://" not in target]


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return what a module defines: functions, classes and constants; methods and fields as ``Class.name``."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.ClassDef(name=name, body=body):
                fields = [each.target for each in body if isinstance(each, ast.AnnAssign)]
                found |= {name, *(f"{name}.{each.name}" for each in body if hasattr(each, "name"))}
                found |= {f"{name}.{field.id}" for field in fields if isinstance(field, ast.Name)}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]):
                found.add(name)
    return frozenset(found)


def anchors_of(path: Path) -> set[str]:
    """Return the anchors GitHub gives to a document's headings."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", documents(), ids=shown)
def test_every_link_leads_somewhere_in_the_repository(path: Path) -> None:
    lost = []
    for words, target in links(path):
        file, _, anchor = target.partition("#")
        there = (path.parent / unquote(file)).resolve() if file else path
        inside = there.exists() and ROOT in (there, *there.parents)
        if not inside or (anchor and anchor not in anchors_of(there)):
            lost.append((words, target))
    assert lost == []


@pytest.mark.parametrize("path", documents(), ids=shown)
def test_every_function_that_a_link_names_is_in_the_file_it_leads_to(path: Path) -> None:
    named = [(words.strip("`"), target) for words, target in links(path) if words[0] == "`" and target.endswith(".py")]
    named = [(name, target) for name, target in named if not name.endswith(".py")]
    assert [(name, target) for name, target in named if name not in names_in(path.parent / target)] == []


def test_the_way_of_a_download_is_told_by_functions_that_exist() -> None:
    """Guards the two tests above: they would be content with a page without links."""
    targets = {
        target.split("/")[2] for _, target in links(ROOT / "ARCHITECTURE.md") if target.startswith("src/argosy/")
    }
    assert {"cli", "runtime", "core", "store", "bus", "engines", "destinations", "sources"} <= targets


@pytest.mark.parametrize("path", documents(), ids=shown)
def test_what_is_made_from_the_source_is_fresh(path: Path) -> None:
    text = path.read_text()
    assert text == generated.fresh(text), "run: python -m tests.repo.generated"


@pytest.mark.parametrize("name", generated.FILES)
def test_what_is_wholly_made_from_the_source_is_fresh(name: str) -> None:
    assert (ROOT / name).read_text() == generated.FILES[name](), "run: python -m tests.repo.generated"


def test_every_passage_that_can_be_made_is_in_a_document() -> None:
    text = "".join(path.read_text() for path in documents())
    assert sorted(name for name, _ in generated.PASSAGE.findall(text)) == sorted(generated.PASSAGES)


@pytest.mark.parametrize("name", ["errors", "warnings", "reasons", "tables"])
def test_every_row_of_a_table_says_what_it_is_about(name: str) -> None:
    text = "".join(path.read_text() for path in documents())
    table = dict(generated.PASSAGE.findall(text))[name]
    meaning = {"errors": 4, "tables": 2}.get(name, 1)
    assert [row[0] for row in generated.rows_of(table) if not row[meaning]] == []


# -- single pages --------------------------------------------------------------------------------------

EVENTS: list[Lasting | Live] = [
    StatusChanged(
        TASK, Status.RUNNING, Status.RETRYING, "http_503",
        Failure("http_503", "the server answered 503 Service Unavailable", "it is tried again by itself"),
    ),
    Warned("source_changed", "its ETag changed; 1,048,576 bytes are fetched again", TASK),
    DownloadProgress(TASK, 52_428_800, 1_073_741_824, 10_485_760.0, 9_437_184.0, 108.2),
    DownloadMetrics(3, 97, 31_457_280.0, {"https": 31_457_280.0}),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: NAMES[type(event)])
def test_the_page_of_events_shows_exactly_their_payloads(event: Lasting | Live) -> None:
    page = (ROOT / "docs" / "events.md").read_text()
    section = page.partition(f"\n## {NAMES[type(event)]}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    assert json.loads(block) == payload(event)
    assert list(json.loads(block)) == list(payload(event))


def test_the_page_of_events_has_every_event() -> None:
    assert {type(event) for event in EVENTS} == set(NAMES)


def first_column(heading: str) -> list[str]:
    section = (ROOT / "docs" / "limits.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [row[0].strip("`") for row in generated.rows_of(section) if row[0].startswith("`")]


def test_every_timetable_on_the_page_of_limits_can_be_read() -> None:
    tables = [timetable.describe(timetable.parse(text)) for text in first_column("Timetables")]
    assert len(tables) == 5


def test_every_window_on_the_page_of_limits_can_be_read() -> None:
    windows = [timetable.describe_window(timetable.parse_window(text)) for text in first_column("Windows")]
    assert len(windows) == 3
