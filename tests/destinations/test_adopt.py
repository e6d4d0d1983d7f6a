"""What is left of a part after anything may have happened to it: only damage is fetched again."""

from __future__ import annotations

import fcntl
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from argosy.core.ranges import RangeMap
from argosy.core.types import FileState, TransferOptions
from argosy.destinations.flusher import Flusher
from argosy.destinations.ledger import Ledger
from argosy.destinations.local import LocalDestination
from argosy.destinations.parcel import Parcels
from argosy.destinations.port import Facts
from argosy.errors import Fenced, LocalError

from .filling import BLOCK, URL, arrived, bytes_of, file_state, fill, half_arrived, part_files, place, visible_files

DATA = bytes_of(6 * BLOCK + 1234)
HALF = ((0, 3 * BLOCK + 500), (4 * BLOCK, 5 * BLOCK))


def part_path(folder: Path, state: FileState) -> Path:
    assert state.part is not None
    return folder / state.part


async def finished(destination: LocalDestination, folder: Path, state: FileState) -> bytes:
    """Fetch what the adopted state misses, publish, and return the published bytes."""
    part, state = place(destination, state, fence=2)
    missing = [(p.position, p.end or 0) for p in RangeMap(len(DATA), state.extents).pieces if not p.complete]
    ranges = RangeMap(len(DATA), state.extents)
    ledger = Ledger(part, ranges, state.block_hashes, state.block_size)
    part.reserve(len(DATA))
    for first, end in missing:
        piece = next(p for p in ranges.pieces if p.position == first and not p.complete)
        ledger.begin(piece)
        ledger.write(piece, [DATA[first:end]], end - first)
    await part.flush()
    state = ledger.snapshot().onto(state, part.mtime_ns)
    part.close()
    published = await destination.publish(await destination.choose(state, TransferOptions()), TransferOptions())
    assert published is not None
    assert part_files(folder) == []
    return (folder / str(published.published)).read_bytes()


async def test_an_untouched_part_is_trusted_as_it_is(destination: LocalDestination, folder: Path) -> None:
    state = half_arrived(destination, DATA, *HALF)

    adopted = await destination.adopt(state)

    assert adopted == state
    assert await finished(destination, folder, adopted) == DATA


async def test_a_part_that_was_copied_back_is_read_and_kept(destination: LocalDestination, folder: Path) -> None:
    state = half_arrived(destination, DATA, *HALF)
    path = part_path(folder, state)
    shutil.copyfile(path, folder / "backup")
    (folder / "backup").replace(path)

    adopted = await destination.adopt(state)

    assert adopted.extents == HALF


async def test_a_deleted_part_means_that_nothing_is_here(destination: LocalDestination, folder: Path) -> None:
    state = half_arrived(destination, DATA, *HALF)
    part_path(folder, state).unlink()

    adopted = await destination.adopt(state)

    assert (adopted.extents, adopted.received, adopted.part) == ((), 0, None)
    assert await finished(destination, folder, adopted) == DATA


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        (0, ()),
        (1, ()),
        (BLOCK - 1, ()),
        (BLOCK, ((0, BLOCK),)),
        (2 * BLOCK + 7, ((0, 2 * BLOCK),)),
        (3 * BLOCK + 500, ((0, 3 * BLOCK + 500),)),
        (4 * BLOCK + 9, ((0, 3 * BLOCK + 500),)),
    ],
)
async def test_a_truncated_part_keeps_the_blocks_that_are_whole(
    destination: LocalDestination, folder: Path, size: int, kept: tuple[tuple[int, int], ...]
) -> None:
    state = half_arrived(destination, DATA, *HALF)
    os.truncate(part_path(folder, state), size)

    adopted = await destination.adopt(state)

    assert adopted.extents == kept
    assert adopted.received == sum(end - first for first, end in kept)
    assert await finished(destination, folder, adopted) == DATA


async def test_bytes_behind_the_end_of_a_part_are_never_published(destination: LocalDestination, folder: Path) -> None:
    state = half_arrived(destination, DATA, *HALF)
    with part_path(folder, state).open("ab") as part:
        part.write(b"x" * 5000)

    adopted = await destination.adopt(state)

    assert adopted.extents == HALF
    assert await finished(destination, folder, adopted) == DATA


