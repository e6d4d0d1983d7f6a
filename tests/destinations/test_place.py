"""Where a file may begin to come: names, what stands under them already, and folders that lead elsewhere."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from argosy.core.types import FileStatus, IfExists, TransferOptions
from argosy.destinations.local import LocalDestination
from argosy.destinations.port import AlreadyThere, Facts
from argosy.errors import LocalError, UnsafePath

from .filling import URL, arrived, bytes_of, file_state, fill, part_files, place, visible_files


def policy(if_exists: IfExists) -> TransferOptions:
    return TransferOptions(if_exists=if_exists)


@pytest.mark.parametrize(
    ("disposition", "url", "name"),
    [
        ('attachment; filename="data.csv"', URL, "data.csv"),
        ('attachment; filename="../../etc/passwd"', URL, "passwd"),
        (None, "http://127.0.0.1/a/b%20c.bin?token=1", "b c.bin"),
        (None, "http://127.0.0.1/", "download"),
    ],
)
def test_an_answer_names_a_file_that_has_no_name(
    destination: LocalDestination, disposition: str | None, url: str, name: str
) -> None:
    state = replace(file_state(path=None), urls=(url,))

    part, placed = place(destination, state, facts=Facts(url, disposition=disposition))

    part.close()
    assert placed.path == name


@pytest.mark.parametrize("path", ["../evil", "/etc/passwd", "a/../../evil", "a//b", ".", "a/\0/b"])
def test_a_path_that_leaves_the_folder_is_refused(destination: LocalDestination, folder: Path, path: str) -> None:
    with pytest.raises(UnsafePath):
        place(destination, file_state(path))

    assert not folder.exists()


def test_the_part_stands_beside_its_target_so_that_no_move_crosses_disks(
    destination: LocalDestination, folder: Path
) -> None:
    part, placed = place(destination, file_state("deep/er/file.bin"))

    part.close()
    assert placed.part is not None
    assert (folder / placed.part).parent == folder / "deep/er"


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
async def test_published_files_have_the_mode_that_the_umask_gives(
    destination: LocalDestination, folder: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        state = arrived(destination, b"data")
        await destination.publish(await destination.choose(state, TransferOptions()), TransferOptions())
    finally:
        os.umask(before)

    assert stat.S_IMODE((folder / "file.bin").stat().st_mode) == 0o666 & ~umask


# -- what is there already -------------------------------------------------------------------------------------------


def test_fail_means_that_nothing_begins(destination: LocalDestination, folder: Path) -> None:
    folder.mkdir()
    (folder / "file.bin").write_bytes(b"mine")

    with pytest.raises(LocalError) as failed:
        place(destination, file_state(), policy("fail"))

    assert failed.value.detail_code == "exists"
    assert part_files(folder) == []


async def test_fail_is_asked_again_before_publishing(destination: LocalDestination, folder: Path) -> None:
    state = arrived(destination, b"data", policy("fail"))
    (folder / "file.bin").write_bytes(b"mine")

    with pytest.raises(LocalError) as failed:
        await destination.choose(state, policy("fail"))

    assert failed.value.detail_code == "exists"
    assert (folder / "file.bin").read_bytes() == b"mine"
    assert part_files(folder) == [state.part]


@pytest.mark.parametrize("linked", [False, True])
def test_skip_takes_what_is_there(destination: LocalDestination, folder: Path, tmp_path: Path, linked: bool) -> None:
    folder.mkdir()
    there = tmp_path / "annex" if linked else folder / "file.bin"
    there.write_bytes(b"12345")
    if linked:
        (folder / "file.bin").symlink_to(there)

    with pytest.raises(AlreadyThere) as found:
        place(destination, file_state(), policy("skip"))

    assert (found.value.state.status, found.value.state.size) == (FileStatus.SKIPPED, 5)


@pytest.mark.parametrize(
    ("modified", "fetched"),
    [("Mon, 01 Jan 2024 00:00:00 GMT", False), ("Sat, 01 Jan 2033 00:00:00 GMT", True), (None, True)],
)
def test_newer_fetches_only_what_is_newer(
    destination: LocalDestination, folder: Path, modified: str | None, fetched: bool
) -> None:
    folder.mkdir()
    (folder / "file.bin").write_bytes(b"mine")
    os.utime(folder / "file.bin", (1_800_000_000, 1_800_000_000))

    try:
        part, _ = place(destination, file_state(), policy("newer"), facts=Facts(URL, last_modified=modified))
        part.close()
    except AlreadyThere:
        assert not fetched
    else:
        assert fetched


def occupy(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "socket":
            os.mknod(path, stat.S_IFSOCK | 0o600)
        case "link":
            (path.parent / "elsewhere").write_bytes(b"precious")
            path.symlink_to("elsewhere")
        case "dangling":
            path.symlink_to("nowhere")


KINDS = ["folder", "fifo", "socket", "link", "dangling"]


@pytest.mark.parametrize("kind", KINDS)
def test_overwriting_something_that_is_no_file_fails_before_a_byte_comes(
    destination: LocalDestination, folder: Path, kind: str
) -> None:
    occupy(folder / "file.bin", kind)

    with pytest.raises(LocalError) as failed:
        place(destination, file_state(), policy("overwrite"))

    assert failed.value.detail_code == ("symlink" if kind in ("link", "dangling") else "not_a_file")
    assert failed.value.hint
    assert part_files(folder) == []


async def test_many_files_of_one_name_are_each_given_a_name_at_once(
    destination: LocalDestination, folder: Path
) -> None:
    states = [replace(arrived(destination, bytes([n])), index=n) for n in range(5)]
    (folder / "file.bin").write_bytes(b"there")
    chosen = await destination.choose_many(states, TransferOptions())
    assert [state.published for state in chosen] == [f"file ({n}).bin" for n in range(1, 6)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("if_exists", ["overwrite", "newer"])
async def test_something_that_is_no_file_is_neither_replaced_nor_written_through(
    destination: LocalDestination, folder: Path, kind: str, if_exists: IfExists
) -> None:
    state = arrived(destination, b"data", policy(if_exists))
    occupy(folder / "file.bin", kind)
    before = os.lstat(folder / "file.bin")

    with pytest.raises(LocalError):
        await destination.publish(await destination.choose(state, policy(if_exists)), policy(if_exists))

    assert os.path.samestat(before, os.lstat(folder / "file.bin"))
    assert (folder / "elsewhere").read_bytes() == b"precious" if kind == "link" else not (folder / "nowhere").exists()


@pytest.mark.parametrize("kind", KINDS)
async def test_renaming_gives_another_name_to_a_file_beside_something_that_is_none(
    destination: LocalDestination, folder: Path, kind: str
) -> None:
    occupy(folder / "file.bin", kind)
    state = await destination.choose(arrived(destination, b"data"), TransferOptions())

    published = await destination.publish(state, TransferOptions())

    assert published is not None
    assert published.published == "file (1).bin"
    assert (folder / "file (1).bin").read_bytes() == b"data"


@pytest.mark.parametrize("kind", ["folder", "fifo", "socket", "dangling"])
def test_skip_does_not_take_just_anything_for_the_file(destination: LocalDestination, folder: Path, kind: str) -> None:
    occupy(folder / "file.bin", kind)

    with pytest.raises(LocalError):
        place(destination, file_state(), policy("skip"))


# -- folders ---------------------------------------------------------------------------------------------------------


def test_the_destination_itself_may_be_a_link(destination: LocalDestination, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    folder.symlink_to(tmp_path / "disk")

    part, placed = place(destination, file_state("sub/file.bin"))

    part.close()
    assert (tmp_path / "disk" / str(placed.part)).exists()


def test_a_folder_below_it_may_not(destination: LocalDestination, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder.mkdir()
    (folder / "sub").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(LocalError) as failed:
        place(destination, file_state("sub/file.bin"))

    assert failed.value.detail_code == "symlink"
    assert os.listdir(tmp_path / "elsewhere") == []


async def test_a_folder_swapped_for_a_link_is_not_followed_when_publishing(
    destination: LocalDestination, folder: Path, tmp_path: Path
) -> None:
    state = await destination.choose(arrived(destination, b"data", path="sub/file.bin"), TransferOptions())
    (folder / "sub").rename(tmp_path / "stolen")
    (folder / "sub").symlink_to(tmp_path / "stolen")

    with pytest.raises(LocalError) as failed:
        await destination.publish(state, TransferOptions())

    assert failed.value.detail_code == "symlink"
    assert visible_files(tmp_path / "stolen") == []


@pytest.mark.parametrize("path", ["file.bin", "sub/file.bin"])
def test_a_file_where_a_folder_should_be_is_told(destination: LocalDestination, folder: Path, path: str) -> None:
    if "/" in path:
        folder.mkdir()
        (folder / "sub").write_bytes(b"")
    else:
        folder.write_bytes(b"")

    with pytest.raises(LocalError) as failed:
        place(destination, file_state(path))

    assert failed.value.detail_code == "not_a_folder"


async def test_a_folder_that_vanishes_while_bytes_come_is_told(destination: LocalDestination, folder: Path) -> None:
    part, state = place(destination, file_state("sub/file.bin", 4))
    state = fill(part, state, b"data")
    (folder / str(state.part)).unlink()
    (folder / "sub").rmdir()
    part.close()

    with pytest.raises(LocalError) as failed:
        await destination.publish(await destination.choose(state, TransferOptions()), TransferOptions())

    assert failed.value.detail_code == "gone"


# -- long and twin names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["n" * 255, "n" * 251 + ".bin", "ä" * 127, "n" * 143])
async def test_a_name_as_long_as_the_file_system_allows_gets_a_part_and_is_published(
    destination: LocalDestination, folder: Path, name: str
) -> None:
    state = await destination.choose(arrived(destination, b"data", path=name), TransferOptions())

    assert len(os.fsencode(str(state.part))) <= 143, "some encrypted file systems allow no more"
    assert await destination.publish(state, TransferOptions()) is not None
    assert visible_files(folder) == [name]


async def test_a_name_that_is_too_long_is_told_before_a_byte_comes(destination: LocalDestination, folder: Path) -> None:
    with pytest.raises(LocalError) as failed:
        place(destination, file_state("n" * 256))

    assert failed.value.detail_code == "name_too_long"


async def test_a_path_longer_than_a_system_call_takes_is_walked(destination: LocalDestination, folder: Path) -> None:
    path = "/".join(["d" * 200] * 25 + ["file.bin"])
    assert len(path) > 4096
    state = await destination.choose(arrived(destination, b"data", path=path), TransferOptions())

    published = await destination.publish(state, TransferOptions())

    assert published is not None
    assert published.published == path


def test_two_files_of_a_task_that_want_one_name_have_two_parts(destination: LocalDestination) -> None:
    first, one = place(destination, file_state())
    second, two = place(destination, replace(file_state(), index=1))

    assert one.part != two.part
    first.close()
    second.close()


def test_a_second_try_under_the_same_lease_goes_on_with_the_same_part(destination: LocalDestination) -> None:
    data = bytes_of(1000)
    first, state = place(destination, file_state(size=len(data)))
    state = fill(first, state, data, (0, 500))
    first.close()

    second, again = place(destination, state)

    assert again.extents == ((0, 500),)
    assert again.part == state.part
    assert second.read(0, 500) == data[:500]
    second.close()
