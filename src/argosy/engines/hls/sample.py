"""Samples decrypted inside their container: SAMPLE-AES of H.264 and AAC in MPEG transport streams, under a key in the clear.

As Apple's "MPEG-2 Stream Encryption Format for HTTP Live Streaming" has it. Of a picture's slices every tenth block of 16
bytes is encrypted, of a frame of sound all whole blocks but the first; each of them begins anew with the IV. A slice is
escaped once more after its encryption, so what is decrypted may be a few bytes shorter: zeros behind it fill the gap, which
the byte stream allows (H.264 Annex B, ``trailing_zero_8bits``). So no byte of the container moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

PACKET: Final = 188
SYNC: Final = 0x47
BLOCK: Final = 16
PLAIN: Final = {0xDB: 0x1B, 0xCF: 0x0F}
"""Types of streams whose samples are encrypted, and what they are once they are not: H.264, and AAC in ADTS."""
SLICES: Final = frozenset({1, 5})
"""Types of NAL units that hold a picture."""
SHORT_SLICE: Final = 48
"""A slice of so many bytes is left in the clear."""
SLICE_LEAD: Final = 32
EACH: Final = 160
"""Of a slice: 16 bytes encrypted, 144 not."""
SOUND_LEAD: Final = 16

Decrypt = Callable[[bytes], bytes]
"""Decrypts whole blocks, beginning with the IV."""


class Unfit(ValueError):
    """This is no transport stream that can be read so."""


@dataclass(slots=True)
class _Stream:
    """One stream of samples: where in the segment its bytes are, headers left out."""

    kind: int
    places: list[tuple[int, int]] = field(default_factory=list)


def is_transport_stream(data: bytes) -> bool:
    return len(data) >= PACKET and data[0] == SYNC and len(data) % PACKET == 0


def decrypted(data: bytes, decrypt: Decrypt) -> bytes:
    """Return the segment with all its samples in the clear, of the same length. Raises Unfit."""
    if not is_transport_stream(data):
        raise Unfit("no transport stream")
    segment = bytearray(data)
    for stream in _streams(segment):
        content = bytearray(b"".join(segment[first:end] for first, end in stream.places))
        (_picture if stream.kind == 0xDB else _sound)(content, decrypt)
        at = 0
        for first, end in stream.places:
            segment[first:end] = content[at : at + end - first]
            at += end - first
    return bytes(segment)


# -- the container -------------------------------------------------------------------------------------


def _streams(segment: bytearray) -> list[_Stream]:
    """Return the encrypted streams; the tables say from now on that they are not."""
    tables: set[int] = {0}
    streams: dict[int, _Stream] = {}
    for start, pid, first in _payloads(segment):
        end = (first - 1) // PACKET * PACKET + PACKET
        if pid == 0 and start:
            tables |= set(_programs(segment, first, end))
        elif pid in tables and start:
            for found, kind in _listed(segment, first, end):
                streams.setdefault(found, _Stream(kind))
        elif pid in streams:
            header = _header(segment, first, end) if start else 0
            streams[pid].places.append((first + header, end))
    return list(streams.values())


def _payloads(segment: bytearray) -> Iterator[tuple[bool, int, int]]:
    """Yield of each packet with a payload whether something begins in it, whose it is, and where it is."""
    for at in range(0, len(segment), PACKET):
        if segment[at] != SYNC:
            raise Unfit(f"no packet at {at:,}")
        has = segment[at + 3] >> 4 & 3
        first = at + 4 + (1 + segment[at + 4] if has & 2 else 0)
        if has & 1 and first < at + PACKET:
            yield bool(segment[at + 1] & 0x40), (segment[at + 1] & 0x1F) << 8 | segment[at + 2], first


def _section(segment: bytearray, first: int, end: int) -> tuple[int, int]:
    """Return where the table that begins in this packet is, its checksum left out."""
    start = first + 1 + segment[first]
    if start + 3 > end:
        raise Unfit("a table across packets")
    stop = start + 3 + ((segment[start + 1] & 0x0F) << 8 | segment[start + 2])
    if not start + 12 <= stop <= end:
        raise Unfit("a table across packets")
    return start, stop - 4


def _programs(segment: bytearray, first: int, end: int) -> Iterator[int]:
    """Yield the identifiers of the packets that list the programs' streams."""
    start, stop = _section(segment, first, end)
    for at in range(start + 8, stop - 3, 4):
        if segment[at] or segment[at + 1]:
            yield (segment[at + 2] & 0x1F) << 8 | segment[at + 3]


def _listed(segment: bytearray, first: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield identifier and type of each encrypted stream, and set its type to what it will be."""
    start, stop = _section(segment, first, end)
    at = start + 12 + ((segment[start + 10] & 0x0F) << 8 | segment[start + 11])
    while at + 5 <= stop:
        kind, pid = segment[at], (segment[at + 1] & 0x1F) << 8 | segment[at + 2]
        if kind in PLAIN:
            segment[at] = PLAIN[kind]
            yield pid, kind
        elif kind in (0xC1, 0xC2):
            raise Unfit("encrypted Dolby sound")
        at += 5 + ((segment[at + 3] & 0x0F) << 8 | segment[at + 4])
    segment[stop : stop + 4] = _checksum(segment[start:stop]).to_bytes(4, "big")


def _checksum(table: bytearray) -> int:
    """Return the CRC-32 of MPEG-2 tables (ISO/IEC 13818-1 annex A): the polynomial of zlib's, the bits the other way."""
    crc = 0xFFFFFFFF
    for byte in table:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def _header(segment: bytearray, first: int, end: int) -> int:
    """Return how long the header before the samples is."""
    size = 9 + segment[first + 8] if first + 9 <= end else 0
    if segment[first : first + 3] != b"\0\0\1" or not size or first + size > end:
        raise Unfit("a header across packets")
    return size


# -- samples -------------------------------------------------------------------------------------------


def _picture(content: bytearray, decrypt: Decrypt) -> None:
    """Decrypt the slices of an H.264 byte stream."""
    start = content.find(b"\0\0\1")
    while start >= 0:
        first = start + 3
        start = content.find(b"\0\0\1", first)
        end = start if start >= 0 else len(content)
        if first < end and content[first] & 0x1F in SLICES:
            content[first:end] = _slice(bytes(content[first:end]), decrypt)


def _slice(unit: bytes, decrypt: Decrypt) -> bytes:
    plain = bytearray(unit.rstrip(b"\0").replace(b"\0\0\3", b"\0\0"))
    if len(plain) <= SHORT_SLICE:
        return unit
    places = range(SLICE_LEAD, len(plain) - BLOCK, EACH)
    blocks = decrypt(b"".join(plain[at : at + BLOCK] for at in places))
    for number, at in enumerate(places):
        plain[at : at + BLOCK] = blocks[number * BLOCK : (number + 1) * BLOCK]
    return bytes(plain).ljust(len(unit), b"\0")


def _sound(content: bytearray, decrypt: Decrypt) -> None:
    """Decrypt the frames of AAC in ADTS."""
    at = 0
    while at < len(content):
        head = content[at : at + 7]
        if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
            raise Unfit("sound that is no AAC")
        end = at + ((head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5)
        first = at + (7 if head[1] & 1 else 9) + SOUND_LEAD
        if end <= at + 7 or end > len(content):
            raise Unfit("a frame of sound that is cut")
        whole = (end - first) // BLOCK * BLOCK
        if whole > 0:
            content[first : first + whole] = decrypt(bytes(content[first : first + whole]))
        at = end
