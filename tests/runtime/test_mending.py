"""A source that says what each piece must be: what is wrong is fetched again piece by piece, and never published."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy import Request, Runtime, TaskHandle
from argosy.core.checksum import HEX_DIGITS
from argosy.core.events import Warned
from argosy.core.pieces import LARGEST_BYTES, MOST, Pieces, checked
from argosy.core.types import TransferOptions
from argosy.errors import ArgosyError, IntegrityError, UsageError
from argosy.testing import faults
from argosy.testing.faults import Fault, FlippedByte
from argosy.testing.server import Body, FaultyServer

from .conftest import Real

PIECE = 256 * 1024
BODY = Body.generated(8 * PIECE + 1000, seed=4)
WHOLE = f"sha256:{BODY.hexdigest()}"
ONE_BY_ONE = TransferOptions(connections=1)


def pieces_of(body: Body, length: int = PIECE, algorithm: str = "sha1") -> Pieces:
    starts = range(0, body.size, length)
    spans = [body.read(at, min(at + length, body.size)) for at in starts]
    return checked(algorithm, length, [hashlib.new(algorithm, span).hexdigest() for span in spans], body.size)


@pytest.fixture
def other() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


async def warnings(runtime: Runtime, task: TaskHandle) -> list[str]:
    events = [recorded.event for recorded in await runtime.events(task_id=task.id)]
    return [event.code for event in events if isinstance(event, Warned)]


async def fetched(
    runtime: Runtime,
    url: str,
    *,
    mirrors: Sequence[str] = (),
    pieces: Pieces | None = None,
    checksum: str | None = None,
) -> TaskHandle:
    request = Request(
        url, name="file.bin", mirrors=mirrors, checksum=checksum, size=BODY.size, options=ONE_BY_ONE, max_retries=0,
        pieces=pieces or pieces_of(BODY),
    )  # fmt: skip
    (task,) = await runtime.add_many([request])
    return task


@pytest.mark.parametrize("checksum", [None, WHOLE])
@pytest.mark.parametrize("length", [PIECE, 100_000])
async def test_a_bad_piece_is_fetched_again_from_another_mirror_and_nothing_else(
    server: FaultyServer, other: FaultyServer, real: Real, checksum: str | None, length: int
) -> None:
    rotten = server.add("/file.bin", BODY, faults=[FlippedByte(3 * PIECE + 7), FlippedByte(BODY.size - 1)])
    good = other.add("/file.bin", BODY)
    async with real() as runtime:
        task = await fetched(runtime, rotten, mirrors=[good], pieces=pieces_of(BODY, length), checksum=checksum)
        await task
        (file,) = await runtime.files(task.id)
        assert file.verified_by == ("sha1" if checksum is None else "sha256")
        assert "bad_pieces" in await warnings(runtime, task)
        assert (await runtime.verify(task.id)).ok  # the hashes of the blocks are those of the mended file
    assert task.path.read_bytes() == BODY.read()
    if checksum is None:  # else both are asked in turn from the beginning
        assert server.bytes_sent() == BODY.size
        assert other.bytes_sent() == length + (BODY.size % length)


async def test_pieces_without_a_checksum_are_proof_enough(server: FaultyServer, real: Real) -> None:
    async with real() as runtime:
        task = await fetched(runtime, server.add("/file.bin", BODY))
        await task
        (file,) = await runtime.files(task.id)
        assert file.verified_by == "sha1"
        assert await warnings(runtime, task) == []
    assert len(server.requests) == 1


async def test_a_piece_that_came_wrong_once_is_asked_for_again_where_there_is_no_other_place(
    server: FaultyServer, real: Real
) -> None:
    url = server.add("/file.bin", BODY, faults=[FlippedByte(5, times=1)])
    async with real() as runtime:
        task = await fetched(runtime, url)
        await task
    assert task.path.read_bytes() == BODY.read()
    assert server.bytes_sent() == BODY.size + PIECE


@pytest.mark.parametrize(
    "broken", [faults.Status(404), faults.HtmlPage(), faults.HangUp(), faults.IgnoreRanges(), FlippedByte(100)]
)
async def test_a_mirror_that_cannot_help_is_passed_over(
    server: FaultyServer, other: FaultyServer, real: Real, broken: Fault
) -> None:
    first = server.add("/file.bin", BODY, faults=[FlippedByte(5)])
    second = other.add("/bad.bin", BODY, faults=[broken])
    third = other.add("/good.bin", BODY)
    async with real() as runtime:
        task = await fetched(runtime, first, mirrors=[second, third])
        await task
    assert task.path.read_bytes() == BODY.read()
    assert server.bytes_sent() == BODY.size


async def test_what_nobody_has_right_is_never_published_and_mended_once_somebody_has(
    server: FaultyServer, real: Real
) -> None:
    url = server.add("/file.bin", BODY, faults=[FlippedByte(5 * PIECE, times=2)])
    async with real() as runtime:
        task = await fetched(runtime, url)
        with pytest.raises(IntegrityError) as caught:
            await task
        assert caught.value.detail_code == "bad_pieces"
        assert not (real.out / "file.bin").exists()
        await runtime.retry([task.id])
        await (await runtime.handle(task.id))
    assert (real.out / "file.bin").read_bytes() == BODY.read()
    assert server.bytes_sent() == BODY.size + 2 * PIECE  # what was right stayed


async def test_another_file_than_the_list_means_costs_a_few_pieces_and_is_not_published(
    server: FaultyServer, real: Real
) -> None:
    url = server.add("/file.bin", Body.generated(BODY.size, seed=5))
    async with real() as runtime:
        task = await fetched(runtime, url)
        with pytest.raises(ArgosyError):
            await task
    assert server.bytes_sent() <= BODY.size + 8 * PIECE
    assert "file.bin" not in real.names()


async def test_a_file_of_another_length_than_its_pieces_is_not_published(server: FaultyServer, real: Real) -> None:
    url = server.add("/file.bin", BODY.cut(0, 5 * PIECE))
    async with real() as runtime:
        task = await fetched(runtime, url)
        with pytest.raises(IntegrityError) as caught:
            await task
    assert caught.value.detail_code == "bad_pieces"
    assert "file.bin" not in real.names()


async def test_a_small_file_is_mended_too(server: FaultyServer, other: FaultyServer, real: Real) -> None:
    body = Body.generated(5000, seed=1)
    rotten, good = server.add("/s.bin", body, faults=[FlippedByte(4999)]), other.add("/s.bin", body)
    async with real() as runtime:
        (task,) = await runtime.add_many([Request(rotten, mirrors=[good], pieces=pieces_of(body, 1000, "sha256"))])
        await task
    assert task.path.read_bytes() == body.read()
    assert other.bytes_sent() == 1000


# -- what is stated ------------------------------------------------------------------------------------


@given(st.integers(1, 5000), st.integers(1, 700), st.sampled_from(sorted(HEX_DIGITS)), st.data())
def test_pieces_tile_a_file_and_tell_each_changed_byte(
    size: int, length: int, algorithm: str, data: st.DataObject
) -> None:
    body = Body.generated(size, seed=size)
    pieces = pieces_of(body, length, algorithm)
    spans = [pieces.span(index, size) for index in range(pieces.count)]
    assert [first for first, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == size
    content = bytearray(body.read())
    at = data.draw(st.integers(0, size - 1))
    content[at] ^= 1
    wrong = [index for index, (first, end) in enumerate(spans) if not pieces.proves(index, bytes(content[first:end]))]
    assert wrong == [at // length]


@pytest.mark.parametrize(
    ("algorithm", "length", "digests", "size"),
    [
        ("crc32", 10, ["0" * 8], 10), ("sha1", 0, ["0" * 40], 10), ("sha1", LARGEST_BYTES + 1, ["0" * 40], 10),
        ("sha1", 10, [], 10), ("sha1", 1, ["0" * 40] * (MOST + 1), None), ("sha1", 10, ["0" * 39], 10),
        ("sha1", 10, ["g" * 40], 10), ("sha1", 10, ["0" * 40], 11), ("sha1", 10, ["0" * 40] * 2, 10),
    ],
)  # fmt: skip
def test_pieces_that_tell_nothing_are_refused(
    algorithm: str, length: int, digests: list[str], size: int | None
) -> None:
    with pytest.raises(UsageError):
        checked(algorithm, length, digests, size)
