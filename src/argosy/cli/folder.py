"""What a folder that came from a source of many files says of itself, by its lock file: no store and no server is asked."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from argosy.cli.face import Face
from argosy.cli.text import counted
from argosy.core.names import terminal_safe
from argosy.core.sizes import format_size
from argosy.errors import IntegrityError, UsageError
from argosy.value import dataclass

if TYPE_CHECKING:
    from argosy.sources.lock import Lock, Row

_ID = re.compile(r"[0-9a-f]+")


def names_folder(word: str) -> bool:
    """Tell whether somebody means a folder by it, and not the beginning of an id."""
    if os.sep in word:
        return not Path(word).is_file()
    return word in (".", "..") or (_ID.fullmatch(word) is None and Path(word).is_dir())


def lock_of(folder: Path) -> tuple[Path, Lock]:
    """Return the folder's lock file and what it says. Raises UsageError if there is none."""
    from argosy.sources.lock import found, read  # noqa: PLC0415 - seldom wanted

    place = found(folder)
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder}", hint="name the one that a dataset or bucket is in", code="no_lock"
        )
    if place is None:
        raise UsageError(
            f"{folder} has no lock file", hint="only datasets and buckets' folders have one", code="no_lock"
        )
    return place, read(place)


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of the files that a lock file names."""

    folder: Path
    files: int
    size: int
    by_checksum: int
    missing: tuple[str, ...]
    """Those that are not here, and those that never came."""
    wrong: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.missing and not self.wrong


def proof_of(folder: Path) -> Proof:
    """Read all of the folder's files. Raises UsageError, IntegrityError for a lock file that is none."""
    _, lock = lock_of(folder)
    verdicts = {row.path: _verdict(folder, row) for row in lock.rows}
    missing = [path for path, verdict in verdicts.items() if verdict == "missing"]
    return Proof(
        folder, len(lock.rows), sum(row.size or 0 for row in lock.rows),
        sum(row.checksum is not None for row in lock.rows), (*missing, *(lock.missing or {})),
        tuple(path for path, verdict in verdicts.items() if verdict == "wrong"), tuple(row.path for row in lock.gone),
    )  # fmt: skip


def _verdict(folder: Path, row: Row) -> str:
    from argosy.sources.lock import is_there  # noqa: PLC0415 - as above
    from argosy.sources.locked import has_checksum  # noqa: PLC0415 - as above

    if not is_there(folder, row):
        return "wrong" if (folder / row.path).is_file() else "missing"
    return "right" if row.checksum is None or has_checksum(folder / row.path, row) else "wrong"


def told(face: Face, proof: Proof) -> int:
    """Print what is wrong, and how much is right; return the exit code."""
    for word, paths in (("MISSING", proof.missing), ("WRONG", proof.wrong)):
        for path in paths:
            face.say(f"{face.style(word, sys.stdout, fg='red')}  {terminal_safe(str(proof.folder / path))}")
    if proof.ok:
        length = proof.files - proof.by_checksum
        how = "all by checksum" if not length else f"{proof.by_checksum:,} by checksum, {length:,} by length only"
        face.say(f"complete  {proof.folder}: {counted(proof.files, 'file')}, {format_size(proof.size)}; {how}")
    else:
        face.note(f"'argosy update {proof.folder}' fetches what is missing; delete first what is wrong")
    return 0 if proof.ok else IntegrityError.exit_code


def as_json(proof: Proof) -> dict[str, object]:
    return {
        "folder": str(proof.folder), "ok": proof.ok, "files": proof.files, "bytes": proof.size,
        "by_checksum": proof.by_checksum, "missing": proof.missing, "wrong": proof.wrong, "gone": proof.gone,
    }  # fmt: skip
