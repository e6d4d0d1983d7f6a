"""A file whose source states what each of its pieces must be: those that are wrong are fetched again, and only those."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from argosy.core.pieces import Pieces
from argosy.core.types import FileState, TransferOptions
from argosy.engines.curl.permit import acquire
from argosy.engines.port import Cancelled
from argosy.engines.roll import SHORTEST_REST_S, rest
from argosy.engines.stop import unless_stopped
from argosy.errors import ArgosyError, IntegrityError
from argosy.runtime.desk import Desk
from argosy.runtime.ports import SpanReader
from argosy.value import dataclass

HELD_BYTES: Final = 64 * 1024 * 1024
"""Of pieces that are on their way at the same time."""
BENEFIT: Final = 3
"""A mirror whose first so many pieces are all wrong has another file."""


@dataclass(slots=True)
class _Mirror:
    url: str
    reader: SpanReader
    right: int = 0
    wrong: int = 0

    @property
    def hopeless(self) -> bool:
        return self.wrong >= BENEFIT and not self.right


class Mending:
    """Mends one file. A piece is written only once it is proven, so no mirror can make the file worse. ``run`` once."""

    def __init__(
        self, pieces: Pieces, state: FileState, desk: Desk, readers: Mapping[str, SpanReader], options: TransferOptions
    ) -> None:
        assert state.size is not None
        self._pieces = pieces
        self._state = state
        self._size = state.size
        self._desk = desk
        self._options = options
        mirrors = [_Mirror(url, reader) for url, reader in readers.items()]
        self._mirrors = [*mirrors[1:], *mirrors[:1]]  # what is wrong came more likely from the first

    async def run(self) -> FileState:
        """Return the state once every piece is right and durable. Raises what keeps those from answering who may have the
        right bytes; IntegrityError, code ``bad_pieces``, if nobody has; code ``checksum``, if nobody can be asked for a piece.
        """
        if not self._pieces.fit(self._size):
            raise IntegrityError(
                f"{self._size:,} bytes came, which are not {self._pieces.count:,} pieces of {self._pieces.length:,}",
                hint="the file at the source is not the one that the list means", code="bad_pieces",
            )  # fmt: skip
        wrong = await self._desk.wrong_pieces(self._pieces, self._size)
        if wrong and not self._mirrors:
            raise IntegrityError(f"{len(wrong):,} of {self._pieces.count:,} pieces are wrong", code="checksum")
        if wrong:
            self._desk.warn(
                "bad_pieces",
                f"{len(wrong):,} of {self._pieces.count:,} pieces are not what the list says; they are fetched again",
            )
            await unless_stopped(self._desk.cancel, self._all(wrong))
            self._state = await self._desk.rewritten(
                self._state, [self._pieces.span(index, self._size) for index in wrong]
            )
        return self._state

    async def _all(self, wrong: Sequence[int]) -> None:
        left = iter(wrong)
        width = 1 if self._desk.throttle.limited else min(self._options.first_connections, len(wrong))
        width = max(1, min(width, HELD_BYTES // self._pieces.length))
        lanes = [asyncio.create_task(self._lane(left)) for _ in range(width)]
        try:
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    async def _lane(self, left: Iterator[int]) -> None:
        for index in left:
            await self._mend(index)

    async def _mend(self, index: int) -> None:
        first, end = self._pieces.span(index, self._size)
        failed: ArgosyError = IntegrityError(
            f"nobody has the bytes from {first:,} to {end:,} as the list says they are",
            hint="the files there are not the one that the list means, or the list is out of date", code="bad_pieces",
        )  # fmt: skip
        for mirror in sorted(self._mirrors, key=lambda each: each.wrong - each.right):
            if mirror.hopeless:
                continue
            try:
                data = await self._asked(mirror, first, end)
            except Cancelled:
                raise
            except ArgosyError as error:
                failed = error
                continue
            if len(data) == end - first and self._pieces.proves(index, data):
                mirror.right += 1
                self._desk.part.write(first, [data])
                await self._pay(len(data))
                return
            mirror.wrong += 1
            await self._pay(len(data))
        raise failed

    async def _asked(self, mirror: _Mirror, first: int, end: int) -> bytes:
        host = urlsplit(mirror.url).netloc.rpartition("@")[2]
        await acquire(self._desk.hosts, host, self._desk.cancel)
        try:
            span = first, end
            data, _ = await mirror.reader.document(mirror.url, self._options, end - first, span=span, patient=True)
        finally:
            self._desk.hosts.release(host)
        return data

    async def _pay(self, size: int) -> None:
        owed = self._desk.throttle.admit(size)
        if owed > SHORTEST_REST_S:
            await rest(self._desk, owed)
