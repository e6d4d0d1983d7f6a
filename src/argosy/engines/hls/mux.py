"""Tracks become one file that every player takes (PyAV). Nothing is encoded anew: packets move from one box to another."""

from __future__ import annotations

import errno
import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Any, Final

from argosy.engines.hls.frames import Reel

MICROSECOND: Final = 1_000_000
LEAP_US: Final = 10 * MICROSECOND
"""Where time leaps so far, or back, the stream was cut there: what follows is moved up to what came before."""
BACK_US: Final = MICROSECOND // 10
SNIFFED: Final = 4096
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
TS_PACKET: Final = 188
CONTAINERS: Final = {".mp4": "mp4", ".m4v": "mp4", ".m4a": "mp4", ".mov": "mov", ".mkv": "matroska", ".ts": "mpegts"}
"""What a file's name asks for."""
BOXES: Final = (b"ftyp", b"styp", b"moov", b"moof", b"sidx")


class NotMuxed(Exception):
    """The tracks cannot be put into that container."""


class Stopped(Exception):
    """Somebody asked for a stop."""


def can_mux() -> bool:
    """Tell whether the library is there."""
    return find_spec("av") is not None


def mux(reels: Sequence[Reel], target: Path, container: str, stop: Event) -> None:
    """Write the tracks into ``target``. Blocks; slow. Raises NotMuxed, Stopped, OSError."""
    import av  # noqa: PLC0415 - an extra

    try:
        with ExitStack() as stack:
            feeds = [_opened(av, reel, stack) for reel in reels]
            plain = {"avoid_negative_ts": "make_zero"}
            options = plain | {"movflags": "+faststart"} if container in ("mp4", "mov") else plain
            out = stack.enter_context(av.open(str(target), "w", format=container, options=options))
            _align(feeds)
            for feed in feeds:
                feed.give(out)
            if not any(feed.streams for feed in feeds):
                raise NotMuxed("there is neither picture nor sound in it")
            _move(feeds, out, stop)
    except av.FFmpegError as error:
        if error.errno in NO_ROOM:
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise NotMuxed(f"{type(error).__name__}: {error}") from error
    except (ValueError, RuntimeError, TypeError) as error:
        raise NotMuxed(str(error)) from error


def _move(feeds: Sequence[Feed], out: Any, stop: Event) -> None:  # noqa: ANN401 - a container of the library's
    """Write all packets by their times, which most formats want."""
    for _, _, packet in heapq.merge(
        *(feed.packets(place) for place, feed in enumerate(feeds)), key=lambda each: each[:2]
    ):
        if stop.is_set():
            raise Stopped
        out.mux(packet)


def _opened(av: Any, reel: Reel, stack: ExitStack) -> Feed:  # noqa: ANN401 - the library
    """Return the track, opened as what it is seen to be: it must never be taken for something that leads elsewhere."""
    kind, begins_s = sniffed(reel.read(SNIFFED))
    reel.seek(0)
    return Feed(stack.enter_context(av.open(reel, "r", format=kind)), kind, begins_s)


def sniffed(data: bytes) -> tuple[str, float | None]:
    """Return the format of a track by its first bytes, and when it begins if a tag before it says so. Raises NotMuxed."""
    begins_s = None
    while data[:3] == b"ID3" and len(data) >= 10:
        length = 10 + (data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9])
        begins_s = _told_time(data[:length])
        data = data[length:]
    if data[:1] == b"\x47" and data[TS_PACKET : TS_PACKET + 1] in (b"\x47", b""):
        return "mpegts", None
    if data[4:8] in BOXES:
        return "mov", None
    if data[:1] == b"\xff" and len(data) > 1:
        if data[1] & 0xF6 == 0xF0:
            return "aac", begins_s
        if data[1] & 0xE0 == 0xE0:
            return "mp3", begins_s
    if data[:2] == b"\x0b\x77":
        return ("eac3" if len(data) > 5 and data[5] >> 3 > 10 else "ac3"), begins_s
    raise NotMuxed("a track is of no kind that is known here")


def _told_time(tag: bytes) -> float | None:
    """Return the moment that a segment of bare sound begins at (RFC 8216 3.4)."""
    owner = b"com.apple.streaming.transportStreamTimestamp\0"
    at = tag.find(owner)
    ticks = tag[at + len(owner) : at + len(owner) + 8]
    return None if at < 0 or len(ticks) < 8 else (int.from_bytes(ticks, "big") & (2**33 - 1)) / 90_000


def _align(feeds: Sequence[Feed]) -> None:
    """Tracks of one kind have one clock; else those without the picture's clock begin with the picture."""
    first = feeds[0]
    for feed in feeds[1:]:
        if feed.kind == first.kind:
            continue
        if first.kind == "mpegts" and feed.begins_s is not None:
            feed.shift_us = round(feed.begins_s * MICROSECOND) - feed.start_us
        else:
            feed.shift_us = first.start_us - feed.start_us


class Feed:
    """One track's packets, in a time that only goes forwards."""

    def __init__(self, source: Any, kind: str, begins_s: float | None) -> None:  # noqa: ANN401 - a container of the library's
        self._source = source
        self.kind = kind
        self.begins_s = begins_s
        self.shift_us = 0
        self.streams: dict[int, Any] = {}
        self._last_us: dict[int, int] = {}
        self._ticks: dict[int, int] = {}
        self._next_us: dict[int, int] = {}

    @property
    def start_us(self) -> int:
        return int(self._source.start_time or 0)

    def give(self, out: Any) -> None:  # noqa: ANN401 - a container of the library's
        """Add its picture and sound to the output."""
        for stream in self._source.streams:
            if stream.type in ("video", "audio"):
                self.streams[stream.index] = out.add_stream_from_template(stream)

    def packets(self, place: int) -> Iterator[tuple[int, int, Any]]:
        """Yield each with its time, ``place`` to tell equal ones apart."""
        for packet in self._source.demux(*(self._source.streams[index] for index in self.streams)):
            if packet.dts is None and packet.pts is None:
                continue  # the end's mark
            yield self._timed(packet), place, packet

    def _timed(self, packet: Any) -> int:  # noqa: ANN401 - the library's
        """Give the packet its times in the output and return the one it is sent by."""
        index, base = packet.stream.index, packet.time_base
        dts = packet.dts if packet.dts is not None else packet.pts
        at_us = int(dts * base * MICROSECOND) + self.shift_us
        awaited_us = self._next_us.get(index, at_us)
        if abs(at_us - awaited_us) > LEAP_US or at_us + BACK_US < self._last_us.get(index, at_us):
            self.shift_us += awaited_us - at_us
            at_us = awaited_us
        shift = round(self.shift_us / MICROSECOND / base)
        packet.dts = max(dts + shift, self._ticks.get(index, dts + shift - 1) + 1)
        if packet.pts is not None:
            packet.pts = max(packet.pts + shift, packet.dts)
        self._last_us[index], self._ticks[index] = at_us, packet.dts
        self._next_us[index] = at_us + int((packet.duration or 0) * base * MICROSECOND)
        packet.stream = self.streams[index]
        return at_us
