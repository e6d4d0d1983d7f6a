"""What computes a checksum is chosen by its name."""

from __future__ import annotations

import hashlib

import pytest

from argosy.core.checksum import ALGORITHMS, Checksum
from argosy.core.hashing import running

DATA = b"some bytes, in two pieces"


def computed(expected: Checksum) -> str:
    hashed = running(expected, len(DATA))
    hashed.update(DATA[:7])
    hashed.update(DATA[7:])
    return hashed.hexdigest()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_computes_its_own_checksum(algorithm: str) -> None:
    expected = hashlib.new(algorithm, DATA).hexdigest()
    assert computed(Checksum(algorithm, expected)) == expected


def test_an_etag_is_computed_as_an_object_store_does() -> None:
    expected = hashlib.md5(DATA).hexdigest()
    assert computed(Checksum("etag", expected)) == expected
