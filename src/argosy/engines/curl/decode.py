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
GZIP, ZLIB, RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS


class Decoder:
    """Decodes a gzip or deflate stream in bounded memory."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._zlib: zlib._Decompress | None = None
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded bytes in steps. Raises BadResponse for a damaged stream or a bomb."""
        self._taken += len(data)
        more_inside = False
        while data or more_inside:
            if self._zlib is None or self._zlib.eof:
                self._zlib = zlib.decompressobj(self._format(data))
            try:
                decoded = self._zlib.decompress(data, STEP_BYTES)
            except zlib.error as error:
                raise BadResponse(f"the {self._coding} stream is damaged: {error}", code="decode") from error
            data = self._zlib.unconsumed_tail or self._zlib.unused_data
            more_inside = len(decoded) == STEP_BYTES and not self._zlib.eof
            self._given += len(decoded)
            if self._given > SUSPICIOUS_BYTES and self._given > LARGEST_RATIO * self._taken:
                raise BadResponse("the compressed answer expands without bounds", code="decode")
            if decoded:
                yield decoded

    def end(self) -> None:
        """The body is over. Raises BadResponse if the stream is not."""
        if self._zlib is not None and not self._zlib.eof:
            raise BadResponse(f"the {self._coding} stream ends in the middle", code="decode")

    def _format(self, data: bytes) -> int:
        """Several members may follow one another in gzip (RFC 1952 2.2); many servers send ``deflate`` without zlib's header."""
        if self._coding != "deflate":
            return GZIP
        if self._zlib is not None:
            raise BadResponse("something follows the end of the deflate stream", code="decode")
        has_header = data[0] & 0x0F == zlib.DEFLATED and (data[0] << 8 | (data[1] if len(data) > 1 else 0)) % 31 == 0
        return ZLIB if has_header or len(data) == 1 else RAW
