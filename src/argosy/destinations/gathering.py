"""A tree that appears as a whole: its files gather in a hidden folder beside the place, which gets its name at the end.

Only where there is no folder of that name yet; into one that is there, files come one by one, each replaced at once.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from argosy.core.types import FileState
from argosy.destinations.folder import local_error, settle
from argosy.errors import LocalError


def gathering_place(directory: str, task_id: str) -> str:
    """Return where the task's files gather."""
    above, name = os.path.split(directory)
    return os.path.join(above, f".{name[:60]}.{task_id[:12]}.tree")


def chosen(directory: str, task_id: str) -> str:
    """Return where the files come to now: the hidden folder if they gather there or nothing has the name yet."""
    place = gathering_place(directory, task_id)
    return place if is_gathering(place) or not os.path.lexists(directory) else directory


def is_gathering(place: str) -> bool:
    """Tell whether it is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(place).st_mode)
    except OSError:
        return False


def unaccounted(place: str, states: Sequence[FileState]) -> list[FileState]:
    """Return those that are finished and are not there: their gathering was dismantled."""
    return [state for state in states if state.finished and not _is_there(place, state)]


def _is_there(place: str, state: FileState) -> bool:
    try:
        there = Path(place, state.published or "").lstat()
    except OSError:
        return False
    return stat.S_ISREG(there.st_mode) and there.st_size == state.size


def appear(place: str, directory: str) -> None:
    """Give the folder its name, durably. Raises LocalError if something else has that name by now."""
    try:
        os.rename(place, directory)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise LocalError(
                f"{directory} exists by now, and the finished tree waits beside it",
                hint="move it away, then retry the task: nothing is fetched again", code="exists",
            ) from error  # fmt: skip
        raise local_error(error, directory) from error
    above = os.open(os.path.dirname(directory), os.O_RDONLY | os.O_DIRECTORY)
    try:
        settle(above)
    finally:
        os.close(above)


def dismantle(directory: str, task_id: str) -> None:
    """Remove what has gathered, if anything has: nobody will go on with it."""
    place = gathering_place(directory, task_id)
    if is_gathering(place):
        shutil.rmtree(place, ignore_errors=True)
