"""Walking below a destination without ever leaving it: every step by directory handle, no link is followed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from argosy.core.names import terminal_safe
from argosy.errors import DiskFull, LocalError, UnsafePath

_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def local_error(error: OSError, path: str) -> LocalError:
    """Return the error that a failed call on ``path`` means to a person."""
    shown = terminal_safe(path)
    match error.errno:
        case errno.EDQUOT:
            return DiskFull(
                f"the quota for {shown} is used up", hint="free some space; the download goes on where it stopped"
            )
        case errno.ENOSPC:
            return DiskFull(f"no space left for {shown}", hint="free some space; the download goes on where it stopped")
        case errno.EACCES | errno.EPERM:
            return LocalError(f"not allowed to write {shown}", hint="choose another folder with -d", code="permission")
        case errno.EROFS:
            return LocalError(f"{shown} is on a read-only file system", hint="choose another folder", code="read_only")
        case errno.EFBIG:
            return LocalError(
                f"{shown} grows beyond what the file system or a limit allows",
                hint="choose a folder on another file system; 'ulimit -f' shows the limit", code="file_too_large",
            )  # fmt: skip
        case errno.ENAMETOOLONG:
            return LocalError(
                f"the path of {shown} is too long", hint="choose a shorter folder or name", code="name_too_long"
            )
        case errno.ENOTDIR:
            return LocalError(
                f"a part of {shown} is not a folder", hint="choose another folder with -d", code="not_a_folder"
            )
        case errno.ELOOP:
            return UnsafeLink(f"{shown} is a symbolic link", hint="remove it, or choose another name")
        case errno.EIO:
            return LocalError(f"the disk failed while writing {shown}", hint="check the disk", code="disk_error")
        case errno.ENOENT:
            return LocalError(f"{shown} is gone", hint="somebody removed it, or its disk is not mounted", code="gone")
        case errno.EISDIR | errno.EINVAL | errno.ENXIO:
            return LocalError(
                f"{shown} is not a regular file", hint="remove it, or choose another name", code="not_a_file"
            )
    return LocalError(f"{shown}: {error.strerror or error}")


class UnsafeLink(LocalError):
    """A link stands where Argosy would write."""

    code = "symlink"


def split(path: str) -> tuple[tuple[str, ...], str]:
    """Return the folders and the name of a path below a destination. Raises UnsafePath."""
    if "/" not in path and path not in ("", ".", "..") and "\0" not in path:
        return (), path
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise UnsafePath(f"unsafe path: {terminal_safe(path)}", hint="use a plain name below the folder")
    return tuple(parts[:-1]), parts[-1]


@contextmanager
def walked(root: str, folders: tuple[str, ...], *, create: bool) -> Iterator[int]:
    """Give a handle on the folder below ``root``; ``root`` itself is the user's and may be reached by links."""
    try:
        if create:
            _make_root(root)
        fd = os.open(root, _DIRECTORY)
    except OSError as error:
        raise local_error(error, root) from error
    try:
        for index, name in enumerate(folders):
            try:
                inner = _enter(fd, name, create=create)
            except OSError as error:
                raise local_error(error, "/".join((root, *folders[: index + 1]))) from error
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


def _make_root(root: str) -> None:
    """Make the folder and those above it, each durably: whoever publishes below makes only the rest so."""
    if os.path.isdir(root):
        return
    above = os.path.dirname(os.path.abspath(root))
    _make_root(above)
    with suppress(FileExistsError):
        os.mkdir(root)
    fd = os.open(above, _DIRECTORY)
    try:
        settle(fd)
    finally:
        os.close(fd)


def _enter(fd: int, name: str, *, create: bool) -> int:
    if create:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=fd)
    try:
        return os.open(name, _DIRECTORY | _NO_LINK, dir_fd=fd)
    except NotADirectoryError as error:
        there = entry(name, fd)
        if there is not None and stat.S_ISLNK(there.st_mode):  # Linux says "not a directory" of a link to one
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
        raise


def settle(fd: int) -> None:
    """What has been named, renamed and removed in the folder is durable. Raises OSError."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # some file systems cannot, and need not
            raise


flush: Final = getattr(os, "fdatasync", os.fsync)
"""Makes what was written to a file durable. Raises OSError."""


def open_regular(name: str, dir_fd: int, flags: int, mode: int = 0o666) -> int:
    """Open a regular file by handle. Raises OSError; ELOOP for a link, EINVAL for a device, pipe or folder."""
    fd = os.open(name, flags | _NO_LINK | getattr(os, "O_CLOEXEC", 0) | os.O_NONBLOCK, mode, dir_fd=dir_fd)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file")
    return fd


def entry(name: str, dir_fd: int) -> os.stat_result | None:
    """Return what stands under the name itself (a link is not followed), None if nothing does."""
    try:
        return os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
