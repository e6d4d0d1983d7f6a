"""One stream on its way into one part: the segments of its playlists, some fetched ahead, appended in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from argosy.core.types import TransferOptions
from argosy.engines.hls import memo
from argosy.engines.hls.frames import framed
from argosy.engines.hls.memo import Memo, Stage
from argosy.engines.hls.playlist import Media, Segment
from argosy.engines.hls.supply import Supply
from argosy.engines.hls.track import Track
from argosy.engines.hls.vtt import Joiner
from argosy.engines.port import Desk
from argosy.engines.roll import Roll, rest
from argosy.errors import ArgosyError, AuthError, BadResponse

AHEAD_BYTES: Final = 128 * 1024 * 1024
"""So much is held in memory of segments that wait for one before them; beyond that no other is begun."""
OVER: Final = frozenset({"http_404", "http_410"})
"""What servers say of a live playlist that has ended, and of a segment that is no longer there."""

Renew = Callable[[], Awaitable[Sequence[str]]]
"""Asks the stream's own playlist where those of its tracks are now."""


class Recording:
    """Appends what the tracks bring to the roll, and notes how far each is. ``run`` once."""

    def __init__(
        self, supply: Supply, tracks: Sequence[Track], roll: Roll, options: TransferOptions, desk: Desk, renew: Renew
    ) -> None:
        self._supply = supply
        self._tracks = tracks
        self._roll = roll
        self._options = options
        self._desk = desk
        self._renew = renew

    async def run(self) -> None:
        """Return once all is in the part that there is, or that was wanted. Raises what kept it from coming."""
        going = list(self._tracks)
        while going:
            for track in going:
                await self._append_all(track)
            going = [track for track in going if not (track.media.ended or track.over or self._has_enough(track))]
            if going:
                await self._reread(going)
        if not self._roll.received:
            raise BadResponse("the playlist has no segment", code="playlist")

    def _has_enough(self, track: Track) -> bool:
        return track.has(self._options.record_s)

    # -- segments ----------------------------------------------------------------------------------

    async def _append_all(self, track: Track) -> None:
        """Append every segment of the track that is on offer, fetching some ahead of the one that is appended."""
        due = deque(track.due(self._desk.warn))
        ahead: deque[tuple[Segment, asyncio.Task[bytes | None]]] = deque()
        largest = 0
        try:
            while due or ahead:
                self._roll.connections = width = self._supply.width
                while due and len(ahead) < width and (not ahead or len(ahead) * largest < AHEAD_BYTES):
                    segment = due.popleft()
                    ahead.append((segment, asyncio.create_task(self._brought(track, segment))))
                segment, fetching = ahead.popleft()
                data = await fetching
                largest = max(largest, len(data or b""))
                await self._append(track, segment, data)
                if self._has_enough(track):
                    return
        finally:
            await _ended(fetching for _, fetching in ahead)

    async def _brought(self, track: Track, segment: Segment) -> bytes | None:
        """Return the segment's bytes; None for one that there is none of, which is told."""
        if segment.gap:
            self._desk.warn("segments_missed", f"segment {segment.sequence} is missing at the source")
            return None
        try:
            return await self._supply.segment(segment)
        except ArgosyError as error:
            if track.media.ended or error.detail_code not in OVER:
                raise
            self._desk.warn("segments_missed", f"{error.message}; the stream has gone on without it")
            return None

    async def _append(self, track: Track, segment: Segment, data: bytes | None) -> None:
        joint = digest = sample = ""
        if data is not None and track.media.ended and segment is track.media.segments[0]:
            sample = memo.digest(data)
        if track.texts:
            data, joint = self._joined(track, segment, data)
        elif data is not None:
            init, digest = await self._supply.init(segment)
            if init and digest != track.note.init:
                data = init + data
        track.took(segment, init=digest, joint=joint, sample=sample)
        data = data or b""
        if len(self._tracks) > 1 and data:
            data = framed(self._tracks.index(track), data)
        note(self._roll, self._tracks, Stage.RECORD, self._roll.received + len(data))
        if data:
            await self._roll.append(data)

    def _joined(self, track: Track, segment: Segment, data: bytes | None) -> tuple[bytes, str]:
        joiner = Joiner(track.note.joint)
        try:
            text = b"" if data is None else joiner.add(data)
        except ValueError as error:
            raise BadResponse(f"segment {segment.sequence} is no subtitles: {error}", code="bad_segment") from None
        return text, joiner.text()

    # -- live --------------------------------------------------------------------------------------

    async def _reread(self, going: Sequence[Track]) -> None:
        """Return once one of the playlists may have something new, or is over."""
        if self._roll.unsaved:
            await self._roll.save()  # what is live does not come again
        while True:
            pause_s = min(track.pause_s for track in going)
            await rest(self._desk, pause_s)
            await asyncio.gather(*(self._refresh(track, pause_s) for track in going))
            if any(track.over or track.brings for track in going):
                return

    async def _refresh(self, track: Track, pause_s: float) -> None:
        try:
            await self._look_again(track)
        except ArgosyError as error:
            if error.detail_code in OVER:
                track.over = True  # a stream that is over is often simply gone
                return
            if not error.retryable and not isinstance(error, BadResponse):
                raise
        if track.waited(pause_s, fruitless=not track.brings):
            self._desk.warn(
                "stream_silent", "the live playlist has brought nothing new for a while; it is taken to be over"
            )

    async def _look_again(self, track: Track) -> None:
        try:
            found, _ = await self._supply.playlist(track.url)
        except AuthError:
            track.url = (await self._renew())[self._tracks.index(track)]  # links to it expire
            found, _ = await self._supply.playlist(track.url)
        if not isinstance(found, Media):
            raise BadResponse("the playlist became another kind of playlist", code="playlist")
        track.media = found


def note(roll: Roll, tracks: Sequence[Track], stage: Stage, at: int) -> None:
    """What is recorded next says how far everything is."""
    roll.state = roll.state.having(memo=Memo(at, stage, tuple(track.note for track in tracks)).text())


def at_stage(roll: Roll, memo: Memo, stage: Stage, at: int) -> None:
    """Likewise, of tracks that nobody needs any more."""
    roll.state = roll.state.having(memo=replace(memo, at=at, stage=stage).text())


async def _ended(tasks: Iterable[asyncio.Task[bytes | None]]) -> None:
    """Return once none of them runs any more."""
    left = list(tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
