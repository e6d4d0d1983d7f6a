"""Checksums of a file's pieces, as a Metalink states them (RFC 5854 4.2.9): they tell which bytes are wrong."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from argosy.core.checksum import HEX_DIGITS
from argosy.core.ranges import Extent
from argosy.errors import UsageError
from argosy.value import dataclass

LARGEST_BYTES: Final = 64 * 1024 * 1024
"""A piece is held in memory while it is fetched again."""
MOST: Final = 16_384
"""They are kept with the task."""
_HEX: Final = r"[0-9a-f]*"


@dataclass(frozen=True, slots=True)
class Pieces:
    """``digests`` holds those of all pieces of ``length`` bytes, one after the other in lower-case hexadecimal; the last
    piece may be shorter.
    """

    algorithm: str
    length: int
    digests: str

    @property
    def count(self) -> int:
        return len(self.digests) // HEX_DIGITS[self.algorithm]

    def fit(self, size: int) -> bool:
        """Tell whether a file of ``size`` bytes has so many pieces."""
        return self.count == -(-size // self.length)

    def span(self, index: int, size: int) -> Extent:
        """Return where in a file of ``size`` bytes the piece lies."""
        return index * self.length, min(size, (index + 1) * self.length)

    def digest(self, index: int) -> str:
        digits = HEX_DIGITS[self.algorithm]
        return self.digests[index * digits : (index + 1) * digits]

    def proves(self, index: int, data: bytes) -> bool:
        """Tell whether ``data`` is the piece."""
        return hashlib.new(self.algorithm, data, usedforsecurity=False).hexdigest() == self.digest(index)


def checked(algorithm: str, length: int, digests: Sequence[str], size: int | None = None) -> Pieces:
    """Return the pieces that are stated so. UsageError says why nothing can be told by them."""
    plain = algorithm.lower().replace("-", "")
    if plain not in HEX_DIGITS:
        raise UsageError(f"pieces hashed with {algorithm[:40]!r}, which is not known here")
    if not 0 < length <= LARGEST_BYTES:
        raise UsageError(f"pieces of {length:,} bytes; at most {LARGEST_BYTES:,} can be told apart")
    if not 0 < len(digests) <= MOST:
        raise UsageError(f"{len(digests):,} pieces; 1 to {MOST:,} can be told apart")
    lower = [digest.lower() for digest in digests]
    if not all(len(digest) == HEX_DIGITS[plain] and re.fullmatch(_HEX, digest) for digest in lower):
        raise UsageError(f"a piece's hash that is no {plain}")
    pieces = Pieces(plain, length, "".join(lower))
    if size is not None and not pieces.fit(size):
        raise UsageError(f"{pieces.count:,} pieces of {length:,} bytes for a file of {size:,}")
    return pieces
