"""Server-sent events, however the wire cuts them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.client.frame import LONGEST_LINE, Frame, Frames
from argosy.errors import BadResponse

WIRE = (
    "retry: 2000\n\n: ping\n\nevent: a\nid: 7\ndata: one\ndata: two\n\ndata:x\r\n\r\nevent: nothing\n\n"
    "id: 8\ndata: gr\u00fc\u00df\n\nevent: half\ndata: not complete"
).encode()
SEEN = [Frame("a", "one\ntwo", "7"), Frame("message", "x", "7"), Frame("message", "gr\u00fc\u00df", "8")]


@given(st.lists(st.integers(0, len(WIRE))))
def test_frames_are_the_same_wherever_the_wire_cuts(cuts: list[int]) -> None:
    frames = Frames()
    edges = [0, *sorted(cuts), len(WIRE)]
    pieces = [WIRE[start:end] for start, end in pairwise(edges)]
    assert [frame for piece in pieces for frame in frames.feed(piece)] == SEEN


@given(st.binary())
def test_whatever_comes_is_taken_without_a_fall(noise: bytes) -> None:
    list(Frames().feed(noise))


def test_a_line_without_end_is_refused() -> None:
    frames = Frames()
    list(frames.feed(b"x" * LONGEST_LINE))
    with pytest.raises(BadResponse):
        list(frames.feed(b"x"))