@pytest.mark.parametrize("recorded", [(), ((0, 1000),)])
async def test_bytes_behind_what_was_recorded_go_when_no_length_is_known(
    destination: LocalDestination, folder: Path, recorded: tuple[tuple[int, int], ...]
) -> None:
    state = replace(half_arrived(destination, DATA, (0, 5 * BLOCK)), extents=recorded, size=None)

    part, _ = place(destination, state, fence=2)

    assert os.fstat(part.fd).st_size == sum(end for _, end in recorded)
    part.close()


@pytest.mark.parametrize("offset", [0, BLOCK - 1, BLOCK, 3 * BLOCK + 499, 4 * BLOCK, 5 * BLOCK - 1])
async def test_one_flipped_bit_costs_one_block(destination: LocalDestination, folder: Path, offset: int) -> None:
    state = half_arrived(destination, DATA, *HALF)
    with part_path(folder, state).open("r+b") as part:
        part.seek(offset)
        part.write(bytes([DATA[offset] ^ 4]))

    adopted = await destination.adopt(state)

    block = offset // BLOCK * BLOCK
    lost = min(BLOCK, 3 * BLOCK + 500 - block) if block == 3 * BLOCK else BLOCK
    assert adopted.received == state.received - lost
    assert not any(first <= offset < end for first, end in adopted.extents)
    assert await finished(destination, folder, adopted) == DATA


async def test_a_part_of_zeros_with_the_right_length_is_worth_nothing(
    destination: LocalDestination, folder: Path
) -> None:
    state = half_arrived(destination, DATA, *HALF)
    path = part_path(folder, state)
    path.write_bytes(bytes(len(DATA)))

    adopted = await destination.adopt(state)

    assert adopted.extents == ()
    assert await finished(destination, folder, adopted) == DATA


async def test_a_part_with_another_hard_link_is_not_written_to(destination: LocalDestination, folder: Path) -> None:
    state = half_arrived(destination, DATA, *HALF)
    other = folder / "other"
    os.link(part_path(folder, state), other)
    before = other.read_bytes()

    published = await finished(destination, folder, await destination.adopt(state))

    assert published == DATA
    assert other.read_bytes() == before


@pytest.mark.parametrize("fence", [1, 2])
async def test_a_link_planted_under_the_name_of_a_part_is_not_followed(
    destination: LocalDestination, folder: Path, tmp_path: Path, fence: int
) -> None:
    state = half_arrived(destination, DATA, *HALF)
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    part_path(folder, state).unlink()
    part_path(folder, state).symlink_to(victim)

    adopted = await destination.adopt(state)
    part, placed = place(destination, adopted, fence=fence)
    part.write(0, [b"data"])
    part.close()

    assert (adopted.extents, placed.extents) == ((), ())
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("kind", ["fifo", "folder"])
async def test_something_else_under_the_name_of_a_part_is_left_alone(
    destination: LocalDestination, folder: Path, kind: str
) -> None:
    state = half_arrived(destination, DATA, *HALF)
    path = part_path(folder, state)
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()

    adopted = await destination.adopt(state)
    part, placed = place(destination, adopted, fence=1)
    part.close()

    assert adopted.extents == ()
    assert placed.part != state.part
    assert path.exists()


async def test_a_part_renamed_by_an_attempt_that_died_before_recording_it_is_found(
    destination: LocalDestination, folder: Path
) -> None:
    state = half_arrived(destination, DATA, *HALF)
    part, unrecorded = place(destination, state, fence=7)
    part.close()
    assert unrecorded.part != state.part

    adopted = await destination.adopt(state)

    assert adopted.extents == HALF
    assert await finished(destination, folder, adopted) == DATA


async def test_discard_removes_a_part_under_whatever_name_it_has_now(
    destination: LocalDestination, folder: Path
) -> None:
    state = half_arrived(destination, DATA, *HALF)
    part, _ = place(destination, state, fence=7)
    part.close()

    await destination.discard([state])

    assert part_files(folder) == []


async def test_discard_leaves_the_parts_of_other_files_and_what_is_published(
    destination: LocalDestination, folder: Path
) -> None:
    mine = half_arrived(destination, DATA, *HALF)
    other = arrived(destination, b"other", path="file.bin", task="f" * 32)
    (folder / "file.bin").write_bytes(b"published")

    await destination.discard([mine])

    assert part_files(folder) == [other.part]
    assert visible_files(folder) == ["file.bin"]


async def test_sweep_removes_only_what_nobody_names(destination: LocalDestination, folder: Path) -> None:
    named = half_arrived(destination, DATA, *HALF)
    stray = folder / named.part.replace(".1.part", ".0.part") if named.part else folder
    stray.write_bytes(b"left by an attempt that died")
    other = arrived(destination, b"other", task="f" * 32)

    await destination.sweep([named])

    assert part_files(folder) == sorted([str(named.part), str(other.part)])


