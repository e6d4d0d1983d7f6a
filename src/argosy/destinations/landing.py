"""Giving a verified part its name: nothing is ever replaced unless that was asked for, and what was cut can be told."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Final

from argosy.core.types import FileState
from argosy.destinations.blocks import trusted
from argosy.destinations.folder import entry, open_regular

_RENAME_NOREPLACE: Final = 1
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})
_NO_SUCH_RENAME: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})


def land(part: str, name: str, fd: int) -> bool:
    """Give the part its final name unless somebody has it; then False. Raises OSError.

    By a hard link; where the file system has none, by a rename that never replaces; where it cannot do that either,
    by a rename over a reservation.
    """
    try:
        os.link(part, name, src_dir_fd=fd, dst_dir_fd=fd, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _rename(part, name, fd)
    os.unlink(part, dir_fd=fd)
    return True


def landed(state: FileState, part: str | None, name: str, fd: int) -> bool:
    """Tell whether a landing that may have been cut got as far as the name, and tidy up after it. Raises OSError.

    Somebody else's file under the name is never taken for ours: it must be the part itself, or hold every byte.
    """
    source, target = entry(part, fd) if part is not None else None, entry(name, fd)
    if target is None:
        return False
    if part is None or source is None:
        return _holds(name, fd, state)
    if os.path.samestat(source, target):
        os.unlink(part, dir_fd=fd)
        return True
    if target.st_size == len(os.fsencode(part)) and _content(name, fd, target.st_size) == os.fsencode(part):
        os.unlink(name, dir_fd=fd)
    return False


def _rename(part: str, name: str, fd: int) -> bool:
    rename = _renameat2()
    if rename is not None:
        code = rename(os.fsencode(part), os.fsencode(name), fd)
        if code == 0:
            return True
        if code == errno.EEXIST:
            return False
        if code not in _NO_SUCH_RENAME:
            raise OSError(code, os.strerror(code))
    return _rename_over_reservation(part, name, fd)


@cache
def _renameat2() -> Callable[[bytes, bytes, int], int] | None:
    """Return what renames within a folder unless the name is taken, and returns the number of the error; None where
    the C library cannot.
    """
    import ctypes  # noqa: PLC0415 - for file systems without links only

    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)

    def rename(part: bytes, name: bytes, fd: int) -> int:
        return 0 if function(fd, part, fd, name, _RENAME_NOREPLACE) == 0 else ctypes.get_errno()

    return rename


def _rename_over_reservation(part: str, name: str, fd: int) -> bool:
    """The reservation holds the part's name, by which :func:`landed` knows it from somebody else's file.

    A crash before that is written leaves an empty file, which nobody can claim; the download gets another name.
    """
    try:
        reservation = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=fd)
    except FileExistsError:
        return False
    try:
        try:
            os.write(reservation, os.fsencode(part))
        finally:
            os.close(reservation)
        os.replace(part, name, src_dir_fd=fd, dst_dir_fd=fd)
    except OSError:
        with suppress(OSError):
            os.unlink(name, dir_fd=fd)
        raise
    return True


def _content(name: str, fd: int, size: int) -> bytes | None:
    try:
        target = open_regular(name, fd, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.pread(target, size, 0)
    finally:
        os.close(target)


def _holds(name: str, fd: int, state: FileState) -> bool:
    """Tell whether the file under ``name`` has exactly the bytes that the state's hashes promise."""
    if state.size is None:
        return False
    try:
        target = open_regular(name, fd, os.O_RDONLY)
    except OSError:
        return False
    try:
        whole = ((0, state.size),) if state.size else ()
        same_size = os.fstat(target).st_size == state.size
        return same_size and trusted(target, whole, state.block_size or 1, state.block_hashes) == whole
    finally:
        os.close(target)
