"""Which checksum a file must have, whether it has it, and whether it is still as we left it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from stat import S_ISREG

from argosy.core.checksum import HEX_DIGITS, Checksum, parse
from argosy.core.etag import ALGORITHM as ETAG
from argosy.core.etag import checksum_of as etag_checksum
from argosy.core.header import parse_http_date
from argosy.core.pieces import Pieces
from argosy.core.redact import redacted_url
from argosy.core.types import FileState, FileStatus
from argosy.destinations.port import Facts
from argosy.errors import IntegrityError, UsageError


def expected_of(facts: Facts, *, listed: bool) -> Checksum | None:
    """Return the strongest checksum the server itself stated for the whole file; of one that is ``listed``, where it stated
    none, what the ETag can prove: what it is not proves nothing, what it is proves all.
    """
    stated = _stated(facts) if facts.digests else None
    return etag_checksum(facts.etag) if stated is None and listed else stated


def _stated(facts: Facts) -> Checksum | None:
    stated = []
    for text in facts.digests:
        try:
            stated.append(parse(text))
        except UsageError:
            continue
    return max(stated, key=lambda checksum: HEX_DIGITS[checksum.algorithm], default=None)


def proven(
    state: FileState, facts: Facts | None, expected: Checksum | None, found: str | None, pieces: Pieces | None = None
) -> FileState:
    """Return ``state`` with what its completeness rests on; ``pieces`` are known to be right. Raises IntegrityError, code
    ``checksum``.
    """
    if expected is not None and found != expected.hex and expected.algorithm == ETAG:
        expected, state = None, state.having(checksum=None)  # its parts may have had any size: that proves nothing
    if expected is not None and found != expected.hex:
        shown = state.path or redacted_url(state.urls[0])
        raise IntegrityError(
            f"{shown} has {expected.algorithm} {found or 'unknown'}, but {expected.hex} was expected",
            hint="the file at the source is not the promised one, or the checksum is of another version",
            code="checksum",
        )
    if expected is not None:
        return state.having(checksum=expected, verified_by=expected.algorithm)
    if pieces is not None:
        return state.having(verified_by=pieces.algorithm)
    return state.having(verified_by="length" if facts is not None and facts.size is not None else "none")


def check_size(state: FileState, size: int | None) -> None:
    """Raise IntegrityError, code ``size``, if what comes is not as long as the source's listing says the file is: an
    error document, or another version.
    """
    if size is not None and state.size is not None and size != state.size:
        shown = state.path or redacted_url(state.urls[0])
        raise IntegrityError(
            f"{shown} has {state.size:,} bytes by the source's listing, but {size:,} come",
            hint="the source has changed since it was asked, or sends an error instead; 'argosy update' asks it anew",
            code="size",
        )


def is_still_there(directory: str, state: FileState) -> bool:
    """Tell whether the published file is as we left it: same size, same time."""
    if state.published is None:
        return False
    try:
        there = Path(directory, state.published).stat()
    except OSError:
        return False
    modified = parse_http_date(state.last_modified or "")
    same_time = there.st_mtime_ns == state.part_mtime_ns or (modified is not None and there.st_mtime == modified)
    return there.st_size == state.size and same_time


def left_alone(directory: str, state: FileState) -> FileState | None:
    """Return the file as skipped, if one of its name and promised size is there; None if it has to be asked for."""
    if state.path is None or state.size is None:
        return None
    try:
        there = Path(directory, state.path).lstat()
    except OSError:
        return None
    if not S_ISREG(there.st_mode) or there.st_size != state.size:
        return None
    return replace(state, status=FileStatus.SKIPPED, published=state.path, received=state.size)
