"""What is downloaded, and whether it arrived."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

BLOCK = 1 << 20


def make_file(path: Path, size: int) -> Path:
    """`path` has `size` random bytes, so that no block can stand in for another."""
    with path.open("wb") as file:
        for offset in range(0, size, BLOCK):
            file.write(os.urandom(min(BLOCK, size - offset)))
    return path


def make_files(folder: Path, count: int, size: int) -> list[Path]:
    folder.mkdir()
    return [make_file(folder / f"{number:06}.bin", size) for number in range(count)]


def difference(wanted: list[Path], folder: Path) -> str | None:
    """What is wrong with `folder`, which should hold exactly the files of `wanted`, byte for byte."""
    expected, found = {path.name for path in wanted}, {path.name for path in folder.iterdir()}
    if missing := expected - found:
        return f"{len(missing)} of {len(wanted)} files missing"
    if extra := found - expected:
        return f"left behind: {min(extra)}"
    wrong = [path.name for path in wanted if not same(path, folder / path.name)]
    return f"{len(wrong)} of {len(wanted)} files with wrong bytes" if wrong else None


def same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb", buffering=0) as left, other.open("rb", buffering=0) as right:
        while block := left.read(BLOCK):
            if block != right.read(BLOCK):
                return False
    return True


def emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
