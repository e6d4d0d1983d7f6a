"""What is said to a person about tasks while a command runs them. What a program reads is made in :mod:`argosy.cli.lines`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from argosy.cli import trouble
from argosy.cli.face import Face, speaks_unicode
from argosy.cli.progress.board import Board
from argosy.cli.progress.view import View
from argosy.cli.text import name_of, short, told_of
from argosy.core.names import terminal_safe
from argosy.core.retry import most_retries
from argosy.core.sizes import format_duration, format_rate, format_size, format_soon
from argosy.core.types import FileState, Progress, Status, Task
from argosy.errors import Failure

NOTABLE = {
    "paused",
    "cancelled",
    "stalled",
    "disk_full",
    "restarted",
    "source_changed",
    "checksum_mismatch",
    "unstable_source",
    "single_stream",
}
"""Warnings that a person wants to see without asking for more."""


class Reporter(Protocol):
    """Tells. ``period_s`` is how often :meth:`draw` is to be called; None: never."""

    @property
    def period_s(self) -> float | None: ...

    def added(self, task: Task, *, joined: bool) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def finished(self, task: Task, files: Sequence[FileState]) -> None: ...

    def failed(self, task: Task, files: Sequence[FileState]) -> None: ...

    def retrying(self, task: Task) -> None: ...

    def warned(self, code: str, message: str, name: str, task_id: str | None) -> None: ...

    def draw(self, board: Board) -> None: ...

    def close(self, board: Board) -> None: ...


def paths(task: Task, files: Sequence[FileState]) -> list[str]:
    """Return where the files of a task are that are there."""
    folder = Path(task.spec.directory)
    if files:
        return [str(folder / state.published) for state in files if state.finished and state.published]
    return [str(folder / task.name)] if task.name else []


class Words:
    """Paths on stdout, everything else on stderr."""

    def __init__(self, face: Face, view: View) -> None:
        self._face = face
        self._view = view
        self._to_terminal = sys.stdout.isatty()
        self._decorates = self._to_terminal and not face.quiet

    @property
    def period_s(self) -> float | None:
        return self._view.period_s

    def added(self, task: Task, *, joined: bool) -> None:
        if self._face.verbose:
            how = "goes on" if joined else "is"
            self._view.note(f"{name_of(task)} {how} task {short(task.id)}")

    def progress(self, progress: Progress) -> None:
        """The board knows."""

    def finished(self, task: Task, files: Sequence[FileState]) -> None:
        found = paths(task, files)
        facts = self._facts(task, files) if self._decorates else ""
        for at, path in enumerate(found):
            last = at == len(found) - 1
            self._view.result(self._printed(path) + (facts if last else ""))

    def _printed(self, path: str) -> str:
        """Return the path as it is for a pipe, and harmless for a terminal."""
        return terminal_safe(path) if self._to_terminal else path

    def _facts(self, task: Task, files: Sequence[FileState]) -> str:
        mark = " ✓ " if speaks_unicode("stdout") else " - "
        if files and all(state.status.value == "skipped" for state in files):
            words = "already there"
        else:
            words = ", ".join([format_size(task.received), *_pace(task), *_proof(files)])
        return self._face.style(f"{mark}{words}", sys.stdout, fg="green")

    def failed(self, task: Task, files: Sequence[FileState]) -> None:
        for path in paths(task, files) if len(files) > 1 else ():
            self._view.result(self._printed(path))
        self._view.note(trouble.words(why(task), self._face, name_of(task)))

    def retrying(self, task: Task) -> None:
        if self._face.quiet or task.error is None or task.error.code == "disk_full":
            return
        label = self._face.style("again:", sys.stderr, fg="yellow")
        self._view.note(f"{label} {told_of(name_of(task), task.error.message)}; {_when(task)}")

    def warned(self, code: str, message: str, name: str, task_id: str | None) -> None:
        if self._face.verbose or (code in NOTABLE and not self._face.quiet):
            label = self._face.style("note:", sys.stderr, fg="yellow")
            self._view.note(f"{label} {told_of(name, message)}")

    def draw(self, board: Board) -> None:
        self._view.draw(board)

    def close(self, board: Board) -> None:
        self._view.close()


class Pathless(Words):
    """Nothing on stdout: who asked says there what came of it."""

    def finished(self, task: Task, files: Sequence[FileState]) -> None:
        """The view has shown it."""

    def failed(self, task: Task, files: Sequence[FileState]) -> None:
        super().failed(task, ())


def _when(task: Task) -> str:
    """Return ``retry 1 of 5 in 4s``."""
    soon = format_soon(0.0 if task.due_at is None else task.due_at - time.time())
    return f"retry {task.attempt} of {most_retries(task)} {soon}"


def why(task: Task) -> Failure:
    """Return why the task has ended without being complete."""
    if task.error is not None and task.status is Status.FAILED:
        # What gave up is not tried again by itself, whatever the hint of the attempt said.
        return replace(task.error, hint="") if task.error.retryable else task.error
    hints = {
        Status.PAUSED: f"'argosy resume {short(task.id)}', or the same command again, goes on",
        Status.CANCELLED: f"'argosy retry {short(task.id)}', or the same command again, starts it again",
    }
    return Failure("interrupted", f"it was {task.status.value}", hints.get(task.status, ""), exit_code=9)


def _pace(task: Task) -> list[str]:
    if task.started_at is None or task.finished_at is None:
        return []
    seconds = task.finished_at - task.started_at
    if seconds < 1:
        return []
    return [f"{format_duration(seconds)}", format_rate(task.received / seconds)]


def _proof(files: Sequence[FileState]) -> list[str]:
    proofs = {state.verified_by for state in files}
    proof = proofs.pop() if len(proofs) == 1 else None
    if proof in (None, "length", "none"):
        return []
    algorithm = proof.removeprefix("local:")
    return [f"{algorithm} right", *(["copied from this machine"] if algorithm != proof else [])]
