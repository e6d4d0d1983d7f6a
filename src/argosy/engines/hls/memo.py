"""What the engine remembers of a recording between two processes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from argosy.engines.hls.playlist import Media


class Stage(StrEnum):
    """How far the file is."""

    RECORD = "record"
    """Segments are still to come."""
    WHOLE = "whole"
    """All segments are in the part."""
    COPY = "copy"
    """The file is made and lies in the workshop; from there it goes into the part."""
    DONE = "done"
    """The part is the file."""


@dataclass(frozen=True, slots=True)
class Note:
    """How far one playlist of segments has been recorded."""

    variant: str = ""
    """The path of the playlist, without what expires."""
    following: int = 0
    """Every segment before this number is in the part."""
    seconds: float = 0.0
    """How much of it, as the playlist says, is here."""
    fingerprint: str = ""
    """What a finished playlist is known by; empty of a live one."""
    sample: str = ""
    """The digest of a finished playlist's first segment: names tell nothing of a stream that was encoded anew."""
    init: str = ""
    """The digest of the initialisation section that was written last."""
    joint: str = ""
    """Where the joining of subtitles stands."""


@dataclass(frozen=True, slots=True)
class Memo:
    """``at`` bytes of the part hold what the notes say."""

    at: int = 0
    stage: Stage = Stage.RECORD
    notes: tuple[Note, ...] = field(default=())
    ending: str = ""
    """What the file's name is to end with after all, if not with what it was begun with."""

    def text(self) -> str:
        return json.dumps(asdict(self))


def parse(text: str | None) -> Memo | None:
    """Return what was remembered, None if that is nothing or makes no sense."""
    try:
        told = json.loads(text or "{}")
        notes = tuple(Note(**note) for note in told["notes"])
        return Memo(int(told["at"]), Stage(told["stage"]), notes, str(told["ending"]))
    except (ValueError, TypeError, KeyError):
        return None


def path_of(url: str) -> str:
    return urlsplit(url).path


def fingerprint(media: Media) -> str:
    """Return what tells one finished playlist from another: its segments' names, places and lengths, without what expires."""
    if not media.ended:
        return ""
    told = [
        f"{PurePosixPath(path_of(each.piece.url)).name} {each.piece.span} {each.seconds}" for each in media.segments
    ]
    return digest("\n".join(told).encode())


def digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()
