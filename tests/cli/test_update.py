"""``argosy update`` and ``argosy verify FOLDER``: only what changed is fetched, and a tree can be proved to be whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sources.objects import Bucket, bucket

from .command import Argosy


@pytest.fixture
def store(argosy: Argosy) -> Iterator[Bucket]:
    argosy.extra["NO_PROXY"] = "127.0.0.1"
    with bucket() as held:
        for number in range(20):
            held.put(f"sub-{number % 4}/f{number}.bin", b"%d" % number * 50)
        yield held


@pytest.fixture
def tree(argosy: Argosy, store: Bucket) -> Path:
    assert argosy("get", store.source, "-d", "tree").code == 0
    store.fetched.clear()
    return argosy.folder / "tree"


def test_only_what_has_changed_is_fetched(argosy: Argosy, store: Bucket, tree: Path) -> None:
    store.put("sub-1/f1.bin", b"changed, and longer")
    store.put("sub-2/f2.bin", store.objects["sub-2/f2.bin"].swapcase()[::-1][:-1] + b"!")  # of the same size
    store.put("new/n.bin", b"new")
    del store.objects["sub-3/f3.bin"]
    ran = argosy("update", "--json", "tree")
    assert ran.code == 0, ran.err
    assert sorted(store.fetched) == ["new/n.bin", "sub-1/f1.bin", "sub-2/f2.bin"]
    told = ran.document
    assert (told["new"], told["changed"], told["unchanged"], told["gone"]) == (
        ["new/n.bin"], ["sub-1/f1.bin", "sub-2/f2.bin"], 17, ["sub-3/f3.bin"],
    )  # fmt: skip
    assert (tree / "sub-1/f1.bin").read_bytes() == b"changed, and longer"
    assert (tree / "sub-3/f3.bin").exists()
    assert argosy("verify", "./tree").code == 0


def test_nothing_is_fetched_where_nothing_has_changed(argosy: Argosy, store: Bucket, tree: Path) -> None:
    lock = (tree / ".argosy.lock.json").read_bytes()
    ran = argosy("update", "tree")
    assert (ran.code, store.fetched) == (0, [])
    assert "0 new, 0 changed, 20 unchanged" in ran.err
    assert (tree / ".argosy.lock.json").read_bytes() == lock


def test_what_is_gone_is_deleted_only_when_that_is_asked_and_it_is_as_it_came(
    argosy: Argosy, store: Bucket, tree: Path
) -> None:
    for key in ("sub-3/f3.bin", "sub-1/f5.bin", "sub-0/f0.bin"):
        del store.objects[key]
    (tree / "sub-1/f5.bin").write_bytes(b"somebody's own work")
    assert argosy("update", "tree").code == 0
    assert (tree / "sub-3/f3.bin").exists()
    ran = argosy("update", "--json", "tree", "--delete")
    assert ran.document["deleted"] == ["sub-0/f0.bin", "sub-3/f3.bin"]
    assert ran.document["gone"] == ["sub-1/f5.bin"]
    assert not (tree / "sub-3/f3.bin").exists()
    assert (tree / "sub-1/f5.bin").read_bytes() == b"somebody's own work"


def test_nothing_behind_a_link_is_deleted(argosy: Argosy, store: Bucket, tree: Path) -> None:
    elsewhere = (tree / "sub-3").rename(argosy.folder / "elsewhere")
    (tree / "sub-3").symlink_to(elsewhere)
    del store.objects["sub-3/f3.bin"]
    ran = argosy("update", "--json", "tree", "--delete")
    assert (ran.code, ran.document["deleted"], ran.document["gone"]) == (0, [], ["sub-3/f3.bin"])
    assert (elsewhere / "f3.bin").exists()


def test_the_same_command_again_fetches_nothing_that_is_here(argosy: Argosy, store: Bucket, tree: Path) -> None:
    lock = (tree / ".argosy.lock.json").read_bytes()
    assert argosy("get", store.source, "-d", "tree").code == 0
    assert store.fetched == []
    assert (tree / ".argosy.lock.json").read_bytes() == lock
    assert len(list(tree.rglob("*.bin"))) == 20


def test_an_object_that_is_called_as_the_lock_file_is_has_another_name(argosy: Argosy, store: Bucket) -> None:
    store.put(".argosy.lock.json", b"from another tree")
    assert argosy("get", store.source, "-d", "tree").code == 0
    assert (argosy.folder / "tree/%2Eargosy.lock.json").read_bytes() == b"from another tree"
    assert argosy("verify", "tree").code == 0


def test_a_front_with_etags_of_its_own_does_not_make_everything_new(argosy: Argosy, store: Bucket) -> None:
    store.answered_etag = '"of-the-front"'
    assert argosy("get", store.source, "-d", "tree").code == 0
    store.fetched.clear()
    assert argosy("update", "tree").code == 0
    assert store.fetched == []


def test_what_was_lost_or_changed_here_comes_again(argosy: Argosy, store: Bucket, tree: Path) -> None:
    (tree / "sub-0/f4.bin").unlink()
    (tree / "sub-0/f8.bin").write_bytes(b"?" * len(store.objects["sub-0/f8.bin"]))
    assert argosy("update", "tree").code == 0
    assert sorted(store.fetched) == ["sub-0/f4.bin", "sub-0/f8.bin"]
    assert argosy("verify", "tree").code == 0


def test_an_update_that_fails_in_the_middle_goes_on_later(argosy: Argosy, store: Bucket, tree: Path) -> None:
    store.put("a.bin", b"new")
    store.put("b.bin", b"new too")
    store.missing = {"b.bin"}
    assert argosy("update", "tree").code == 5
    ran = argosy("verify", "tree")
    assert (ran.code, "b.bin" in ran.out) == (7, True)
    store.missing = set()
    store.fetched.clear()
    assert argosy("update", "tree").code == 0
    assert store.fetched == ["b.bin"]
    assert argosy("verify", "tree").code == 0


def test_a_tree_is_proved_whole_without_a_server_or_a_store(argosy: Argosy, store: Bucket, tree: Path) -> None:
    store.answer = b"nobody may ask"
    argosy.extra["ARGOSY_HOME"] = str(argosy.folder / "nothing-here")
    ran = argosy("verify", "tree")
    assert (ran.code, store.fetched) == (0, [])
    assert "20 files" in ran.out
    assert "all by checksum" in ran.out
    (tree / "sub-0/f0.bin").unlink()
    damaged = tree / "sub-1/f1.bin"
    damaged.write_bytes(b"?" * damaged.stat().st_size)
    told = argosy("verify", "--json", "tree")
    assert told.code == 7
    (folder,) = told.document["folders"]
    assert (folder["missing"], folder["wrong"]) == (["sub-0/f0.bin"], ["sub-1/f1.bin"])


def test_a_lock_file_that_was_cut_proves_nothing(argosy: Argosy, tree: Path) -> None:
    lock = tree / ".argosy.lock.json"
    told = json.loads(lock.read_text())
    told["files"].pop()
    lock.write_text(json.dumps(told))
    assert argosy("verify", "tree").code == 7


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"source": "x", "files": [{"path": "../x", "size": 1}]}'])
def test_a_lock_file_that_is_none_is_said_to_be_none(argosy: Argosy, tree: Path, text: str) -> None:
    (tree / ".argosy.lock.json").write_text(text)
    assert argosy("verify", "tree").code == 2
    assert argosy("update", "tree").code == 2


def test_a_folder_without_a_lock_file_cannot_be_updated(argosy: Argosy) -> None:
    (argosy.folder / "plain").mkdir()
    ran = argosy("update", "plain")
    assert (ran.code, "no lock file" in ran.err) == (2, True)


@pytest.mark.parametrize("word", ["nowhere", "./nowhere", "ffff"])
def test_what_is_not_there_cannot_be_updated_and_what_can_is_told(argosy: Argosy, word: str) -> None:
    ran = argosy("update", word)
    assert ran.code == 2
    assert "there is no folder" in ran.err
    assert "dataset or bucket" in ran.err


def test_a_task_is_updated_by_its_id(argosy: Argosy, store: Bucket, tree: Path) -> None:
    store.put("new.bin", b"new")
    (task,) = argosy("ls", "--all", "--json").document["tasks"]
    assert argosy("update", task["id"]).code == 0
    assert (tree / "new.bin").read_bytes() == b"new"
