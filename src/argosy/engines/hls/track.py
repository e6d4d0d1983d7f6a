"""One playlist of segments, and how far it has been recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from argosy.engines.hls.memo import Note, fingerprint, path_of
from argosy.engines.hls.playlist import Media, Segment

STALE_TARGETS: Final = 6
"""A live playlist that brings nothing new for so many of its target durations is over."""
KNOWN: Final = 256
"""Segments whose names are remembered, to tell a stream that counts anew from a server that lags behind."""

Warn = Callable[[str, str], None]


class Track:
    """Where the recording of one playlist stands. Decides; asks nobody."""

    def __init__(self, url: str, media: Media, note: Note | None, *, texts: bool) -> None:
        self.url = url
        self.media = media
        """As it was read last."""
        self.texts = texts
        """Whether it is of subtitles."""
        first = media.segments[0].sequence if media.segments else 0
        self.note = note or Note(path_of(url), first, fingerprint=fingerprint(media))
        self.over = False
        self._idle_s = 0.0
        self._names: dict[int, str] = {}

    def is_other_than(self, note: Note) -> bool:
        """Tell whether the playlist is surely not the one that the note is of."""
        return bool(note.fingerprint) and self.media.ended and note.fingerprint != fingerprint(self.media)

    def due(self, warn: Warn) -> list[Segment]:
        """Return the segments that are still to come, as the playlist is now; what is lost is told."""
        segments = self.media.segments
        if not segments:
            return []
        first, following, end = segments[0].sequence, self.note.following, segments[-1].sequence + 1
        if following < first:
            warn("segments_missed", f"segments {following} to {first - 1} are no longer on offer")
        elif following > end and self._counts_anew(end):
            warn("sequence_reset", "the stream counts its segments anew; the recording goes on with the new ones")
            self.note = replace(self.note, following=first)
            self._names.clear()
        return [segment for segment in segments if segment.sequence >= self.note.following]

    def _counts_anew(self, end: int) -> bool:
        """A server that lags behind shows segments that we know, or that come just before ours."""
        shown = {segment.sequence: _name(segment) for segment in self.media.segments}
        known = [self._names[number] == name for number, name in shown.items() if number in self._names]
        if known:
            return not any(known)
        return self.note.following - end > len(self.media.segments)

    def took(self, segment: Segment, *, init: str, joint: str, sample: str) -> None:
        """The segment is in the part."""
        self._names[segment.sequence] = _name(segment)
        while len(self._names) > KNOWN:
            del self._names[next(iter(self._names))]
        self.note = replace(
            self.note, following=segment.sequence + 1, seconds=self.note.seconds + segment.seconds,
            init=init or self.note.init, joint=joint or self.note.joint, sample=sample or self.note.sample,
        )  # fmt: skip

    def has(self, seconds: float | None) -> bool:
        """Tell whether so much of it is here."""
        return seconds is not None and self.note.seconds >= seconds

    # -- a live playlist ---------------------------------------------------------------------------

    @property
    def pause_s(self) -> float:
        """How long to wait before it is read again (RFC 8216 6.3.4): half as long if the last time brought nothing."""
        return self.media.target_s / (2 if self._idle_s else 1)

    def waited(self, seconds: float, *, fruitless: bool) -> bool:
        """Note that so long was waited for it; tell whether that makes it over."""
        self._idle_s = self._idle_s + seconds if fruitless else 0.0
        if self._idle_s >= STALE_TARGETS * self.media.target_s:
            self.over = True
        return self.over

    @property
    def brings(self) -> bool:
        """Whether there is, or may be, something to come without asking again."""
        return self.media.ended or any(segment.sequence >= self.note.following for segment in self.media.segments)


def _name(segment: Segment) -> str:
    return PurePosixPath(path_of(segment.piece.url)).name
