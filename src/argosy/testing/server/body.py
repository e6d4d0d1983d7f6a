"""What a server sends, of any size, readable from any offset without holding it in memory."""

from __future__ import annotations

import hashlib
import random
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

BLOCK_BYTES = 1 << 20
"""No block a body yields is larger than this."""


class Body(ABC):
    """Bytes with a known size, of which any slice can be read, always with the same result."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many bytes there are."""

    @abstractmethod
    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        """The bytes from ``start`` up to ``end`` (excluded), in non-empty pieces of at most ``BLOCK_BYTES``."""

    @property
    def fingerprint(self) -> str:
        """A short text which differs for different contents: the opaque part of a derived ETag."""
        return self.hexdigest()[:16]

    def read(self, start: int = 0, end: int | None = None) -> bytes:
        """The bytes from ``start`` up to ``end`` (excluded) in one piece."""
        return b"".join(self.blocks(start, end))

    def cut(self, start: int, end: int | None = None) -> Body:
        """The part from ``start`` up to ``end`` (excluded) as a body of its own, nothing copied."""
        end = self.size if end is None else min(end, self.size)
        return Slice(self, min(start, end), end)

    def hexdigest(self, algorithm: str = "sha256") -> str:
        """The hash of all bytes, which a test compares with the file it received."""
        return self.digest(algorithm).hex()

    def digest(self, algorithm: str = "sha256") -> bytes:
        """Like ``hexdigest``, as bytes."""
        state = hashlib.new(algorithm)
        for block in self.blocks():
            state.update(block)
        return state.digest()

    def __add__(self, other: Body | bytes) -> Body:
        return Joined((self, Body.of(other)))

    @staticmethod
    def of(content: Body | bytes) -> Body:
        """``content`` as a body."""
        return content if isinstance(content, Body) else Bytes(bytes(content))

    @staticmethod
    def generated(size: int, seed: int = 0) -> Body:
        """``size`` bytes that look random and are a function of ``seed`` and offset alone: 5 GiB cost 2 MiB."""
        return Generated(size, seed)


@dataclass(frozen=True, slots=True)
class Bytes(Body):
    """Bytes held in memory."""

    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        view = memoryview(self.content)[start:end]
        for offset in range(0, len(view), BLOCK_BYTES):
            yield view[offset : offset + BLOCK_BYTES]


@dataclass(frozen=True, slots=True)
class Generated(Body):
    """One random block repeated, each time turned by another amount, so that no shift maps the body on itself."""

    length: int
    seed: int = 0

    @property
    def size(self) -> int:
        return self.length

    @property
    def fingerprint(self) -> str:
        return f"{self.length:x}-{self.seed:x}"

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        end = self.length if end is None else min(end, self.length)
        doubled = _random_block_twice(self.seed)
        while start < end:
            index, within = divmod(start, BLOCK_BYTES)
            length = min(BLOCK_BYTES - within, end - start)
            at = _turn(self.seed, index) + within
            yield doubled[at : at + length]
            start += length


@lru_cache(maxsize=16)
def _random_block_twice(seed: int) -> memoryview:
    return memoryview(random.Random(seed).randbytes(BLOCK_BYTES) * 2)  # noqa: S311 (test data, no secret)


def _turn(seed: int, index: int) -> int:
    return zlib.crc32(f"{seed}:{index}".encode()) % BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class Slice(Body):
    """A part of another body."""

    whole: Body
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        end = self.size if end is None else min(end, self.size)
        return self.whole.blocks(self.start + start, self.start + max(start, end))


@dataclass(frozen=True, slots=True)
class Joined(Body):
    """Bodies one after the other."""

    parts: tuple[Body, ...]

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        end = self.size if end is None else min(end, self.size)
        ends = list(accumulate(part.size for part in self.parts))
        for part, part_end in zip(self.parts, ends, strict=True):
            part_start = part_end - part.size
            first, last = max(start, part_start), min(end, part_end)
            if first < last:
                yield from part.blocks(first - part_start, last - part_start)


@dataclass(frozen=True, slots=True)
class Repeated(Body):
    """The same bytes over and over; ``times`` may be as good as endless, since nothing is stored."""

    unit: bytes
    times: int

    @property
    def size(self) -> int:
        return len(self.unit) * self.times

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        end = self.size if end is None else min(end, self.size)
        per_block = max(1, min(self.times, BLOCK_BYTES // 4 // len(self.unit)))
        many = memoryview(self.unit * per_block)
        while start < end:
            within = start % len(self.unit)
            length = min(len(many) - within, end - start, BLOCK_BYTES)
            yield many[within : within + length]
            start += length


@dataclass(frozen=True, slots=True)
class Flipped(Body):
    """Another body with every bit of one byte turned over: what a rotten disk serves."""

    sound: Body
    at: int

    @property
    def size(self) -> int:
        return self.sound.size

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        for block in self.sound.blocks(start, end):
            if start <= self.at < start + len(block):
                changed = bytearray(block)
                changed[self.at - start] ^= 0xFF
                yield memoryview(changed).toreadonly()
            else:
                yield block
            start += len(block)


EMPTY = Bytes(b"")
ENDLESS = 1 << 40
"""A number of repetitions no client lives to see the end of."""
