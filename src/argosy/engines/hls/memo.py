"""What the engine remembers of a recording between two processes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from argosy.engines.hls.playlist import Media

FINGERPRINTED = 8


@dataclass(frozen=True, slots=True)
class Memo:
    """``at`` bytes hold every segment before number ``following`` of the playlist ``url``."""

    url: str
    following: int
    at: int
    fingerprint: str
    seconds: float = 0.0
    """How much of it, as the playlist says, is here."""
    init: str = ""
    """The initialisation section that was written last."""

    def text(self) -> str:
        return json.dumps(asdict(self))


def parse(text: str | None) -> Memo | None:
    """Return what was remembered, None if that is nothing or makes no sense."""
    try:
        return Memo(**json.loads(text or "{}"))
    except (ValueError, TypeError):
        return None


def fingerprint(media: Media) -> str:
    """Return what tells one finished playlist from another: its segments' paths and lengths, without what expires."""
    paths = [f"{segment.piece.url.partition('?')[0]} {segment.seconds}" for segment in media.segments[:FINGERPRINTED]]
    return hashlib.blake2b("\n".join([*paths, str(len(media.segments))]).encode(), digest_size=12).hexdigest()
