"""What a stream is made of, brought: playlists, keys and segments, by the task's options and within its limits."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, Protocol, TypeVar
from urllib.parse import urlsplit

from argosy.core.types import TransferOptions
from argosy.engines.curl.permit import acquire
from argosy.engines.curl.request import HARMLESS, origin
from argosy.engines.hls import playlist
from argosy.engines.hls.crypt import KEY_BYTES, SAMPLES, check, decrypted
from argosy.engines.hls.playlist import Key, Master, Media, Piece, Segment
from argosy.engines.port import Cancelled, Desk
from argosy.engines.roll import rest
from argosy.errors import ArgosyError, BadResponse

T = TypeVar("T")
LARGEST_SEGMENT: Final = 256 * 1024 * 1024
TRIES: Final = 4
FIRST_WAIT_S: Final = 0.5
KEPT: Final = 16
"""Keys and initialisation sections remembered."""
AT_ONCE_BYTES: Final = 64 * 1024
"""A playlist up to here is read on the spot; a longer one in a thread."""
SITES: Final = HARMLESS | {"origin"}
"""Headers of the task's that other servers may see too: they say where one comes from, and open no door."""
BOXES: Final = frozenset({b"ftyp", b"styp", b"moov", b"sidx", b"moof", b"free", b"skip", b"emsg", b"prft", b"mdat"})


class Reader(Protocol):
    """What asks the network."""

    async def document(
        self,
        url: str,
        options: TransferOptions,
        limit: int,
        *,
        span: tuple[int, int] | None = None,
        patient: bool = False,
    ) -> tuple[bytes, str]: ...


async def read(reader: Reader, url: str, options: TransferOptions) -> tuple[Master | Media, str]:
    """Return the playlist, and where it came from: what it names is seen from there."""
    data, came_from = await reader.document(url, options, playlist.LARGEST_BYTES)
    if len(data) <= AT_ONCE_BYTES:
        return playlist.read(data, came_from), came_from
    return await asyncio.to_thread(playlist.read, data, came_from), came_from


class Supply:
    """All that one file needs. ``address`` is what was asked for: credentials are for its server alone."""

    def __init__(self, reader: Reader, address: str, options: TransferOptions, desk: Desk) -> None:
        self._reader = reader
        self._origin = origin(address)
        self._options = options
        self._others = replace(
            options,
            headers=tuple(header for header in options.headers if header[0].lower() in SITES),
            user=None, cookie=None, client_cert=None, client_key=None,
        )  # fmt: skip
        self._desk = desk
        self._keys: dict[str, bytes] = {}
        self._inits: dict[Piece, bytes] = {}

    @property
    def width(self) -> int:
        """How many segments may be on their way at once: no more than one where the rate is limited."""
        return 1 if self._desk.throttle.limited else self._options.first_connections

    def _options_for(self, url: str) -> TransferOptions:
        return self._options if origin(url) == self._origin else self._others

    async def playlist(self, url: str) -> tuple[Master | Media, str]:
        return await read(self._reader, url, self._options_for(url))

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Return what ``ask`` brings, tried again for a while if it may still come."""
        wait_s = FIRST_WAIT_S
        for _ in range(TRIES - 1):
            try:
                return await ask()
            except Cancelled:
                raise
            except ArgosyError as error:
                if not error.retryable:
                    raise
                await rest(self._desk, wait_s)
                wait_s *= 2
        return await ask()

    async def segment(self, segment: Segment) -> bytes:
        """Return a segment's plain bytes. Raises an error that names it."""
        try:
            return await self.patiently(lambda: self._plain(segment))
        except Cancelled:
            raise
        except ArgosyError as error:
            name = f"segment {segment.sequence}"
            error.message = error.message if name in error.message else f"{name}: {error.message}"
            raise

    async def _plain(self, segment: Segment) -> bytes:
        data = await self._fetched(segment.piece, segment.sequence)
        if segment.key is None:
            return data
        check(segment.key, segment.sequence)
        secret = await self._secret(segment.key)
        if segment.key.method == SAMPLES:  # in Python, byte by byte: not on the loop
            return await asyncio.to_thread(decrypted, data, segment.key, secret, segment.sequence)
        return decrypted(data, segment.key, secret, segment.sequence)

    async def init(self, segment: Segment) -> tuple[bytes, str]:
        """Return the initialisation section that the segment needs, and its digest; both empty if it needs none."""
        if segment.init is None:
            return b"", ""
        if segment.init not in self._inits:
            _make_room(self._inits)
            self._inits[segment.init] = await self.patiently(lambda: self._fetched_init(segment))
        data = self._inits[segment.init]
        return data, hashlib.blake2b(data, digest_size=8).hexdigest()

    async def _fetched_init(self, segment: Segment) -> bytes:
        assert segment.init is not None
        data = await self._fetched(segment.init, segment.sequence)
        if segment.key is not None and segment.key.iv is not None and data[4:8] not in BOXES:
            return decrypted(data, segment.key, await self._secret(segment.key), segment.sequence)
        return data

    async def _fetched(self, piece: Piece, sequence: int) -> bytes:
        span = None if piece.span is None else (piece.span.first, piece.span.end)
        data = await self._asked(piece.url, LARGEST_SEGMENT, span)
        if data[:15].lstrip().lower().startswith((b"<!doctype html", b"<html")) and not self._options.allow_html:
            raise BadResponse(f"a web page came instead of segment {sequence}", code="html_instead", retryable=True)
        return data

    async def _secret(self, key: Key) -> bytes:
        if key.url not in self._keys:
            _make_room(self._keys)
            self._keys[key.url] = await self._asked(key.url, KEY_BYTES, None)
        return self._keys[key.url]

    async def _asked(self, url: str, limit: int, span: tuple[int, int] | None) -> bytes:
        host = urlsplit(url).netloc.rpartition("@")[2]
        await acquire(self._desk.hosts, host, self._desk.cancel)
        try:
            data, _ = await self._reader.document(url, self._options_for(url), limit, span=span, patient=True)
        finally:
            self._desk.hosts.release(host)
        return data


def _make_room(kept: dict[T, bytes]) -> None:
    while len(kept) >= KEPT:
        del kept[next(iter(kept))]
