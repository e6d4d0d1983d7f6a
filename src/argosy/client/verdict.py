"""What a service says became of commands, as the runtime's own values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argosy.client import reading
from argosy.client.failure import of_problem
from argosy.runtime.message import Outcome
from argosy.runtime.repair import FileReport, VerifyReport


def outcome(document: Mapping[str, Any]) -> Outcome:
    """Return what became of one command."""
    task, error = document["task"], document["error"]
    return Outcome(
        None if task is None else reading.task(task),
        document["changed"],
        None if error is None else of_problem(document["status"], error),
    )


def added(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the document of a task that was made or joined. Raises why there is none."""
    if document["error"] is not None:
        raise of_problem(document["status"], document["error"])
    task: Mapping[str, Any] = document["task"]
    return task


def report(document: Mapping[str, Any]) -> VerifyReport:
    """Return what became of a task's files."""
    files = tuple(
        FileReport(file["path"], file["ok"], file["checked_by"], tuple((first, end) for first, end in file["damaged"]))
        for file in document["files"]
    )
    return VerifyReport(document["id"], files, repaired=document["repaired"])
