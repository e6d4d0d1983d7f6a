"""SQLite's errors as ours, translated once, here."""

from __future__ import annotations

from pathlib import Path

import apsw

from argosy.errors import ArgosyError, DiskFull, StoreError


def translated(error: Exception, path: Path) -> Exception:
    """Return the error as the port names it; one that is neither SQLite's nor a value's is returned as it is."""
    match error:
        case ArgosyError():
            return error
        case apsw.BusyError() | apsw.LockedError():
            return busy(path)
        case apsw.CorruptError() | apsw.NotADBError() | apsw.FormatError():
            return corrupt(path, str(error))
        case apsw.FullError():
            return DiskFull(f"no space left for the queue database {path}", hint="free some space; nothing was lost")
        case apsw.ReadOnlyError():
            return read_only(path)
        case apsw.CantOpenError() | apsw.PermissionsError() | apsw.AuthError():
            return unreachable(path, str(error))
        case apsw.Error():
            return StoreError(f"the queue database {path} failed: {error}")
        case ValueError():  # a value that no release of ours wrote
            return corrupt(path, str(error))
        case PermissionError():
            return unreachable(path, error.strerror or str(error))
        case OSError():
            return StoreError(f"the queue database {path} cannot be used: {error.strerror or error}")
    return error


def busy(path: Path) -> StoreError:
    return StoreError(
        f"another process keeps the queue database {path} locked",
        code="store_busy",
        hint="try again in a moment; if it lasts, look for a stopped argosy or a database tool that has it open",
        retryable=True,
    )


def corrupt(path: Path, detail: str) -> StoreError:
    return StoreError(
        f"the queue database {path} is damaged: {detail}",
        code="store_corrupt",
        hint=f"it was left as it is; put a backup in its place, or move it away and save what can be saved with: "
        f"sqlite3 MOVED .recover | sqlite3 {path.name}",
    )


def foreign(path: Path) -> StoreError:
    return StoreError(
        f"{path} is a database of something else than Argosy",
        code="store_corrupt",
        hint="it was left as it is; choose another place with ARGOSY_HOME",
    )


def newer(path: Path, found: int, known: int) -> StoreError:
    return StoreError(
        f"the queue database {path} was written by a later Argosy (schema {found}, this one knows {known})",
        code="store_newer",
        hint="use that release again, or put back the backup it made beside the database",
    )


def read_only(path: Path) -> StoreError:
    return StoreError(
        f"the queue database {path} cannot be written",
        code="store_read_only",
        hint="check the permissions of the file, its folder and its file system",
    )


def unreachable(path: Path, detail: str) -> StoreError:
    return StoreError(
        f"the queue database {path} cannot be opened: {detail}",
        code="store_unreachable",
        hint="check that its folder exists and is yours",
    )


def gone(path: Path) -> StoreError:
    return StoreError(
        f"the queue database {path} was removed or replaced while it was open",
        code="store_gone",
        hint="start Argosy again; put the file back first if you moved it",
    )


def unsuited(path: Path, why: str) -> StoreError:
    return StoreError(
        f"the queue database cannot live in {path.parent}: {why}",
        code="store_unsuited",
        hint="choose a folder on a local disk with ARGOSY_HOME; downloads may still go anywhere",
    )


def closed(path: Path) -> StoreError:
    return StoreError(f"the queue database {path} is closed", code="store_closed")
