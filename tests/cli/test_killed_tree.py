"""A dataset of thousands of files, killed in the middle: the same command again brings the rest, over few connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sources.objects import Bucket, bucket

from .command import LONGEST_S, Argosy

FILES = 3000
SIZES = (0, 200, 1_500, 7_000, 60_000)
KILLED_AT = (700, 1_900)
"""So many objects have been asked for in all when the command is killed."""
MOST_SOCKETS = 33
"""As many as a task has lanes, and the listing's."""


@pytest.fixture
def store(argosy: Argosy) -> Iterator[Bucket]:
    argosy.extra["NO_PROXY"] = "127.0.0.1"
    with bucket() as held:
        for number in range(FILES):
            subject = f"sub-{number % 60:02}"
            held.put(
                f"{subject}/func/{subject}_task-rest_run-{number // 60:02}_bold.{'json' if number % 2 else 'nii.gz'}",
                f"{number:06}".encode() * (SIZES[number % len(SIZES)] // 6),
            )
        yield held


def tree(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != ".argosy.lock.json"}


def test_a_killed_tree_goes_on_and_is_whole(argosy: Argosy, store: Bucket) -> None:
    for moment in KILLED_AT:
        running = argosy.start("get", "-q", store.source, "-d", "tree")
        deadline = time.monotonic() + LONGEST_S
        while len(store.fetched) < moment:
            assert time.monotonic() < deadline
            assert running.poll() is None
            time.sleep(0.002)
        running.kill()
        running.communicate()
        assert argosy("verify", "./tree").code == 2, "nothing may say that it is whole"
    ran = argosy("get", "-q", store.source, "-d", "tree")
    assert ran.code == 0, ran.err
    assert tree(argosy.folder / "tree") == store.objects
    assert argosy("verify", "./tree").code == 0
    assert len(store.fetched) < FILES * 1.5, "what was here has been fetched again"
    assert store.most_open <= MOST_SOCKETS
