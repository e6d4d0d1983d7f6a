"""Pieces tile the file, whatever is taken, stolen, written and given back: no byte is lost or fetched twice."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from argosy.core.ranges import MAX_BLOCKS, MIN_BLOCK, Extent, Piece, RangeMap, block_size_for, merge, without

SMALL = 60
small_extents = st.lists(st.tuples(st.integers(0, SMALL), st.integers(0, SMALL)), max_size=8)


def covered(extents: object) -> set[int]:
    return {byte for first, end in extents for byte in range(first, end)}  # type: ignore[attr-defined]


@given(small_extents)
def test_merging_keeps_exactly_the_bytes_and_leaves_no_seam(extents: list[Extent]) -> None:
    merged = merge(extents)
    assert covered(merged) == covered(extents)
    assert all(first < end for first, end in merged)
    assert all(end < first for (_, end), (first, _) in pairwise(merged))
    assert merge(merged) == merged


@given(small_extents, st.tuples(st.integers(0, SMALL), st.integers(0, SMALL)))
def test_a_hole_takes_exactly_its_bytes(extents: list[Extent], hole: Extent) -> None:
    assert covered(without(merge(extents), hole)) == covered(extents) - covered([hole])


@given(st.none() | st.integers(SMALL, 2 * SMALL), small_extents)
def test_extents_survive_a_round_trip(size: int | None, extents: list[Extent]) -> None:
    ranges = RangeMap(size, extents)
    assert ranges.extents() == merge(extents)
    assert ranges.received == len(covered(extents))
    assert RangeMap(size, ranges.extents()).extents() == ranges.extents()
    assert_tiles(ranges)


def test_extents_beyond_the_end_of_the_file_are_not_believed() -> None:
    ranges = RangeMap(50, [(10, 40), (45, 70), (80, 90)])
    assert ranges.extents() == ((10, 40), (45, 50))
    assert ranges.received == 35
    assert_tiles(ranges)


def assert_tiles(ranges: RangeMap) -> None:
    pieces = ranges.pieces
    assert pieces[0].start == 0
    assert all(piece.end == following.start for piece, following in pairwise(pieces))
    assert pieces[-1].end == ranges.size
    for piece in pieces:
        assert piece.start <= piece.position
        assert piece.end is None or piece.position <= piece.end
    assert ranges.received == sum(piece.position - piece.start for piece in pieces)
    assert ranges.received == sum(end - first for first, end in ranges.extents())


@pytest.mark.parametrize(
    ("size", "block"),
    [
        (None, MIN_BLOCK),
        (0, MIN_BLOCK),
        (MIN_BLOCK * MAX_BLOCKS, MIN_BLOCK),
        (MIN_BLOCK * MAX_BLOCKS + 1, 2 * MIN_BLOCK),
        (2**40, 2**27),
    ],
)
def test_blocks_grow_with_the_file_so_that_there_are_never_too_many(size: int | None, block: int) -> None:
    assert block_size_for(size) == block
    assert (size or 0) <= block * MAX_BLOCKS


def test_an_empty_file_is_complete_at_once() -> None:
    ranges = RangeMap(0)
    assert ranges.complete
    assert ranges.take() is None
    assert ranges.missing == 0
    assert repr(ranges) == "<RangeMap 0/0 []>"


def test_a_file_of_unknown_size_is_one_piece_until_it_ends() -> None:
    ranges = RangeMap()
    piece = ranges.take()
    assert piece is not None
    assert (piece.end, piece.missing, piece.complete) == (None, None, False)
    assert ranges.take() is None
    assert ranges.steal(piece) is None
    ranges.advance(piece, 1000)
    assert not ranges.complete
    assert ranges.missing is None
    ranges.end_here()
    assert (ranges.complete, ranges.size) == (True, 1000)


def test_a_size_that_is_learnt_late_bounds_the_last_piece() -> None:
    ranges = RangeMap(None, [(0, 10), (20, 30)])
    ranges.learn_size(40)
    assert_tiles(ranges)
    assert ranges.missing == 20
    assert ranges.holds(20, 30)
    assert ranges.holds(3, 3)
    assert not ranges.holds(5, 25)
    assert repr(ranges) == "<RangeMap 20/40 [0-10, 20-30]>"


def test_a_reset_forgets_every_byte_in_place() -> None:
    ranges = RangeMap(100, [(0, 50)])
    ranges.reset(2**40)
    assert ranges.extents() == ()
    assert ranges.block == block_size_for(2**40)
    assert_tiles(ranges)


@given(
    size=st.integers(1, 20 * MIN_BLOCK),
    position=st.floats(0, 1),
    keep=st.floats(0, 1),
    ahead=st.integers(0, 2 * MIN_BLOCK),
)
def test_a_cut_falls_on_a_block_and_leaves_both_sides_something(
    size: int, position: float, keep: float, ahead: int
) -> None:
    ranges = RangeMap(size)
    victim = ranges.take()
    assert victim is not None
    ranges.advance(victim, int(position * size))
    ahead = min(ahead, size - victim.position)
    stolen = ranges.steal(victim, keep, ahead)
    assert_tiles(ranges)
    if stolen is None:
        assert victim.end == size
        return
    assert stolen.owned
    assert stolen.start % MIN_BLOCK == 0
    assert stolen.missing is not None
    assert stolen.missing >= MIN_BLOCK
    assert victim.end == stolen.start > victim.position + ahead


def test_half_of_a_long_rest_can_always_be_stolen() -> None:
    ranges = RangeMap(64 * MIN_BLOCK)
    victim = ranges.take()
    assert victim is not None
    stolen = ranges.steal(victim)
    assert stolen is not None
    assert stolen.start == 32 * MIN_BLOCK


class Sharing(RuleBasedStateMachine):
    """Connections come, take, steal, write and leave in any order; a model counts every byte written."""

    def __init__(self) -> None:
        super().__init__()
        self.ranges = RangeMap()
        self.owned: list[Piece] = []
        self.written: list[Extent] = []

    @initialize(
        size=st.none() | st.integers(0, 12 * MIN_BLOCK),
        edges=st.lists(st.integers(0, 12 * MIN_BLOCK), max_size=6, unique=True),
    )
    def begin(self, size: int | None, edges: list[int]) -> None:
        edges = sorted(edge for edge in edges if size is None or edge <= size)
        extents = list(zip(edges[::2], edges[1::2], strict=False))
        self.ranges = RangeMap(size, extents)
        self.written = list(extents)

    @rule()
    def take(self) -> None:
        piece = self.ranges.take()
        if piece is None:
            assert all(piece.complete or piece.owned for piece in self.ranges.pieces)
        else:
            assert piece not in self.owned
            assert not piece.complete
            self.owned.append(piece)

    @precondition(lambda self: self.owned)
    @rule(data=st.data(), keep=st.floats(0, 1), ahead=st.integers(0, MIN_BLOCK))
    def steal(self, data: st.DataObject, keep: float, ahead: int) -> None:
        victim = data.draw(st.sampled_from(self.owned))
        ahead = min(ahead, victim.missing or 0)
        stolen = self.ranges.steal(victim, keep, ahead)
        if stolen is not None:
            assert victim.missing is not None
            assert victim.missing >= ahead
            self.owned.append(stolen)

    @precondition(lambda self: self.owned)
    @rule(data=st.data(), share=st.floats(0, 1))
    def write(self, data: st.DataObject, share: float) -> None:
        piece = data.draw(st.sampled_from(self.owned))
        room = piece.missing if piece.missing is not None else 2 * MIN_BLOCK
        count = int(room * share)
        fresh = (piece.position, piece.position + count)
        assert all(end <= fresh[0] or fresh[1] <= first for first, end in self.written if first < end and count)
        self.written.append(fresh)
        self.ranges.advance(piece, count)

    @precondition(lambda self: self.owned)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        piece = data.draw(st.sampled_from(self.owned))
        self.owned.remove(piece)
        self.ranges.release(piece)

    @precondition(lambda self: self.ranges.size is None)
    @rule(more=st.integers(0, 4 * MIN_BLOCK))
    def learn_size(self, more: int) -> None:
        self.ranges.learn_size(self.ranges.pieces[-1].position + more)

    @precondition(lambda self: self.ranges.size is None)
    @rule()
    def end_here(self) -> None:
        self.ranges.end_here()

    @rule(size=st.none() | st.integers(0, 12 * MIN_BLOCK))
    def reset(self, size: int | None) -> None:
        self.ranges.reset(size)
        self.owned, self.written = [], []

    @rule()
    def another_process_goes_on(self) -> None:
        self.ranges = RangeMap(self.ranges.size, self.ranges.extents())
        self.owned = []

    @invariant()
    def the_pieces_tile_the_file(self) -> None:
        assert_tiles(self.ranges)

    @invariant()
    def exactly_what_was_written_is_here(self) -> None:
        assert self.ranges.extents() == merge(self.written)
        assert self.ranges.received == sum(end - first for first, end in self.written)

    @invariant()
    def complete_means_complete(self) -> None:
        assert self.ranges.complete == (
            self.ranges.size is not None and all(piece.complete for piece in self.ranges.pieces)
        )


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
