"""Checksums of a file's pieces: what they tell, and what is no such thing."""

from __future__ import annotations

import hashlib

import pytest

from argosy.core.pieces import LARGEST_BYTES, MOST, checked
from argosy.errors import UsageError

DATA = bytes(range(250))
HASHES = [hashlib.sha256(DATA[start : start + 100]).hexdigest() for start in (0, 100, 200)]


def test_each_piece_has_its_place_and_is_proved_by_its_bytes() -> None:
    pieces = checked("SHA-256", 100, [digest.upper() for digest in HASHES], len(DATA))
    assert (pieces.algorithm, pieces.count) == ("sha256", 3)
    assert [pieces.span(index, 250) for index in range(3)] == [(0, 100), (100, 200), (200, 250)]
    assert [pieces.digest(index) for index in range(3)] == HASHES
    assert pieces.proves(2, DATA[200:])
    assert not pieces.proves(2, DATA[100:200])


@pytest.mark.parametrize(("size", "fits"), [(200, False), (201, True), (300, True), (301, False)])
def test_so_many_pieces_are_of_so_long_a_file(size: int, fits: bool) -> None:
    assert checked("sha-256", 100, HASHES).fit(size) is fits


@pytest.mark.parametrize(
    ("algorithm", "length", "digests", "size", "words"),
    [
        ("crc32", 100, HASHES, None, "not known"),
        ("sha-256", 0, HASHES, None, "pieces of 0 bytes"),
        ("sha-256", LARGEST_BYTES + 1, HASHES, None, "at most"),
        ("sha-256", 100, [], None, "0 pieces"),
        ("sha-256", 100, HASHES[:1] * (MOST + 1), None, "1 to"),
        ("sha-256", 100, [HASHES[0][1:]], None, "no sha256"),
        ("sha-256", 100, ["g" * 64], None, "no sha256"),
        ("sha-256", 100, HASHES, 301, "for a file of 301"),
    ],
)
def test_what_tells_nothing_is_refused_in_words(
    algorithm: str, length: int, digests: list[str], size: int | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        checked(algorithm, length, digests, size)