async def test_a_part_that_a_living_process_holds_is_copied_and_its_writes_do_not_reach_us(
    destination: LocalDestination, folder: Path
) -> None:
    state = half_arrived(destination, DATA, *HALF)
    other = os.open(part_path(folder, state), os.O_RDWR)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)

        adopted = await destination.adopt(state)
        os.pwrite(other, b"late" * 1000, 0)
        published = await finished(destination, folder, adopted)
        os.pwrite(other, b"later" * 1000, 0)
    finally:
        os.close(other)

    assert adopted.extents == HALF
    assert published == DATA
    assert (folder / "file.bin").read_bytes() == DATA


async def test_a_copy_of_a_part_that_is_being_truncated_keeps_what_it_got(
    destination: LocalDestination, folder: Path
) -> None:
    state = half_arrived(destination, DATA, *HALF)
    other = os.open(part_path(folder, state), os.O_RDWR)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        os.ftruncate(other, BLOCK + 5)

        adopted = await destination.adopt(state)
    finally:
        os.close(other)

    assert adopted.extents == ((0, BLOCK),)


async def test_without_working_locks_the_fence_keeps_the_loser_from_writing(
    destination: LocalDestination, folder: Path
) -> None:
    """On some network file systems flock succeeds for everybody; here nobody asks for it."""
    leases = {1: True, 2: True}
    state = file_state(size=len(DATA))
    loser, state = place(destination, state, fence=1, alive=lambda: leases[1])
    recorded = fill(loser, state, DATA, (0, 2 * BLOCK))
    fcntl.flock(loser.fd, fcntl.LOCK_UN)

    leases[1] = False
    winner, placed = place(destination, await destination.adopt(recorded), fence=2, alive=lambda: leases[2])
    with pytest.raises(Fenced):
        loser.write(0, [b"late"])
    done = fill(winner, placed, DATA, (2 * BLOCK, len(DATA)))
    winner.close()
    loser.close()
    published = await destination.publish(await destination.choose(done, TransferOptions()), TransferOptions())

    assert published is not None
    assert (folder / "file.bin").read_bytes() == DATA


async def test_a_loser_cannot_publish_a_part_that_another_fence_has_renamed(
    destination: LocalDestination, folder: Path
) -> None:
    stale = await destination.choose(arrived(destination, DATA), TransferOptions())
    part, _ = place(destination, stale, fence=2)
    part.truncate()

    with pytest.raises(LocalError) as failed:
        await destination.publish(stale, TransferOptions())

    part.close()
    assert failed.value.detail_code == "gone"
    assert visible_files(folder) == []


async def test_a_destination_that_vanished_is_not_taken_for_an_empty_one(
    destination: LocalDestination, folder: Path
) -> None:
    state = half_arrived(destination, DATA, *HALF)
    folder.rename(folder.with_name("unmounted"))

    with pytest.raises(LocalError) as failed:
        await destination.adopt(state)

    assert failed.value.detail_code == "gone"
    assert "mounted" in failed.value.hint
    assert not folder.exists()


async def test_a_small_file_that_never_was_on_the_disk_begins_anew_even_where_there_is_no_folder_yet(
    folder: Path, executor: ThreadPoolExecutor
) -> None:
    destination = LocalDestination(
        str(folder), flusher=Flusher(executor), executor=executor, parcels=Parcels(room=1_000_000)
    )
    state = file_state(size=1000)
    part, state = destination.place(state, Facts(URL, 1000), options=TransferOptions(), fence=1, alive=lambda: True)
    part.write(0, [DATA[:500]])
    await part.flush()
    recorded = replace(state, extents=((0, 500),), received=500, block_size=BLOCK, part_mtime_ns=part.mtime_ns)
    part.close()

    adopted = await destination.adopt(recorded)

    assert (adopted.extents, adopted.part) == ((), None)
    assert not folder.exists()


async def test_a_subfolder_that_vanished_costs_only_its_own_file(destination: LocalDestination, folder: Path) -> None:
    part, state = place(destination, file_state("sub/file.bin", len(DATA)))
    state = fill(part, state, DATA, *HALF)
    part.close()
    shutil.rmtree(folder / "sub")

    adopted = await destination.adopt(state)

    assert (adopted.extents, adopted.part) == ((), None)
