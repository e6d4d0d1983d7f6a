"""The values everything else speaks of: a task, its files, what was asked for, what is known.

All are frozen: a change is a new value. Times are epoch seconds (float, UTC) given by the caller's clock,
sizes and offsets are bytes, rates are bytes per second.

Everybody imports them from here; in which module each of them stands (``status``, ``options``, ``spec``, ``task``, ``file``)
is for who reads them. May not live here: anything that decides, and any value that only one part of the program knows.
"""

from argosy.core.types.file import FileState, Kept, file_states
from argosy.core.types.options import IfExists, TransferOptions
from argosy.core.types.spec import FileSpec, TaskSpec
from argosy.core.types.status import ACTIVE, TERMINAL, WAITING, FileStatus, Queue, Status, Want
from argosy.core.types.task import Lease, Progress, Task, TaskId

__all__ = [
    "ACTIVE",
    "TERMINAL",
    "WAITING",
    "FileSpec",
    "FileState",
    "FileStatus",
    "IfExists",
    "Kept",
    "Lease",
    "Progress",
    "Queue",
    "Status",
    "Task",
    "TaskId",
    "TaskSpec",
    "TransferOptions",
    "Want",
    "file_states",
]
