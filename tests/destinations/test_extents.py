"""Bytes written in any order, recorded at any moment, left by a crash in any state: what is kept is right."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.core.ranges import Extent, Piece, RangeMap
from argosy.core.types import FileState
from argosy.destinations.blocks import BlockHashes, held_blocks, trusted
from argosy.destinations.ledger import Ledger, Snapshot
from argosy.destinations.part import FilePart

from .filling import BLOCK, bytes_of, destination_at, file_state, place

LARGEST = 5 * BLOCK + 777
DATA = bytes_of(LARGEST)
WRITE = st.tuples(st.just("write"), st.integers(0, 7), st.integers(1, BLOCK + 5))
STEAL = st.tuples(st.just("steal"), st.integers(0, 7), st.just(0))
LET_GO = st.tuples(st.just("let go"), st.integers(0, 7), st.just(0))
RECORD = st.tuples(st.just("record"), st.just(0), st.just(0))
SIZES = st.sampled_from([1, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, LARGEST])


class Writer:
    """Several connections at work on one part; remembers the last recorded snapshot and what the disk held then."""

    def __init__(self, part: FilePart, state: FileState, size: int) -> None:
        self.part = part
        self.size = size
        self.ranges = RangeMap(size, state.extents)
        self.ledger = Ledger(part, self.ranges, state.block_hashes, state.block_size if state.extents else 0)
        self.recorded: Snapshot = self.ledger.snapshot()
        self.mtime_ns = part.mtime_ns
        self.owned: list[Piece] = []
        part.reserve(size)

    def act(self, what: str, which: int, count: int) -> None:
        match what:
            case "write":
                piece = self._piece(which)
                if piece is not None:
                    end = min(piece.position + count, piece.end or 0)
                    middle = (piece.position + end) // 2
                    chunks = [DATA[piece.position : middle], DATA[middle:end]]
                    self.ledger.write(piece, chunks, end - piece.position)
            case "steal" if self.owned:
                stolen = self.ranges.steal(self.owned[which % len(self.owned)])
                if stolen is not None:
                    self.ledger.begin(stolen)
                    self.owned.append(stolen)
            case "let go" if self.owned:
                self.ranges.release(self.owned.pop(which % len(self.owned)))
            case "record":
                self.recorded, self.mtime_ns = self.ledger.snapshot(), self.part.mtime_ns

    def _piece(self, which: int) -> Piece | None:
        self.owned = [piece for piece in self.owned if not piece.complete]
        if which >= len(self.owned):
            piece = self.ranges.take()
            if piece is not None:
                self.ledger.begin(piece)
                self.owned.append(piece)
        return self.owned[which % len(self.owned)] if self.owned else None


@settings(max_examples=60, deadline=None)
@given(
    size=SIZES,
    lives=st.lists(
        st.tuples(
            st.lists(st.one_of(WRITE, WRITE, WRITE, STEAL, LET_GO, RECORD), max_size=25),
            st.sampled_from(["nothing", "unrecorded lost", "unrecorded garbage", "damage"]),
            st.integers(0, LARGEST - 1),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_after_any_crash_every_kept_byte_is_right_and_no_recorded_byte_is_lost_for_nothing(
    size: int, lives: list[tuple[list[tuple[str, int, int]], str, int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as executor:
        destination = destination_at(folder, executor)
        state = file_state(size=size)
        for fence, (actions, accident, seed) in enumerate(lives, start=1):
            part, state = place(destination, state, fence=fence)
            writer = Writer(part, state, size)
            for action in actions:
                writer.act(*action)
            recorded = writer.recorded.onto(state, writer.mtime_ns)
            damaged = crash(part, writer, accident, seed)
            part.close()
            state = asyncio.run(destination.adopt(recorded))
            check(folder, recorded, state, damaged)


def crash(part: FilePart, writer: Writer, accident: str, seed: int) -> int | None:
    """Leave the part as a machine may that dies: what was not flushed before the record can be anything."""
    chance = random.Random(seed)
    if accident == "nothing":
        return None
    if accident == "damage" and writer.recorded.extents:
        first, end = chance.choice(writer.recorded.extents)
        offset = chance.randrange(first, end)
        os.pwrite(part.fd, bytes([DATA[offset] ^ 1]), offset)
        touch(part)
        return offset
    for piece in RangeMap(writer.size, writer.recorded.extents).pieces:
        room = (piece.end or 0) - piece.position
        if room:
            garbage = bytes(room) if accident == "unrecorded lost" else chance.randbytes(room)
            os.pwrite(part.fd, garbage, piece.position)
    touch(part)
    return None


def touch(part: FilePart) -> None:
    """Make the write show in the part's time even if the clock of the file system has not ticked since."""
    os.utime(part.fd, ns=(part.mtime_ns + 10**9, part.mtime_ns + 10**9))


def check(folder: str, recorded: FileState, kept: FileState, damaged: int | None) -> None:
    assert kept.received == sum(end - first for first, end in kept.extents)
    if damaged is None:
        assert kept.extents == recorded.extents
    else:
        block = damaged // BLOCK * BLOCK
        touched = [held for _, *held in held_blocks(recorded.extents, BLOCK) if held[0] // BLOCK * BLOCK == block]
        assert kept.received == recorded.received - sum(end - first for first, end in touched)
    if kept.part is not None:
        with (Path(folder) / kept.part).open("rb") as part:
            for first, end in kept.extents:
                part.seek(first)
                assert part.read(end - first) == DATA[first:end]


def extents_of(data: bytes, chunks: list[int]) -> tuple[bytes, Extent]:
    hashes, piece, position = BlockHashes(BLOCK), Piece(0, 0, len(data)), 0
    hashes.begin(piece, b"")
    for size in chunks:
        chunk = data[position : position + size]
        hashes.feed(piece, [chunk])
        position += len(chunk)
        piece.position = position
    return hashes.snapshot(), (0, position)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, BLOCK * 2), max_size=8))
def test_how_the_bytes_were_cut_on_their_way_does_not_change_their_hashes(chunks: list[int]) -> None:
    many, extent = extents_of(DATA, chunks)
    once, same = extents_of(DATA, [extent[1]] if extent[1] else [])

    assert extent == same
    assert many == once


def test_a_file_whose_size_is_learnt_late_keeps_the_blocks_it_began_with() -> None:
    """A body of unknown length goes on as one of 3 GiB, whose map has larger blocks."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as executor:
        destination = destination_at(folder, executor)
        part, state = place(destination, file_state())
        ranges = RangeMap()
        ledger = Ledger(part, ranges)
        piece = ranges.pieces[0]
        ledger.begin(piece)
        ledger.write(piece, [DATA[:BLOCK]], BLOCK)
        ranges.learn_size(3 * 1024**3)
        ledger.write(piece, [DATA[BLOCK : 2 * BLOCK]], BLOCK)
        recorded = ledger.snapshot().onto(state, 0)
        part.close()

        kept = asyncio.run(destination.adopt(recorded))

        assert kept.extents == ((0, 2 * BLOCK),)
        assert (kept.block_size, kept.size) == (BLOCK, 3 * 1024**3)


def test_bytes_that_are_not_there_are_not_trusted_for_want_of_a_hash() -> None:
    with tempfile.TemporaryFile() as empty:
        assert trusted(empty.fileno(), [(0, BLOCK)], BLOCK, b"") == ()
