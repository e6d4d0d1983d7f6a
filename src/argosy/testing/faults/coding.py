"""Content codings nobody asked for, and streams that do not decode (RFC 9110, 8.4)."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from argosy.testing.server.answer import Answer
from argosy.testing.server.body import Body, Bytes, Flipped, Joined, Repeated
from argosy.testing.server.fault import Fault
from argosy.testing.server.resource import Question

ZEROS_BYTES = 1 << 20
GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
DEFLATE_END = b"\x03\x00"
"""The empty final block."""


@dataclass(frozen=True, slots=True)
class Gzip(Fault):
    """Sends what it would have sent compressed, with ``Content-Encoding: gzip``, whether that was accepted or not.

    A 206 keeps its Content-Range of the plain file, which is wrong; ``when=ranged`` does so to ranges alone.
    ``corrupt`` damages the middle of the stream. The body is compressed in memory: use small files.
    """

    corrupt: bool = False

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        packed: Body = Bytes(gzip.compress(answer.payload.read(), mtime=0))
        if self.corrupt:
            packed = Flipped(packed, packed.size // 2)
        return answer.with_payload(packed).with_header("Content-Encoding", "gzip")


@dataclass(frozen=True, slots=True)
class GzipBomb(Fault):
    """Answers with gzip that unpacks to ``mib`` MiB of zeros from a thousandth of that."""

    mib: int = 1024

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return answer.with_payload(gzip_zeros(self.mib)).with_header("Content-Encoding", "gzip")


@dataclass(frozen=True, slots=True)
class ClaimedEncoding(Fault):
    """Says ``Content-Encoding: <names>`` of a body that is sent as it is: unknown codings, twenty of them, lies."""

    names: str

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return answer.with_header("Content-Encoding", self.names)


def gzip_zeros(mib: int) -> Body:
    """A gzip stream of ``mib`` MiB of zeros, made without compressing more than one of them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    unit = packer.compress(bytes(ZEROS_BYTES)) + packer.flush(zlib.Z_FULL_FLUSH)
    return Joined((Bytes(GZIP_HEAD), Repeated(unit, mib), Bytes(DEFLATE_END), _ZerosTrailer(mib)))


@dataclass(frozen=True, slots=True)
class _ZerosTrailer(Body):
    """The gzip trailer for that many MiB of zeros; computed only for a client that comes so far."""

    mib: int

    @property
    def size(self) -> int:
        return 8

    def blocks(self, start: int = 0, end: int | None = None) -> Iterator[memoryview]:
        checksum, zeros = 0, bytes(ZEROS_BYTES)
        for _ in range(self.mib):
            checksum = zlib.crc32(zeros, checksum)
        length = self.mib * ZEROS_BYTES % (1 << 32)
        trailer = checksum.to_bytes(4, "little") + length.to_bytes(4, "little")
        yield from Bytes(trailer).blocks(start, end)
