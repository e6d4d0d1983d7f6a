"""The ETag that an object store gives what was sent in parts: the MD5 of the parts' MD5s, and how many they were.

How large the parts were it does not say. Those sizes which uploading programs use, and which fit, are tried; one that
gives the ETag proves the bytes. That none does proves nothing: somebody may have used another size.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from argosy.core.checksum import Checksum
from argosy.value import dataclass

ALGORITHM: Final = "etag"
"""What such a checksum is called. It can prove bytes right, and never wrong."""
MOST_TRIED: Final = 6
MIB: Final = 1 << 20
USUAL: Final = tuple(
    unit * count
    for unit in (MIB, 1_000_000)
    for count in (8, 5, 16, 15, 10, 64, 50, 100, 25, 20, 32, 128, 256, 200, 512, 1000, 1024, 500, 2048, 4096, 5120)
)
"""In the order of how likely they are: the defaults of the clouds' own tools first."""
_MD5: Final = r"[0-9a-f]{32}"
_IN_PARTS: Final = r"[0-9a-f]{32}-([1-9][0-9]{0,4})"


def md5_of(etag: str | None) -> Checksum | None:
    """Return the MD5 that the ETag of an object sent in one piece is, if it looks like one."""
    bare = plain(etag)
    return Checksum("md5", bare) if re.fullmatch(_MD5, bare) else None


def checksum_of(etag: str | None) -> Checksum | None:
    """Return what the ETag can prove, be the object sent in one piece or in parts."""
    bare = plain(etag)
    return Checksum(ALGORITHM, bare) if re.fullmatch(_MD5, bare) or re.fullmatch(_IN_PARTS, bare) else None


def plain(etag: str | None) -> str:
    """Return the ETag without quotes and without what says that it is weak."""
    return (etag or "").removeprefix("W/").strip('"').lower()


def part_sizes(size: int, parts: int) -> tuple[int, ...]:
    """Return how large the parts may have been, the likeliest first, if the object has ``size`` bytes in ``parts``."""
    if parts <= 1:
        return (max(size, 1),)
    even = -(-size // parts)
    grown = -(-even // MIB) * MIB  # as tools do whose usual size would need too many parts
    sizes = dict.fromkeys((*USUAL, grown, even))
    return tuple(each for each in sizes if each and -(-size // each) == parts)[:MOST_TRIED]


class PartwiseHash:
    """The ETag of what it is fed, by several part sizes at once, as ``hashlib`` has its hashes."""

    def __init__(self, expected: Checksum, size: int) -> None:
        self._expected = expected.hex
        parts = re.fullmatch(_IN_PARTS, expected.hex)
        self._whole = parts is None
        sizes = part_sizes(size, int(parts[1])) if parts else (max(size, 1),)
        self._ways = [_Way(each) for each in sizes]

    def update(self, data: bytes) -> None:
        for way in self._ways:
            way.update(memoryview(data))

    def hexdigest(self) -> str:
        """Return the ETag that was expected if one way gives it, else that of the likeliest; nothing if no size fits."""
        found = [way.whole() if self._whole else way.in_parts() for way in self._ways]
        return self._expected if self._expected in found else next(iter(found), "")


@dataclass(slots=True)
class _Way:
    """One part size."""

    part: int
    done: bytes = b""
    """The digests of the parts that are complete."""
    filled: int = 0
    running: hashlib._Hash | None = None

    def update(self, data: memoryview) -> None:
        while data:
            if self.running is None:
                self.running = _md5()
            piece = data[: self.part - self.filled]
            self.running.update(piece)
            self.filled += len(piece)
            data = data[len(piece) :]
            if self.filled == self.part:
                self.done += self.running.digest()
                self.running, self.filled = None, 0

    def in_parts(self) -> str:
        digests = self._digests()
        return f"{_md5(digests).hexdigest()}-{max(1, len(digests) // 16)}"

    def whole(self) -> str:
        return self._digests().hex()

    def _digests(self) -> bytes:
        last = self.running.digest() if self.running is not None else b""
        return (self.done + last) or _md5().digest()


def _md5(data: bytes = b"") -> hashlib._Hash:
    return hashlib.md5(data, usedforsecurity=False)
