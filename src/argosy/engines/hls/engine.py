"""The engine: a stream's segments, fetched some ahead, decrypted, appended in order, and made into one file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from argosy.core.names import safe_name
from argosy.core.types import FileState, TransferOptions
from argosy.engines.hls import choice, memo
from argosy.engines.hls.choice import PREFIX
from argosy.engines.hls.make import Make, cleared
from argosy.engines.hls.memo import Memo, Note, Stage, path_of
from argosy.engines.hls.mux import CONTAINERS, can_mux
from argosy.engines.hls.onlooker import Onlooker
from argosy.engines.hls.playlist import Master, Media, Variant
from argosy.engines.hls.recording import Recording, at_stage, note
from argosy.engines.hls.supply import BOXES, Reader, Supply, read
from argosy.engines.hls.track import Track
from argosy.engines.port import Desk, Facts
from argosy.engines.roll import Roll, held
from argosy.engines.stop import unless_stopped
from argosy.errors import ArgosyError, AuthError, BadResponse, ServerRefused, TransferError

ENDINGS: Final = (".m3u8", ".m3u")
NAMELESS: Final = frozenset(
    {"index", "playlist", "master", "manifest", "chunklist", "stream", "video", "live", "prog_index"}
)
"""What playlists are called whatever they are of: then their folder tells more."""
MOST_MASTERS: Final = 3
BARE: Final = (".aac", ".mp3", ".ac3", ".ec3")
"""Segments of sound without a container: one after the other they are a file."""
TEXTS: Final = (".vtt", ".webvtt")
EXPIRED: Final = frozenset({"http_401", "http_403", "http_404", "http_410"})
"""What servers answer to a link that is good no more."""


def claims(url: str) -> bool:
    """Tell whether a URL is that of a playlist, by its look."""
    lower = url.lower()
    return lower.startswith(PREFIX) or (
        lower.startswith(("http://", "https://")) and urlsplit(url).path.lower().endswith(ENDINGS)
    )


class HlsEngine:
    """HTTP Live Streaming, finished or live. Lives on the transfer loop."""

    name = "hls"
    guarded = True

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def accepts(self, url: str) -> bool:
        return claims(url)

    async def read(
        self, url: str, options: TransferOptions, limit: int, *,
        headers: tuple[tuple[str, str], ...] = (), body: bytes | None = None,  # noqa: ARG002 - the port's
    ) -> bytes:  # fmt: skip
        """Return the files that the stream becomes as JSON: a list of objects with ``url``."""
        address, wish = choice.parsed(url)
        found, _ = await read(self._reader, address, options)
        wishes = [wish]
        if isinstance(found, Master):
            wishes = choice.files(found, options, wish.name, joins=options.join and can_mux())
        data = json.dumps([{"url": each.url(address), "usual": each.usual} for each in wishes]).encode()
        if len(data) > limit:
            raise BadResponse("the stream has too many tracks", code="too_large")
        return data

    async def fetch(self, state: FileState, options: TransferOptions, desk: Desk) -> FileState:
        desk.cancel.check()
        return await Bringing(self._reader, state, options, desk).run()

    async def unchanged(self, state: FileState, options: TransferOptions) -> bool:
        """Tell whether the stream is still the one that the file was made of: its playlists are read again, and the first
        segment of each. Any doubt or failure is a no, and so is a live stream, which brings something else each time.
        """
        known = memo.parse(state.memo)
        if known is None or not known.notes or not all(each.fingerprint and each.sample for each in known.notes):
            return False
        try:
            return await Bringing(self._reader, state, options, Onlooker()).is_still(known)
        except ArgosyError:
            return False

    async def close(self) -> None:
        """The reader is somebody else's."""


