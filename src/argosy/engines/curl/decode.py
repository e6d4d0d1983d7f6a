"""Undoing a content coding that a server applied although it was not asked to."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from argosy.errors import BadResponse

STEP_BYTES: Final = 256 * 1024
"""The most that is decoded at once, whatever the input promises."""
SUSPICIOUS_BYTES: Final = 64 * 1024 * 1024
LARGEST_RATIO: Final = 200
"""Beyond this expansion of a large file it is taken for a bomb; honest text stays below 20."""


class Decoder:
    """Decodes a gzip or deflate stream in bounded memory."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32 if coding != "deflate" else zlib.MAX_WBITS)
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded bytes in steps. Raises BadResponse for a damaged stream or a bomb."""
        self._taken += len(data)
        while data:
            try:
                decoded = self._zlib.decompress(data, STEP_BYTES)
            except zlib.error as error:
                raise BadResponse(f"the {self._coding} stream is damaged: {error}", code="decode") from error
            data = self._zlib.unconsumed_tail
            if not decoded and not data:
                return
            self._given += len(decoded)
            if self._given > SUSPICIOUS_BYTES and self._given > LARGEST_RATIO * self._taken:
                raise BadResponse("the compressed answer expands without bounds", code="decode")
            yield decoded

    def end(self) -> None:
        """The body is over. Raises BadResponse if the stream is not."""
        if self._taken and not self._zlib.eof:
            raise BadResponse(f"the {self._coding} stream ends in the middle", code="decode")
