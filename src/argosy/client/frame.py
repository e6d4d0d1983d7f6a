"""Server-sent events as they come from the wire: bytes in, frames out (the WHATWG's rules, and no more of them)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from argosy.errors import BadResponse
from argosy.value import dataclass

LONGEST_LINE: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """One event: its name, its data, and the last id the stream has named so far."""

    event: str
    data: str
    id: str


class Frames:
    """Puts frames together from pieces of any size."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        """Of a line that is not complete yet."""
        self._length = 0
        self._event = ""
        self._data: list[str] = []
        self.id = ""

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """Yield the frames that are complete with ``piece``. Raises BadResponse for a line without end."""
        self._parts.append(piece)
        self._length += len(piece)
        if b"\n" not in piece:
            if self._length > LONGEST_LINE:
                raise BadResponse("the service sends a line without end")
            return
        *lines, rest = b"".join(self._parts).split(b"\n")
        self._parts, self._length = [rest], len(rest)
        for line in lines:
            frame = self._take(line.removesuffix(b"\r").decode(errors="replace"))
            if frame is not None:
                yield frame

    def _take(self, line: str) -> Frame | None:
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self.id = value
        return None

    def _complete(self) -> Frame | None:
        frame = Frame(self._event or "message", "\n".join(self._data), self.id) if self._data else None
        self._event = ""
        self._data.clear()
        return frame
