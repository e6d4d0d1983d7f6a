"""ETags of objects sent in parts: whoever sent them, a size that was used is found; and wrong bytes never match."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.core.checksum import Checksum
from argosy.core.etag import MIB, MOST_TRIED, PartwiseHash, checksum_of, md5_of, part_sizes

MD5 = hashlib.md5(b"x").hexdigest()


def multipart(data: bytes, part: int) -> str:
    digests = [hashlib.md5(data[at : at + part]).digest() for at in range(0, len(data), part)]
    return f"{hashlib.md5(b''.join(digests)).hexdigest()}-{len(digests)}"


def computed(data: bytes, etag: str, step: int = 700_001) -> str:
    running = PartwiseHash(Checksum("etag", etag), len(data))
    for at in range(0, len(data), step):
        running.update(data[at : at + step])
    return running.hexdigest()


@pytest.mark.parametrize("part", [5 * MIB, 8 * MIB, 10 * MIB, 15 * MIB, 16 * MIB, 5_000_000, 6 * MIB])
def test_the_part_size_is_found(part: int) -> None:
    data = bytes(range(251)) * (17 * MIB // 251)
    etag = multipart(data, part)
    assert computed(data, etag) == etag


def test_other_bytes_do_not_match() -> None:
    data = bytes(20 * MIB)
    etag = multipart(data, 8 * MIB)
    assert computed(data[:-1] + b"!", etag) != etag


@given(st.binary(max_size=300), st.integers(1, 50))
def test_parts_that_are_shares_of_equal_size_are_found_however_the_bytes_come(data: bytes, step: int) -> None:
    part = max(1, -(-len(data) // 3))
    etag = multipart(data, part)
    running = PartwiseHash(Checksum("etag", etag), len(data))
    for at in range(0, len(data), step):
        running.update(data[at : at + step])
    if data:
        assert running.hexdigest() == etag


@pytest.mark.parametrize("data", [b"", b"one piece"])
def test_an_object_of_one_piece(data: bytes) -> None:
    whole = hashlib.md5(data).hexdigest()
    assert computed(data, whole) == whole
    single = f"{hashlib.md5(hashlib.md5(data).digest()).hexdigest()}-1"
    assert computed(data, single) == single


@given(st.integers(0, 1 << 45), st.integers(1, 10_000))
def test_every_size_that_is_tried_fits_and_they_are_few(size: int, parts: int) -> None:
    sizes = part_sizes(size, parts)
    assert len(sizes) <= MOST_TRIED
    assert all(-(-size // each) == parts for each in sizes if size)


def test_no_size_fits_an_etag_of_more_parts_than_bytes() -> None:
    assert computed(b"ab", f"{MD5}-5") != f"{MD5}-5"


@pytest.mark.parametrize(
    ("etag", "md5", "proof"),
    [
        (f'"{MD5}"', f"md5:{MD5}", f"etag:{MD5}"),
        (f'W/"{MD5.upper()}"', f"md5:{MD5}", f"etag:{MD5}"),
        (f'"{MD5}-12"', None, f"etag:{MD5}-12"),
        (f'"{MD5}-0"', None, None),
        ('"0x8D4BCC2E4835CD0"', None, None),
        (None, None, None),
    ],
)
def test_what_an_etag_says(etag: str | None, md5: str | None, proof: str | None) -> None:
    plain, proving = md5_of(etag), checksum_of(etag)
    assert (str(plain) if plain else None, str(proving) if proving else None) == (md5, proof)
