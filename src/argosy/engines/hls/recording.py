"""One playlist on its way into one file."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from argosy.core.types import FileState, TransferOptions
from argosy.engines.hls import memo, playlist
from argosy.engines.hls.crypt import KEY_BYTES, decrypted
from argosy.engines.hls.memo import Memo, fingerprint
from argosy.engines.hls.playlist import Key, Media, Piece, Segment
from argosy.engines.port import Cancelled, Desk, Facts
from argosy.engines.roll import Roll, rest
from argosy.errors import ArgosyError, BadResponse

if TYPE_CHECKING:
    from argosy.engines.hls.engine import Reader

T = TypeVar("T")
LARGEST_SEGMENT: Final = 256 * 1024 * 1024
AHEAD_BYTES: Final = 128 * 1024 * 1024
"""So much is held in memory of segments that wait for one before them; beyond that no other is begun."""
TRIES: Final = 4
FIRST_WAIT_S: Final = 0.5
STALE_TARGETS: Final = 6
"""A live playlist that brings nothing new for so many of its target durations is over."""
KEYS_KEPT: Final = 16


class Recording:
    """Fetches segments, some of them ahead, and appends them in order. ``run`` once."""

    def __init__(
        self, reader: Reader, url: str, media: Media, state: FileState, options: TransferOptions, desk: Desk
    ) -> None:
        self._reader = reader
        self._url = url
        self._media = media
        self._options = options
        self._desk = desk
        self._roll = Roll(state, desk)
        self._keys: dict[str, bytes] = {}
        self._memo = Memo(url, media.segments[0].sequence if media.segments else 0, 0, fingerprint(media))

    async def run(self) -> FileState:
        try:
            return await self._unless_stopped(self._record())
        except ArgosyError:
            await self._roll.save()
            raise

    async def _record(self) -> FileState:
        self._resume()
        await self._append_all()
        while not self._media.ended and not self._long_enough():
            if not await self._reload():
                break
            await self._append_all()
        if not self._roll.received:
            raise BadResponse("the playlist has no segment", code="playlist")
        self._roll.state = self._roll.state.having(memo=None)
        return await self._roll.finish()

    # -- where it goes on --------------------------------------------------------------------------

    def _resume(self) -> None:
        earlier = memo.parse(self._roll.state.memo)
        self._roll.place(Facts(self._url, content_type="application/vnd.apple.mpegurl", resumable=True))
        if earlier is None and not self._roll.received:
            return
        same = earlier is not None and earlier.at == self._roll.received
        if earlier is None or not same or (self._media.ended and earlier.fingerprint != self._memo.fingerprint):
            self._desk.warn("restarted", "the playlist is another one, or what was here is not whole; starting again")
            self._roll.restart(None)
            return
        self._memo = earlier

    def _due(self) -> list[Segment]:
        """Return the segments that are still to come, as the playlist is now."""
        segments = self._media.segments
        if not segments:
            return []
        first, following = segments[0].sequence, self._memo.following
        if following < first:
            self._desk.warn("segments_missed", f"segments {following} to {first - 1} are no longer on offer")
        elif following > segments[-1].sequence + 1:
            self._desk.warn("sequence_reset", "the stream counts its segments anew; the recording goes on with the new ones")
            following = first
        return [segment for segment in segments if segment.sequence >= following]

    def _long_enough(self) -> bool:
        wanted = self._options.record_s
        return wanted is not None and self._memo.seconds >= wanted

    async def _reload(self) -> bool:
        """Return true once the playlist has something new, false once it is over."""
        waited = 0.0
        while waited < STALE_TARGETS * self._media.target_s:
            pause = self._media.target_s / (1 if not waited else 2)
            waited += pause
            await rest(self._desk, pause)
            try:
                data = await self._reader.read(self._url, self._options, playlist.LARGEST_BYTES)
            except ArgosyError as error:
                if not error.retryable:
                    return False  # a stream that is over is often simply gone
                continue
            found = playlist.read(data, self._url)
            if not isinstance(found, Media):
                raise BadResponse("the playlist became another kind of playlist", code="playlist")
            self._media = found
            if found.ended or any(segment.sequence >= self._memo.following for segment in found.segments):
                return True
        return False

    # -- segments ----------------------------------------------------------------------------------

    async def _append_all(self) -> None:
        """Append every segment that is on offer, fetching some ahead of the one that is appended."""
        due = deque(self._due())
        ahead: deque[tuple[Segment, asyncio.Task[bytes]]] = deque()
        self._roll.connections = width = max(1, self._options.connections)
        largest = 0
        try:
            while due or ahead:
                while due and len(ahead) < width and (not ahead or len(ahead) * largest < AHEAD_BYTES):
                    segment = due.popleft()
                    ahead.append((segment, asyncio.create_task(self._brought(segment))))
                segment, fetching = ahead.popleft()
                data = await fetching
                largest = max(largest, len(data))
                await self._append(segment, data)
                if self._long_enough():
                    return
        finally:
            await _ended(fetching for _, fetching in ahead)

    async def _append(self, segment: Segment, data: bytes) -> None:
        before, init = b"", self._memo.init
        if segment.init is not None and str(segment.init) != init:
            before, init = await self._fetched(segment.init, segment.sequence), str(segment.init)
        at = self._roll.received + len(before) + len(data)
        self._memo = Memo(
            self._url, segment.sequence + 1, at, self._memo.fingerprint, self._memo.seconds + segment.seconds, init
        )
        self._roll.state = self._roll.state.having(memo=self._memo.text())
        await self._roll.append(before + data)

    async def _brought(self, segment: Segment) -> bytes:
        """Return a segment's plain bytes. Raises an error that names it."""
        if segment.gap:
            self._desk.warn("segments_missed", f"segment {segment.sequence} is missing at the source")
            return b""
        wait_s = FIRST_WAIT_S
        for remaining in range(TRIES - 1, -1, -1):
            try:
                data = await self._fetched(segment.piece, segment.sequence)
                if segment.key is None:
                    return data
                return decrypted(data, segment.key, await self._secret(segment.key), segment.sequence)
            except Cancelled:
                raise
            except ArgosyError as error:
                if not remaining or not error.retryable:
                    error.message = _naming(error.message, segment)
                    raise
                await rest(self._desk, wait_s)
                wait_s *= 2
        raise AssertionError("the last try returns or raises")

    async def _fetched(self, piece: Piece, sequence: int) -> bytes:
        span = None if piece.span is None else (piece.span.first, piece.span.end)
        data = await self._reader.read(piece.url, self._options, LARGEST_SEGMENT, span=span)
        if data[:15].lstrip().lower().startswith((b"<!doctype html", b"<html")) and not self._options.allow_html:
            raise BadResponse(f"a web page came instead of segment {sequence}", code="html_instead", retryable=True)
        return data

    async def _secret(self, key: Key) -> bytes:
        if key.url not in self._keys:
            while len(self._keys) >= KEYS_KEPT:
                del self._keys[next(iter(self._keys))]
            self._keys[key.url] = await self._reader.read(key.url, self._options, KEY_BYTES)
        return self._keys[key.url]

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what ``work`` returns; Cancelled once the token is set, with all that came recorded."""
        working = asyncio.ensure_future(work)
        release = self._desk.cancel.subscribe(lambda: _cancel(working))
        try:
            return await working
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if me is None or not me.cancelling():
                await self._roll.save()
                self._desk.cancel.check()
            raise
        finally:
            release()


def _cancel(working: asyncio.Future[T]) -> None:
    working.cancel()


async def _ended(tasks: Iterable[asyncio.Task[bytes]]) -> None:
    """Return once none of them runs any more."""
    left = list(tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _naming(message: str, segment: Segment) -> str:
    name = f"segment {segment.sequence}"
    return message if name in message else f"{name}: {message}"
