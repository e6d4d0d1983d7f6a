"""Where what a task has brought is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from argosy.core.types import FileState, Task
from argosy.errors import UsageError
from argosy.runtime.ports import Sources


def place_of(sources: Sources, task: Task, files: Sequence[FileState]) -> Path:
    """Return what a program would open: the file, or the folder of many."""
    published = [file.published for file in files if file.published is not None]
    if not published:
        raise UsageError("the task has brought no file", code="nothing")
    return Path(sources.place(task.spec, published))
