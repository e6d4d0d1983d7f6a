"""What a source of many files left here, file by file: the proof that all of it came, and what an update compares with.

A lock file says where its files are from, what was wanted of them, and of each its path, size, checksum, version and link.
``missing`` are those that could not be brought, ``gone`` those that an earlier version had and that still lie here. ``seal``
is a digest over the rows, so that a list that was cut or edited is not taken for a whole one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from argosy.core.checksum import Checksum
from argosy.core.types import FileState, TaskSpec
from argosy.errors import IntegrityError, LocalError, UsageError
from argosy.sources.keys import RESERVED

FORMAT: Final = "argosy.lock/1"
INSIDE: Final = RESERVED
"""Its name in the folder of a bucket's objects; that of a dataset lies beside its folder."""


@dataclass(frozen=True, slots=True)
class Row:
    """One file that is here."""

    path: str
    size: int | None
    checksum: str | None = None
    verified_by: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    source: str = ""

    @property
    def version(self) -> tuple[object, ...]:
        """What is different if the file is."""
        return (self.size, self.checksum, self.etag)


@dataclass(frozen=True, slots=True)
class Lock:
    """What a lock file says."""

    source: str
    rows: tuple[Row, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    missing: Mapping[str, str] | None = None
    """By path: why it could not be brought."""
    gone: tuple[Row, ...] = ()

    @property
    def complete(self) -> bool:
        return not self.missing


def beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock.json")


def found(folder: Path) -> Path | None:
    """Return where the folder's lock file is."""
    return next((place for place in (folder / INSIDE, beside(folder)) if place.is_file()), None)


def read(place: Path) -> Lock:
    """Return what the file says. Raises UsageError if it is none, IntegrityError if it has been changed."""
    try:
        told = json.loads(place.read_bytes())
        rows = tuple(map(_row, told["files"]))
        lock = Lock(
            str(told["source"]), rows, tuple(told.get("include", ())), tuple(told.get("exclude", ())),
            dict(told.get("missing", {})), tuple(map(_row, told.get("gone", ()))),
        )  # fmt: skip
    except OSError as error:
        raise LocalError(f"{place} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{place} is no lock file of Argosy's", hint="fetch the dataset again", code="lock") from None
    if told.get("seal", seal(rows)) != seal(rows):
        raise IntegrityError(f"{place} has been changed or cut", hint="fetch the dataset again", code="lock")
    return lock


def _row(told: Mapping[str, Any]) -> Row:
    row = Row(**{name: told.get(name) for name in Row.__dataclass_fields__})  # type: ignore[arg-type]
    parts = row.path.split("/")
    if {"", ".", ".."} & set(parts) or not isinstance(row.size, int | None):
        raise ValueError(row.path)
    return row


def write(place: Path, lock: Lock) -> None:
    """Put the file there, durably and at once. The same files give the same bytes. Raises LocalError."""
    document = {
        "format": FORMAT, "source": lock.source, "include": lock.include, "exclude": lock.exclude, "complete": lock.complete,
        "count": len(lock.rows), "bytes": sum(row.size or 0 for row in lock.rows), "seal": seal(lock.rows),
        "files": [asdict(row) for row in lock.rows], "missing": dict(lock.missing or {}),
        "gone": [asdict(row) for row in lock.gone],
    }  # fmt: skip
    draft = place.with_name(f".{place.name}.new")
    try:
        with draft.open("w") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)
        _settle(place.parent)
    except OSError as error:
        raise LocalError(f"{place} cannot be written: {error.strerror}") from error


def _settle(folder: Path) -> None:
    """The names in the folder are durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def seal(rows: Iterable[Row]) -> str:
    lines = (f"{row.path}\0{row.size}\0{row.checksum or ''}\n" for row in rows)
    return hashlib.sha256("".join(lines).encode(errors="surrogatepass")).hexdigest()


def conclude(place: Path, spec: TaskSpec, files: Sequence[FileState], where: str) -> None:
    """Write down what has come to the folder ``where``, and what has not. Raises IntegrityError if something that came is not there."""
    folder = Path(where)
    rows = tuple(sorted((_row_of(file) for file in files if file.finished), key=lambda row: row.path))
    missing = {file.path or file.urls[0]: _why(file) for file in files if not file.finished}
    if lost := [row.path for row in rows if not is_there(folder, row)]:
        raise IntegrityError(
            f"{len(lost)} of {len(rows)} files are not there as they came, such as {lost[0]}",
            hint="something else changed the folder; fetch it again", code="incomplete_tree", retryable=True,
        )  # fmt: skip
    before = _earlier(place, spec.source)
    kept = {row.path for row in rows} | missing.keys() | {file.path for file in files}
    gone = tuple(row for row in before if row.path not in kept and (folder / row.path).is_file())
    write(place, Lock(spec.source, rows, spec.include, spec.exclude, missing, gone))


def _earlier(place: Path, source: str) -> list[Row]:
    """Return what a lock file that is there says came of the same source before."""
    try:
        lock = read(place)
    except (UsageError, LocalError, IntegrityError):
        return []
    same = untagged(lock.source) == untagged(source)
    return sorted((*lock.rows, *lock.gone), key=lambda row: row.path) if same else []


def untagged(source: str) -> str:
    """Return the source's name without the version it may name."""
    name, question, filters = source.partition("?")
    return name.partition("@")[0] + question + filters


def _row_of(file: FileState) -> Row:
    return Row(
        file.published or "", file.size, None if file.checksum is None else str(file.checksum), file.verified_by, file.etag,
        file.last_modified, unsigned(file.urls[0]),
    )  # fmt: skip


def unsigned(url: str) -> str:
    """Return the link without anybody's signature; which version it means stays."""
    parts = urlsplit(url)
    version = parse_qs(parts.query).get("versionId")
    return urlunsplit(parts._replace(query=urlencode({"versionId": version[0]}) if version else ""))


def _why(file: FileState) -> str:
    return "not brought yet" if file.error is None else f"{file.error.code}: {file.error.message}"


def is_there(folder: Path, row: Row) -> bool:
    """Tell whether a file of that name and size is there."""
    try:
        there = (folder / row.path).stat()
    except OSError:
        return False
    return row.size is None or there.st_size == row.size


def checksum_of(row: Row) -> Checksum | None:
    algorithm, _, digits = (row.checksum or "").partition(":")
    return Checksum(algorithm, digits) if digits else None


@dataclass(frozen=True, slots=True)
class Difference:
    """What an update came to, by path."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    gone: tuple[str, ...]


def difference(before: Lock, after: Lock) -> Difference:
    """Return what is different in ``after``."""
    old = {row.path: row for row in before.rows}
    changed = [row.path for row in after.rows if row.path in old and row.version != old[row.path].version]
    same = [row.path for row in after.rows if row.path in old and row.version == old[row.path].version]
    new = [row.path for row in after.rows if row.path not in old]
    return Difference(tuple(new), tuple(changed), tuple(same), tuple(row.path for row in after.gone))
