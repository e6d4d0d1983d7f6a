"""The example of a plug-in is installed as people install one, and used by the command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from argosy.testing.server import FaultyServer

from .checkout import ROOT, Outside

PLUGIN = ROOT / "examples" / "argosy_example_plugin"
CONTENT = bytes(range(256)) * 1000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the plug-in is installed into."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PLUGIN, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    ran = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder / "site", folder / "source"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return folder / "site"


@dataclass(frozen=True)
class Equipped(Outside):
    """A home where the plug-in is installed."""

    site: Path
    variables: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        usual = super().environment
        return {**usual, "PYTHONPATH": os.pathsep.join((usual["PYTHONPATH"], str(self.site))), **self.variables}


@pytest.fixture
def equipped(outside: Outside, site: Path, server: FaultyServer, tmp_path: Path) -> Equipped:
    drawer = tmp_path / "drawer"
    drawer.mkdir()
    (drawer / "data.bin").write_bytes(CONTENT)
    formats = {
        "text/html": server.add("/1.html", b"<html>a book</html>"),
        "application/epub+zip": server.add("/1.epub", CONTENT),
    }
    server.add("/books/1342", json.dumps({"formats": formats}).encode())
    return Equipped(
        outside.folder, outside.home, site, {"ARGOSY_GUTENDEX": server.origin, "ARGOSY_DRAWER": str(drawer)}
    )


def test_a_source_of_another_package_is_used_by_its_prefix(equipped: Equipped) -> None:
    out = equipped.run("-m", "argosy", "get", "-d", "books", "--exclude", "*.html", "gutenberg:1342")
    assert out.strip()
    assert [path.name for path in (equipped.folder / "books").iterdir()] == ["1342.epub"]
    assert (equipped.folder / "books/1342.epub").read_bytes() == CONTENT


def test_an_engine_of_another_package_moves_the_bytes_of_its_own_addresses(equipped: Equipped) -> None:
    out = equipped.run("-m", "argosy", "get", "-d", "out", "drawer:data.bin")
    assert Path(out.strip()).read_bytes() == CONTENT
    equipped.run("-m", "argosy", "get", "drawer:none.bin", code=5)


def test_what_it_does_not_understand_is_a_usage_error(equipped: Equipped) -> None:
    equipped.run("-m", "argosy", "get", "gutenberg:none", code=2)
    equipped.run("-m", "argosy", "get", "nobody:knows", code=2)


GUARDED = """
import asyncio, sys
from argosy import Request, Runtime, TransferOptions
from argosy.core.types import FileSpec
from argosy.errors import ArgosyError

async def main():
    options = TransferOptions(public_only=True)
    async with Runtime(session=True) as runtime:
        for request in (
            Request("drawer:data.bin", options=options),
            Request([], files=[FileSpec(("drawer:data.bin",))], options=options),
            Request("gutenberg:1342", options=options),
        ):
            try:
                (task,) = await runtime.add_many([request])
                await task
            except ArgosyError as error:
                print(error.detail_code)

asyncio.run(main())
"""


def test_for_others_than_the_owner_only_what_says_that_it_is_guarded_works(equipped: Equipped) -> None:
    out = equipped.run("-c", GUARDED)
    assert out.split() == ["unguarded_source", "unguarded_engine", "address"], "the last one is guarded, and asked"


def test_the_plug_in_keeps_the_promises_of_sources_and_engines(equipped: Equipped) -> None:
    options = ("-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=--import-mode=prepend", "-q")
    out = equipped.run("-m", "pytest", "-c", ROOT / "pyproject.toml", *options, PLUGIN)
    assert " passed" in out
    assert "failed" not in out


def test_a_plug_in_that_cannot_be_loaded_is_no_hindrance_to_the_others(equipped: Equipped, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(equipped.site, broken)
    (broken / "argosy_example_plugin" / "books.py").write_text("raise RuntimeError('broken')\n")
    other = Equipped(equipped.folder, equipped.home, broken, equipped.variables)
    other.run("-m", "argosy", "get", "gutenberg:1342", code=2)
    out = other.run("-m", "argosy", "get", "-d", "out", "drawer:data.bin")
    assert Path(out.strip()).read_bytes() == CONTENT
