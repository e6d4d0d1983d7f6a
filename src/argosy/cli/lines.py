"""What is said to a program about tasks while a command runs them: NDJSON."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from argosy.cli import document, trouble
from argosy.cli.progress.board import Board
from argosy.cli.progress.view import Silent
from argosy.cli.report import paths, why
from argosy.core.types import FileState, Progress, Task

SCHEMA = "get/1"
JSON_PERIOD_S = 1.0
"""A program hears of each task's progress so often."""


class Lines:
    """One JSON object a line on stdout."""

    period_s: float | None = None

    def __init__(self, schema: str = SCHEMA) -> None:
        self._schema = schema
        self._told_s: dict[str, float] = {}

    def _print(self, event: str, **content: Any) -> None:
        Silent().result(document.document(self._schema, event=event, at=document.time(time.time()), **content))

    def added(self, task: Task, *, joined: bool) -> None:
        self._print("added", task_id=task.id, joined=joined, task=document.task(task))

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._told_s.get(progress.task_id, 0.0) < JSON_PERIOD_S:
            return
        self._told_s[progress.task_id] = now
        self._print(
            "progress", task_id=progress.task_id, received=progress.received, total=progress.total,
            speed_bps=round(progress.smoothed_bps), eta_s=None if progress.eta_s is None else round(progress.eta_s, 1),
            connections=progress.connections, files_done=progress.files_done, files_total=progress.files_total,
        )  # fmt: skip

    def finished(self, task: Task, files: Sequence[FileState]) -> None:
        self._end(task, "finished", files)

    def failed(self, task: Task, files: Sequence[FileState]) -> None:
        self._end(task, "failed", files, error=trouble.as_json(why(task)))

    def _end(self, task: Task, event: str, files: Sequence[FileState], **content: Any) -> None:
        self._told_s.pop(task.id, None)
        shown = [document.file(state, task.spec.directory) for state in files]
        self._print(event, task_id=task.id, paths=paths(task, files), task=document.task(task), files=shown, **content)

    def retrying(self, task: Task) -> None:
        error = None if task.error is None else trouble.as_json(task.error)
        self._print("retrying", task_id=task.id, attempt=task.attempt, max_retries=task.max_retries,
                    due_at=document.time(task.due_at), error=error)  # fmt: skip

    def warned(self, code: str, message: str, name: str, task_id: str | None) -> None:
        self._print("warning", task_id=task_id, code=code, message=message)

    def draw(self, board: Board) -> None:
        """Progress has been told already."""

    def close(self, board: Board) -> None:
        all_of = board.summary()
        open_tasks = all_of.tasks - all_of.done - all_of.failed
        self._print("summary", tasks=all_of.tasks, finished=all_of.done, failed=all_of.failed, unfinished=open_tasks,
                    received=all_of.received)  # fmt: skip
