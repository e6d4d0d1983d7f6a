"""Checksums that run while the bytes arrive: a reader follows the durable beginning of the part file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Final

from argosy.core.hashing import Running
from argosy.core.pieces import Pieces
from argosy.destinations.port import Part
from argosy.errors import LocalError

READ_BYTES: Final = 1024 * 1024


class PrefixDigest:
    """The running checksum of a file's beginning."""

    def __init__(self, part: Part, begin: Callable[[], Running], executor: Executor) -> None:
        self._part = part
        self._begin = begin
        self._generation = part.generation
        self._hash = begin()
        self._executor = executor
        self.upto = 0

    async def advance(self, upto: int) -> None:
        """Take in the bytes before ``upto``, which must not change any more. One call at a time.

        A part that was emptied meanwhile, because the source turned out to be another one, is read from its beginning.
        """
        if self._generation != self._part.generation:
            self._generation, self.upto = self._part.generation, 0
            self._hash = self._begin()
        if upto > self.upto:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._read, upto)

    async def finish(self, size: int) -> str:
        """Return the hexadecimal checksum of the first ``size`` bytes."""
        await self.advance(size)
        return self._hash.hexdigest()

    def _read(self, upto: int) -> None:
        while self.upto < upto:
            data = self._part.read(self.upto, min(READ_BYTES, upto - self.upto))
            if not data:
                raise LocalError("the part file is shorter than what was written", code="part_damaged")
            self._hash.update(data)
            self.upto += len(data)


def wrong_pieces(part: Part, pieces: Pieces, size: int, among: Iterable[int]) -> list[int]:
    """Read those pieces of the part back and return which of them are not what they must be. Blocks; slow."""
    wrong = []
    for index in among:
        first, end = pieces.span(index, size)
        if not pieces.proves(index, part.read(first, end - first)):
            wrong.append(index)
    return wrong
