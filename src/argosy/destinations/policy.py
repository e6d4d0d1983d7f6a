"""What a file that is already there means for one that is to come (``--if-exists``)."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import replace

from argosy.core.header import parse_http_date
from argosy.core.types import FileState, FileStatus, TransferOptions
from argosy.destinations.folder import entry, local_error
from argosy.destinations.port import AlreadyThere, Facts
from argosy.errors import LocalError


def heed(state: FileState, facts: Facts, options: TransferOptions, fd: int, shown: str) -> None:
    """Raise if the file need not be fetched, or could not be published, because of what stands under its name.

    A file that has begun to come is not given up for one that appeared meanwhile: publishing decides. Raises
    AlreadyThere or LocalError.
    """
    name = os.path.basename(shown)
    there = entry(name, fd)
    if there is None or options.if_exists == "rename":
        return
    if options.if_exists == "overwrite" or state.extents:
        if options.if_exists in ("overwrite", "newer"):
            check_replaceable(there, shown)
        return
    match options.if_exists:
        case "fail":
            raise exists(shown)
        case "skip":
            raise AlreadyThere(f"{shown} exists", _skipped(state, _size(name, fd, shown)))
        case "newer":
            modified = parse_http_date(facts.last_modified or "")
            if modified is not None and modified <= there.st_mtime:
                raise AlreadyThere(f"{shown} is up to date", _skipped(state, _size(name, fd, shown)))
            check_replaceable(there, shown)


def exists(shown: str) -> LocalError:
    return LocalError(f"{shown} exists", hint="use --if-exists rename, overwrite, skip or newer", code="exists")


def check_replaceable(there: os.stat_result, shown: str) -> None:
    """Raise LocalError unless a regular file stands there: nothing else is replaced or written through."""
    if stat.S_ISLNK(there.st_mode):
        raise local_error(OSError(errno.ELOOP, ""), shown)
    if not stat.S_ISREG(there.st_mode):
        raise local_error(OSError(errno.EINVAL, ""), shown)


def _skipped(state: FileState, size: int) -> FileState:
    """Return the file as skipped. The server's validators are of its own file: they prove nothing of the one that is there."""
    return replace(
        state, status=FileStatus.SKIPPED, published=state.path, size=size, received=size, part=None,
        etag=None, last_modified=None, date_is_strong=False, part_mtime_ns=None,
    )  # fmt: skip


def _size(name: str, fd: int, shown: str) -> int:
    """Return the size of the file that is there already; a link to one will do."""
    try:
        there = os.stat(name, dir_fd=fd)
    except OSError as error:
        raise local_error(error, shown) from error
    if not stat.S_ISREG(there.st_mode):
        raise local_error(OSError(errno.EINVAL, ""), shown)
    return there.st_size
