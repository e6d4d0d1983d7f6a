"""A verified part gets its name: nobody else's file is touched, and nothing is published twice or too early."""

from __future__ import annotations

import asyncio
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from argosy.core.types import FileState, FileStatus, TransferOptions
from argosy.destinations.local import LocalDestination

from .filling import arrived, bytes_of, destination_at, half_arrived, part_files, visible_files

OPTIONS = TransferOptions()
OVERWRITE = TransferOptions(if_exists="overwrite")


async def published(destination: LocalDestination, state: FileState, options: TransferOptions = OPTIONS) -> FileState:
    """Choose and publish until nobody is quicker, as a runtime does."""
    while (done := await destination.publish(await destination.choose(state, options), options)) is None:
        pass
    return done


async def test_the_name_appears_with_all_its_bytes_and_the_part_goes(
    destination: LocalDestination, folder: Path
) -> None:
    data = bytes_of(300_000)
    state = arrived(destination, data)
    assert visible_files(folder) == []

    done = await published(destination, state)

    assert (done.status, done.published, done.part) == (FileStatus.DONE, "file.bin", None)
    assert (folder / "file.bin").read_bytes() == data
    assert part_files(folder) == []


async def test_the_servers_time_is_kept(destination: LocalDestination, folder: Path) -> None:
    state = replace(arrived(destination, b"data"), last_modified="Sun, 06 Nov 1994 08:49:37 GMT")

    await published(destination, state)

    assert (folder / "file.bin").stat().st_mtime == 784111777


@pytest.mark.parametrize("nonsense", ["yesterday", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 0001 00:00:00 GMT"])
async def test_a_time_that_nobody_can_keep_does_not_cost_the_file(
    destination: LocalDestination, folder: Path, nonsense: str
) -> None:
    await published(destination, replace(arrived(destination, b"data"), last_modified=nonsense))

    assert (folder / "file.bin").read_bytes() == b"data"


async def test_overwriting_leaves_readers_of_the_old_file_undisturbed(
    destination: LocalDestination, folder: Path
) -> None:
    folder.mkdir()
    (folder / "file.bin").write_bytes(b"old")
    with (folder / "file.bin").open("rb") as reader:
        await published(destination, arrived(destination, b"new and longer"), OVERWRITE)

        assert reader.read() == b"old"
    assert (folder / "file.bin").read_bytes() == b"new and longer"


async def test_a_name_taken_between_choosing_and_publishing_is_noticed(
    destination: LocalDestination, folder: Path
) -> None:
    chosen = await destination.choose(arrived(destination, b"data"), OPTIONS)
    (folder / "file.bin").write_bytes(b"mine")

    assert await destination.publish(chosen, OPTIONS) is None
    assert (folder / "file.bin").read_bytes() == b"mine"
    assert (await published(destination, chosen)).published == "file (1).bin"


async def test_a_hundred_tasks_that_want_one_name_at_once_lose_nothing(folder: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        destinations = [destination_at(folder, threads) for _ in range(10)]
        bodies = [b"body %d" % number for number in range(100)]
        states = [
            arrived(destinations[number % 10], body, task=f"{number:08x}" + "0" * 24)
            for number, body in enumerate(bodies)
        ]

        done = await asyncio.gather(
            *(published(destinations[number % 10], state) for number, state in enumerate(states))
        )

    assert sorted(str(state.published) for state in done) == sorted(visible_files(folder))
    assert [(folder / str(state.published)).read_bytes() for state in done] == bodies
    assert part_files(folder) == []


async def test_names_that_differ_only_in_case_do_not_replace_each_other(
    destination: LocalDestination, folder: Path
) -> None:
    await published(destination, arrived(destination, b"upper", path="README", task="a" * 32))
    await published(destination, arrived(destination, b"lower", path="readme", task="b" * 32))

    assert sorted(path.read_bytes() for path in folder.iterdir()) == [b"lower", b"upper"]


async def test_names_in_two_normal_forms_do_not_replace_each_other(destination: LocalDestination, folder: Path) -> None:
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "café.txt")
        await published(destination, arrived(destination, form.encode(), path=name, task=form.encode().hex() * 6))

    assert sorted(path.read_bytes() for path in folder.iterdir()) == [b"NFC", b"NFD"]


async def test_many_files_are_published_with_one_call_each_in_its_folder(
    destination: LocalDestination, folder: Path
) -> None:
    states = [
        arrived(destination, b"%d" % number, path=f"sub{number % 3}/{number}.txt", task=f"{number:032x}")
        for number in range(30)
    ]

    done = await destination.publish_many(await destination.choose_many(states, OPTIONS), OPTIONS)

    assert [(folder / str(state and state.published)).read_bytes() for state in done] == [b"%d" % n for n in range(30)]


async def test_one_that_cannot_be_published_leaves_those_before_it_published(
    destination: LocalDestination, folder: Path
) -> None:
    states = [arrived(destination, b"data", path=f"{number}.txt", task=f"{number:032x}") for number in range(3)]
    chosen = await destination.choose_many(states, OPTIONS)
    (folder / str(states[1].part)).unlink()

    with pytest.raises(Exception, match="gone"):
        await destination.publish_many(chosen, OPTIONS)

    recovered = [await destination.recover(state) for state in chosen]
    assert [state.status for state in recovered] == [FileStatus.DONE, FileStatus.RUNNING, FileStatus.RUNNING]


# -- recovery --------------------------------------------------------------------------------------------------------


async def test_recovery_never_takes_somebody_elses_file_for_ours(destination: LocalDestination, folder: Path) -> None:
    data = bytes_of(600_000)
    chosen = await destination.choose(arrived(destination, data), OPTIONS)
    (folder / "file.bin").write_bytes(bytes(len(data)))

    assert (await destination.recover(chosen)).status is FileStatus.RUNNING

    (folder / str(chosen.part)).unlink()
    assert (await destination.recover(chosen)).status is FileStatus.RUNNING
    assert (folder / "file.bin").read_bytes() == bytes(len(data))


async def test_recovery_knows_our_file_by_its_bytes_when_the_part_is_gone(
    destination: LocalDestination, folder: Path
) -> None:
    chosen = await destination.choose(arrived(destination, bytes_of(600_000)), OPTIONS)
    assert await destination.publish(chosen, OPTIONS) is not None

    recovered = await destination.recover(chosen)

    assert (recovered.status, recovered.published, recovered.part) == (FileStatus.DONE, "file.bin", None)


async def test_recovery_of_an_empty_file_works_like_any_other(destination: LocalDestination, folder: Path) -> None:
    chosen = await destination.choose(arrived(destination, b""), OPTIONS)
    assert await destination.publish(chosen, OPTIONS) is not None

    assert (await destination.recover(chosen)).status is FileStatus.DONE


async def test_recovery_before_anything_happened_publishes_under_the_same_name(
    destination: LocalDestination, folder: Path
) -> None:
    chosen = await destination.choose(arrived(destination, b"data"), OPTIONS)

    recovered = await destination.recover(chosen)

    assert (recovered.status, recovered.part) == (FileStatus.RUNNING, chosen.part)
    assert (await published(destination, recovered)).published == "file.bin"


async def test_a_part_that_is_not_complete_is_never_found_published(
    destination: LocalDestination, folder: Path
) -> None:
    data = bytes_of(600_000)
    state = replace(half_arrived(destination, data, (0, 300_000)), published="file.bin", status=FileStatus.PUBLISHING)
    os.link(folder / str(state.part), folder / "copy")
    (folder / "copy").rename(folder / "file.bin.other")

    assert (await destination.recover(state)).status is FileStatus.RUNNING
