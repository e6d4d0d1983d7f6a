"""The catalogue of models as people write it: what it means, and what it says of each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from argosy.core.checksum import Checksum
from argosy.core.model import Figures, Model, figures
from argosy.core.types import FileSpec, Progress, Status, Task, TaskSpec
from argosy.sources.model import ModelCatalogueError, parsed, read

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
BASE = Path("/models")
GOOD = f"""
[models.tiny]
url = "https://example.org/tiny.gguf"
mirrors = ["https://mirror.example/tiny.gguf"]
checksum = "sha256:{SHA256}"
size = "1.5K"
priority = 3
essential = true

[models."org/vision"]
directory = "vision"
files = [
  {{ url = "https://example.org/a?download=1", filename = "weights/a.bin", size = 5 }},
  {{ url = "https://example.org/b.json" }},
]

[models.hub]
source = "hf:org/name@v1"
include = ["*.json"]
"""


def models(text: str) -> dict[str, Model]:
    return parsed(text.encode(), Path("/etc/argosy/models.toml"), BASE)


def test_what_it_means() -> None:
    assert models(GOOD) == {
        "tiny": Model(
            "tiny", "/models/tiny", priority=3, essential=True,
            files=(
                FileSpec(
                    ("https://example.org/tiny.gguf", "https://mirror.example/tiny.gguf"), "tiny.gguf", 1536,
                    Checksum("sha256", SHA256),
                ),
            ),
        ),
        "org/vision": Model(
            "org/vision", "/models/vision",
            files=(
                FileSpec(("https://example.org/a?download=1",), "weights/a.bin", 5),
                FileSpec(("https://example.org/b.json",), "b.json"),
            ),
        ),
        "hub": Model("hub", "", source="hf:org/name@v1", include=("*.json",)),
    }  # fmt: skip


def test_sizes_are_those_of_all_files_if_all_are_known() -> None:
    assert {name: model.size for name, model in models(GOOD).items()} == {"tiny": 1536, "org/vision": None, "hub": None}


def test_a_folder_for_all_is_seen_from_the_catalogue() -> None:
    found = models('directory = "here"\n[models."a/b"]\nurl = "https://example.org/x"\n')
    assert found["a/b"].directory == "/etc/argosy/here/a/b"


def test_essential_ones_come_first_then_by_priority(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text("".join(
        f'[models.{name}]\nurl = "https://example.org/{name}"\npriority = {priority}\nessential = {essential}\n'
        for name, priority, essential in (("a", 0, "false"), ("b", 1000, "false"), ("c", -1000, "true"), ("d", 1, "true"))
    ))  # fmt: skip
    assert [model.id for model in read(path, BASE, needed=True).in_order()] == ["d", "c", "b", "a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[models.tiny\n", "line 1"),
        ("[models.tiny]\nurl = \n", "line 2"),
        ("model = 1", "model: there is no such key"),
        ("[models]\ntiny = 1", "models.tiny: a table is needed"),
        ("[models.tiny]", "models.tiny: a model has one of url, files and source"),
        ('[models.tiny]\nurl = "https://e.org/x"\nsource = "hf:a/b"', "models.tiny: a model has one of"),
        ('[models."o/t"]\nurl = "https://e.org/x"\nchecksums = "x"', 'models."o/t".checksums: there is no such key'),
        ('[models.tiny]\nurl = "e.org/x"', "models.tiny.url: no scheme"),
        ('[models.tiny]\nurl = "https://e.org/"', "models.tiny.url: the link names no file"),
        ("[models.tiny]\nurl = 5", "models.tiny.url: a text is needed"),
        ('[models.tiny]\nurl = "https://e.org/x"\nmirrors = "https://e.org/y"', "models.tiny.mirrors: a list"),
        ('[models.tiny]\nurl = "https://e.org/x"\nmirrors = ["gopher://x/y"]', "models.tiny.mirrors: gopher scheme"),
        ('[models.tiny]\nurl = "https://e.org/x"\nchecksum = "sha256:00"', "models.tiny.checksum: "),
        ('[models.tiny]\nurl = "https://e.org/x"\nsize = "big"', "models.tiny.size: not a size"),
        ('[models.tiny]\nurl = "https://e.org/x"\nsize = -1', "models.tiny.size: not a size"),
        ('[models.tiny]\nurl = "https://e.org/x"\nsize = 1.5', "models.tiny.size: bytes are needed"),
        ('[models.tiny]\nurl = "https://e.org/x"\nfilename = "../x"', "models.tiny.filename: "),
        ('[models.tiny]\nurl = "https://e.org/x"\npriority = "high"', "models.tiny.priority: a whole number"),
        ('[models.tiny]\nurl = "https://e.org/x"\npriority = 1001', "models.tiny.priority: a whole number"),
        ('[models.tiny]\nurl = "https://e.org/x"\nessential = "yes"', "models.tiny.essential: true or false"),
        ('[models.tiny]\nurl = "https://e.org/x"\ninclude = ["*"]', "models.tiny.include: there is no such key"),
        ("[models.tiny]\nfiles = []", "models.tiny.files: a list of files is needed"),
        ("[models.tiny]\nfiles = [{ size = 5 }]", "models.tiny.files[0].url: it is missing"),
        ('[models.tiny]\nfiles = [{ url = "https://e.org/x", essential = true }]', "files[0].essential: there is no such"),
        (
            '[models.tiny]\nfiles = [{ url = "https://e.org/x" }, { url = "https://f.org/x" }]',
            "models.tiny.files: two files are called 'x'",
        ),
        ('[models."../../etc"]\nurl = "https://e.org/x"', "leaves its folder"),
        ('[models." "]\nurl = "https://e.org/x"', "a model's name has"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ModelCatalogueError) as caught:
        models(text)
    assert said in caught.value.message.replace("  ", " ")
    assert "/etc/argosy/models.toml" in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_not_utf8_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    assert read(path, BASE, needed=False).models == {}
    with pytest.raises(ModelCatalogueError, match="there is no catalogue"):
        read(path, BASE, needed=True)
    path.write_bytes(b"# fine\n# \xff\n")
    with pytest.raises(ModelCatalogueError, match="line 2"):
        read(path, BASE, needed=True)
    with pytest.raises(ModelCatalogueError, match="cannot read"):
        read(tmp_path, BASE, needed=True)


# -- figures -------------------------------------------------------------------------------------------

TASK = Task("0" * 32, TaskSpec("https://e.org/x", "/d"), 0.0, 0.0, status=Status.RUNNING, started_at=100.0)


def test_figures_of_a_download_under_way() -> None:
    now = Progress(TASK.id, 3000, 9000, 700.0, 600.0, 10.0)
    assert figures(TASK, now, 110.0) == Figures(3000, 9000, 33.33, 300, 10.0, 6000, 10.0)


def test_without_an_estimate_the_average_gives_one_and_without_a_start_there_is_none() -> None:
    now = Progress(TASK.id, 3000, 9000, 0.0, 0.0, None)
    assert figures(TASK, now, 110.0).remaining_s == 20.0
    waiting = Task(TASK.id, TASK.spec, 0.0, 0.0)
    assert figures(waiting, Progress(TASK.id, 0, None, 0.0, 0.0, None), 9.0) == Figures(
        0, None, None, 0, 0.0, None, None
    )
