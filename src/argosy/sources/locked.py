"""The custom of sources whose files are written down in a lock file: what it proves to be here is not fetched again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from argosy.core.etag import plain
from argosy.core.hashing import running
from argosy.core.header import parse_http_date
from argosy.core.types import FileSpec, FileState, FileStatus, TaskSpec
from argosy.errors import IntegrityError, LocalError, UsageError
from argosy.sources.lock import Row, beside, checksum_of, conclude, is_there, read, unsigned
from argosy.sources.port import Plain

READ_BYTES: Final = 1024 * 1024


class Locked(Plain):
    """Writes the lock file, and heeds it: what it proves to be here is left as it is."""

    def lock_place(self, spec: TaskSpec) -> Path:
        return beside(Path(spec.directory))

    async def finish(self, spec: TaskSpec, files: Sequence[FileState]) -> None:
        """Write down what came. Raises IntegrityError if something of it is not there any more."""
        await asyncio.to_thread(conclude, self.lock_place(spec), spec, files, spec.directory)

    async def fall_short(self, spec: TaskSpec, files: Sequence[FileState], place: str) -> None:
        """Write down what came and what did not."""
        await asyncio.to_thread(conclude, self.lock_place(spec), spec, files, place)

    async def settled(
        self, spec: TaskSpec, found: Sequence[FileSpec], states: Sequence[FileState]
    ) -> Sequence[FileState]:
        """Return the states; those that the lock file proves to be here are done with."""
        return await asyncio.to_thread(_settled, self.lock_place(spec), Path(spec.directory), found, states)


def _settled(place: Path, folder: Path, found: Sequence[FileSpec], states: Sequence[FileState]) -> Sequence[FileState]:
    try:
        rows = {row.path: row for row in read(place).rows}
    except (UsageError, LocalError, IntegrityError):
        return states  # what nobody can prove is fetched
    return [
        _skipped(state, row)
        if (row := rows.get(state.path or "")) is not None and is_version(row, file) and is_untouched(folder, row)
        else state
        for file, state in zip(found, states, strict=True)
    ]


def is_version(row: Row, file: FileSpec) -> bool:
    """Tell whether the source still has what the row says: by the version's name in the listing, or in the link."""
    if file.size is not None and file.size != row.size:
        return False
    if file.checksum is not None and str(file.checksum) == row.checksum:
        return True  # also where a front gives out what it has under ETags of its own
    if file.etag is not None:
        return row.etag is not None and plain(file.etag) == plain(row.etag)
    if file.checksum is not None:
        return False
    return "versionId" in parse_qs(urlsplit(row.source).query) and row.source in map(unsigned, file.urls)


def is_untouched(folder: Path, row: Row) -> bool:
    """Tell whether the file here is as it came: its size and the time it was given, else its checksum."""
    if row.verified_by is None or not is_there(folder, row):
        return False
    path = folder / row.path
    given = parse_http_date(row.last_modified or "")
    if given is not None and path.stat().st_mtime == given:
        return True
    return row.checksum is not None and has_checksum(path, row)


def has_checksum(path: Path, row: Row) -> bool:
    """Read the file and tell whether its bytes are the row's."""
    expected = checksum_of(row)
    assert expected is not None
    try:
        with path.open("rb") as file:
            computing = running(expected, row.size or 0)
            while data := file.read(READ_BYTES):
                computing.update(data)
    except OSError:
        return False
    return computing.hexdigest() == expected.hex


def _skipped(state: FileState, row: Row) -> FileState:
    return state.having(
        status=FileStatus.SKIPPED, published=row.path, size=row.size, received=row.size or 0, checksum=checksum_of(row),
        verified_by=row.verified_by, etag=row.etag, last_modified=row.last_modified,
    )  # fmt: skip
