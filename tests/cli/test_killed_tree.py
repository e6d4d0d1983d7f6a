"""A dataset of thousands of files, killed in the middle: the same command again brings the rest, over few connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sources.objects import Bucket, bucket
from tests.sources.test_openneuro import Api, api

from .command import LONGEST_S, Argosy

__all__ = ["api"]
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
    here: list[tuple[int, set[str]]] = []
    for moment in KILLED_AT:
        running = argosy.start("get", "-q", store.source, "-d", "tree")
        deadline = time.monotonic() + LONGEST_S
        while len(store.fetched) < moment:
            assert time.monotonic() < deadline
            assert running.poll() is None
            time.sleep(0.002)
        running.kill()
        running.communicate()
        here.append((len(store.fetched), set(tree(argosy.folder / "tree"))))
        assert argosy("verify", "./tree").code == 2, "nothing may say that it is whole"
    ran = argosy("get", "-q", store.source, "-d", "tree")
    assert ran.code == 0, ran.err
    assert tree(argosy.folder / "tree") == store.objects
    assert argosy("verify", "./tree").code == 0
    for asked, names in here:
        assert names
        assert not names & set(store.fetched[asked:]), "what was here has been fetched again"
    assert store.most_open <= MOST_SOCKETS


def test_a_killed_dataset_is_not_there_until_all_of_it_is(argosy: Argosy, api: Api) -> None:
    argosy.extra |= {"NO_PROXY": "127.0.0.1", "ARGOSY_OPENNEURO_ENDPOINT": api.url}
    files = {
        f"sub-{number % 7:02}/anat/sub-{number % 7:02}_run-{number}_T1w.json": b"%d" % number for number in range(700)
    }
    api.publish("2.0.0", files)
    running = argosy.start("get", "-q", "openneuro:ds000001@2.0.0")
    api.bucket.wait_for_requests(350)
    running.kill()
    running.communicate()
    folder = argosy.folder / "ds000001"
    assert not folder.exists()
    ran = argosy("get", "-q", "openneuro:ds000001@2.0.0")
    assert ran.code == 0, ran.err
    assert tree(folder) == files
    assert sorted(path.name for path in argosy.folder.iterdir()) == ["ds000001", "ds000001.lock.json"]
    assert argosy("verify", "ds000001").code == 0