class Bringing:
    """One file of a stream, from wherever an earlier process left it. ``run`` once."""

    def __init__(self, reader: Reader, state: FileState, options: TransferOptions, desk: Desk) -> None:
        self._address, self._wish = choice.parsed(state.urls[0])
        self._supply = Supply(reader, self._address, options, desk)
        self._options = options
        self._desk = desk
        self._roll = Roll(state, desk)
        self._memo = memo.parse(state.memo)
        self._variant: Variant | None = None
        """The one that is brought, of a stream with several."""

    async def run(self) -> FileState:
        earlier = self._memo
        if earlier is not None and earlier.stage is not Stage.RECORD:
            self._place()
            if earlier.stage is Stage.DONE and held(self._roll.state) == earlier.at:
                await cleared(self._roll.part)
                return await self._roll.finish()
            if earlier.stage is Stage.COPY or (earlier.stage is Stage.WHOLE and self._roll.received == earlier.at):
                return await Make(self._roll, self._roll.part, len(earlier.notes), self._desk).run()
        try:
            done = await unless_stopped(self._desk.cancel, self._recorded(earlier), first=self._roll.save)
        except ArgosyError:
            await self._roll.save()
            raise
        if done.stage is Stage.DONE:
            return self._roll.state
        return await Make(self._roll, self._roll.part, len(done.notes), self._desk).run()

    async def is_still(self, known: Memo) -> bool:
        """Tell whether the tracks are those that the memo tells of. Nothing is written."""
        tracks = await self._tracks(known)
        if [track.note.fingerprint for track in tracks] != [each.fingerprint for each in known.notes]:
            return False
        for track, earlier in zip(tracks, known.notes, strict=True):
            if memo.digest(await self._supply.segment(track.media.segments[0])) != earlier.sample:
                return False
        return True

    # -- recording ---------------------------------------------------------------------------------

    async def _recorded(self, earlier: Memo | None) -> Memo:
        """Return the memo once all segments are in the part: of stage ``DONE`` if that is the file."""
        if earlier is not None and earlier.stage is Stage.RECORD and earlier.at and self._has_enough(earlier):
            self._place()
            if self._roll.received == earlier.at:
                return await self._ended(earlier.notes)
        while True:
            tracks = await self._tracks(earlier)
            if not self._roll.placed:
                self._roll.state = self._roll.state.having(path=self._roll.state.path or self._name(tracks))
                self._place()
            self._resume(earlier, tracks)
            before = self._roll.received
            try:
                await Recording(self._supply, tracks, self._roll, self._options, self._desk, self._renewed).run()
            except (AuthError, ServerRefused) as error:
                if error.detail_code not in EXPIRED or self._roll.received == before:
                    raise
                self._desk.warn("link_renewed", f"{error.message}; the playlist is read again for fresh links")
                earlier = memo.parse(self._roll.state.memo)
            else:
                return await self._ended(tuple(track.note for track in tracks))

    async def _ended(self, notes: tuple[Note, ...]) -> Memo:
        stage = Stage.WHOLE if self._is_made(len(notes)) else Stage.DONE
        done = Memo(self._roll.received, stage, notes)
        at_stage(self._roll, done, stage, done.at)
        self._roll.state = await self._roll.finish()
        if stage is Stage.WHOLE:
            await self._desk.record(self._roll.state)
        return done

    def _is_made(self, tracks: int) -> bool:
        """Tell whether the file has yet to be made of what is in the part."""
        if tracks > 1:
            return True
        ending = PurePosixPath(self._roll.state.path or "").suffix.lower()
        boxed = self._roll.part.read(4, 4) in BOXES
        return not boxed and ending in CONTAINERS and ending != ".ts" and self._remuxes

    @property
    def _remuxes(self) -> bool:
        return self._options.remux and self._roll.state.checksum is None and can_mux()

    def _place(self) -> None:
        self._roll.place(Facts(self._address, content_type="application/vnd.apple.mpegurl", resumable=True))

    def _has_enough(self, earlier: Memo) -> bool:
        wanted = self._options.record_s
        return wanted is not None and all(each.seconds >= wanted for each in earlier.notes)

    def _resume(self, earlier: Memo | None, tracks: Sequence[Track]) -> None:
        """Go on where the memo says, if it is of these playlists and of what is here; else start again, and say so."""
        if earlier is None and not self._roll.received:
            return
        whole = earlier is not None and earlier.at == self._roll.received and len(earlier.notes) == len(tracks)
        if (
            earlier is None
            or not whole
            or earlier.stage is not Stage.RECORD
            or any(map(Track.is_other_than, tracks, earlier.notes))
        ):
            self._desk.warn("restarted", "the playlist is another one, or what was here is not whole; starting again")
            self._roll.restart(None)
            return
        for track, known in zip(tracks, earlier.notes, strict=True):
            track.note = known
        note(self._roll, tracks, Stage.RECORD, earlier.at)

    # -- which playlists ---------------------------------------------------------------------------

    async def _tracks(self, earlier: Memo | None) -> list[Track]:
        """Return what the file is to be recorded from."""
        found, url = await self._supply.playlist(self._address)
        for _ in range(MOST_MASTERS):
            if isinstance(found, Media):
                return [self._track(self._address, found)]
            if not self._wish.video and (self._wish.audio or self._wish.subtitles):
                self._variant = choice.ranked(found, self._options.quality)[0]
                return await self._renditions(found)
            found, url = await self._best(found, earlier.notes[0].variant if earlier and earlier.notes else "")
            if isinstance(found, Media):
                return [self._track(url, found), *await self._renditions(self._master)]
        raise BadResponse("playlists that lead to playlists without end", code="playlist")

    async def _best(self, master: Master, before: str) -> tuple[Master | Media, str]:
        """Return the playlist of the variant that is wanted, or of the nearest one that can be had; first of all of the
        one that was begun with.
        """
        self._master = master
        variants = choice.ranked(master, self._options.quality)
        variants.sort(key=lambda each: path_of(each.url) != before)
        failed: TransferError | None = None
        for variant in variants:
            try:
                found, came_from = await self._supply.patiently(partial(self._supply.playlist, variant.url))
            except TransferError as error:
                failed = failed or error
                continue
            if failed is not None:
                shown = f"{variant.height}p" if variant.height else f"{variant.bandwidth:,} bits a second"
                self._desk.warn("variant_failed", f"{failed.message}; the next best variant is taken ({shown})")
            self._variant = variant
            return found, came_from if isinstance(found, Master) else variant.url
        assert failed is not None
        raise failed

    async def _renditions(self, master: Master) -> list[Track]:
        assert self._variant is not None
        kinds = [("AUDIO", name) for name in self._wish.audio]
        if self._wish.subtitles is not None:
            kinds.append(("SUBTITLES", self._wish.subtitles))
        found = []
        for kind, name in kinds:
            url = choice.named(master, self._variant, kind, name).url
            assert url is not None
            media, _ = await self._supply.patiently(partial(self._supply.playlist, url))
            if not isinstance(media, Media):
                raise BadResponse(f"the {kind.lower()} called {name!r} is no playlist of segments", code="playlist")
            found.append(self._track(url, media))
        return found

    def _track(self, url: str, media: Media) -> Track:
        texts = self._wish.subtitles is not None or _ending(media) in TEXTS
        return Track(url, media, None, texts=texts)

    async def _renewed(self) -> list[str]:
        """Return where the playlists are now, as the stream's own playlist says."""
        return [track.url for track in await self._tracks(self._memo)]

    # -- what it is called -------------------------------------------------------------------------

    def _name(self, tracks: Sequence[Track]) -> str:
        stem = PurePosixPath(self._wish.name).stem if self._wish.name else stem_of(self._address)
        label = f".{self._wish.label}" if self._wish.label else ""
        return safe_name(f"{stem}{label}{self._suffix(tracks)}", default="recording.ts")

    def _suffix(self, tracks: Sequence[Track]) -> str:
        """Return how the file is called, so that players know it."""
        sound = bool(self._wish.audio) and not self._wish.video
        if len(tracks) > 1:
            return ".mp4"
        media = tracks[0].media
        ending = _ending(media)
        if tracks[0].texts:
            return ".vtt"
        if ending in BARE:
            return ending
        if (media.segments and media.segments[0].init is not None) or self._remuxes:
            return ".m4a" if sound else ".mp4"
        return ".ts"


def stem_of(url: str) -> str:
    """Return what a stream is called: after the playlist, or after its folder where the playlist's name tells nothing."""
    path = PurePosixPath(unquote(urlsplit(url).path))
    return path.stem if path.stem.lower() not in NAMELESS or not path.parent.name else path.parent.name


def _ending(media: Media) -> str:
    return PurePosixPath(path_of(media.segments[0].piece.url)).suffix.lower() if media.segments else ""
