"""What computes a checksum of bytes that come one after the other."""

from __future__ import annotations

import hashlib
from typing import Protocol

from argosy.core.checksum import Checksum
from argosy.core.etag import ALGORITHM, PartwiseHash


class Running(Protocol):
    """As ``hashlib`` has them."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def running(expected: Checksum, size: int) -> Running:
    """Return what computes such a checksum of a file of ``size`` bytes."""
    if expected.algorithm == ALGORITHM:
        return PartwiseHash(expected, size)
    return hashlib.new(expected.algorithm, usedforsecurity=False)
