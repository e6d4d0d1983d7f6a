"""Subtitles in segments (WebVTT) become one file: one header, every cue once, all times on one line."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final

TICKS_S: Final = 90_000
"""Of an MPEG transport stream's clock."""
WRAP_S: Final = 2**33 / TICKS_S
REMEMBERED: Final = 64
"""Cues that may come again: one that lasts beyond its segment is in the next one, too."""
_TIME: Final = r"(?:(\d+):)?(\d{2}):(\d{2})\.(\d{3})"
_CUE: Final = re.compile(rf"^\s*{_TIME}(\s+-->\s+){_TIME}(.*)$")
_MAP: Final = re.compile(r"^X-TIMESTAMP-MAP=.*$", re.MULTILINE)


class Joiner:
    """Takes segments in order. ``text()`` is what another process needs to go on."""

    def __init__(self, text: str = "") -> None:
        told = json.loads(text) if text else {}
        self._begun: bool = bool(told)
        self._base: float | None = told.get("base")
        self._seen: list[str] = told.get("seen", [])

    def text(self) -> str:
        return json.dumps({"base": self._base, "seen": self._seen[-REMEMBERED:]})

    def add(self, data: bytes) -> bytes:
        """Return what the segment adds to the file. Raises ValueError for what is no WebVTT."""
        text = data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        header, _, body = text.partition("\n\n")
        if not re.match(r"WEBVTT(?:[ \t\n]|\Z)", header):
            raise ValueError("it does not begin with WEBVTT")
        shift = self._shift(header)
        blocks = [] if self._begun else [_MAP.sub("", header).strip()]
        cues = [block for block in re.split(r"\n{2,}", body.strip("\n")) if block.strip()]
        blocks += [kept for block in cues if (kept := self._kept(block, shift)) is not None]
        self._begun = True
        return "".join(f"{block}\n\n" for block in blocks).encode()

    def _shift(self, header: str) -> float:
        """Return what to add to the segment's times, so that they are on the line of the first one's (RFC 8216 3.5)."""
        local = re.search(rf"LOCAL:{_TIME}", header)
        ticks = re.search(r"MPEGTS:(\d+)", header)
        if ticks is None:
            return 0.0
        at = int(ticks[1]) / TICKS_S - (_seconds(*local.groups()) if local else 0.0)
        if self._base is None:
            self._base = at
        shift = (at - self._base) % WRAP_S
        return shift - WRAP_S if shift > WRAP_S / 2 else shift

    def _kept(self, block: str, shift: float) -> str | None:
        lines = block.split("\n")
        place = next((number for number, line in enumerate(lines[:2]) if _CUE.match(line)), None)
        if place is None:
            return block if self._is_new(block) else None
        match = _CUE.match(lines[place])
        assert match is not None
        if shift:
            first, last = _seconds(*match.groups()[:4]) + shift, _seconds(*match.groups()[5:9]) + shift
            if last <= 0:
                return None
            lines[place] = f"{_written(max(0.0, first))}{match[5]}{_written(last)}{match[10]}"
        return "\n".join(lines) if self._is_new("\n".join(lines[place:])) else None

    def _is_new(self, text: str) -> bool:
        key = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
        if key in self._seen:
            return False
        self._seen = [*self._seen[-REMEMBERED + 1 :], key]
        return True


def _seconds(hours: str | None, minutes: str, seconds: str, thousandths: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(thousandths) / 1000


def _written(seconds: float) -> str:
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
