from __future__ import annotations

import gzip
import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.testing.faults.coding import gzip_zeros
from argosy.testing.server.body import BLOCK_BYTES, Body, Flipped, Repeated

MIB = 1 << 20
offsets = st.integers(0, 3 * BLOCK_BYTES)


@given(first=offsets, second=offsets)
def test_any_slice_of_a_generated_body_is_that_slice_of_the_whole(first: int, second: int) -> None:
    body = Body.generated(2 * BLOCK_BYTES + 12_345, seed=3)
    start, end = sorted((first, second))
    assert body.read(start, end) == body.read()[start:end]
    assert body.cut(start, end).read() == body.read()[start:end]


def test_a_generated_body_is_a_function_of_its_seed() -> None:
    assert Body.generated(5000, 1).read() == Body.generated(5000, 1).read()
    assert Body.generated(5000, 1).read() != Body.generated(5000, 2).read()
    assert Body.generated(5000, 1).fingerprint != Body.generated(5000, 2).fingerprint


@pytest.mark.parametrize("shift", [1, 4096, BLOCK_BYTES, 2 * BLOCK_BYTES, BLOCK_BYTES - 1])
def test_no_shift_maps_a_generated_body_on_itself(shift: int) -> None:
    body = Body.generated(8 * BLOCK_BYTES, seed=1)
    for start in range(0, 5 * BLOCK_BYTES, BLOCK_BYTES // 2):
        assert body.read(start, start + 64) != body.read(start + shift, start + shift + 64)


def test_bytes_far_beyond_four_gibibytes_are_computed_at_once() -> None:
    body = Body.generated(1 << 43, seed=1)
    far = (1 << 42) + 77
    assert body.read(far, far + 1000) == body.cut(far).read(0, 1000)
    assert len(body.read(body.size - 10, body.size + 10)) == 10


@given(
    data=st.binary(max_size=200), more=st.binary(max_size=50), cuts=st.tuples(st.integers(0, 300), st.integers(0, 300))
)
def test_joined_repeated_and_flipped_bodies_slice_like_bytes(data: bytes, more: bytes, cuts: tuple[int, int]) -> None:
    start, end = sorted(cuts)
    joined = Body.of(data) + more + Repeated(b"abc", 5)
    plain = data + more + b"abc" * 5
    assert joined.size == len(plain)
    assert joined.read(start, end) == plain[start:end]
    flipped = bytearray(plain)
    flipped[len(plain) // 2] ^= 0xFF
    assert Flipped(joined, len(plain) // 2).read(start, end) == bytes(flipped)[start:end]


def test_the_hash_of_a_body_is_the_hash_of_its_bytes() -> None:
    body = Body.generated(3 * BLOCK_BYTES + 1, 9)
    assert body.hexdigest() == hashlib.sha256(body.read()).hexdigest()
    assert body.hexdigest("md5") == hashlib.md5(body.read()).hexdigest()


def test_gzipped_zeros_unpack_to_just_so_many_zeros() -> None:
    packed = gzip_zeros(3)
    assert packed.size == len(packed.read())
    assert packed.size < 3 * MIB / 500
    assert gzip.decompress(packed.read()) == bytes(3 * MIB)
    assert zlib.decompress(packed.read(), 31) == bytes(3 * MIB)
