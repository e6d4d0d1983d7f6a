"""``argosy show``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from argosy.cli import document, table
from argosy.cli.complete import complete_ids
from argosy.cli.face import Face, current
from argosy.cli.loop import on_store
from argosy.cli.options import verb
from argosy.cli.select import looked_up
from argosy.cli.text import coloured, counted, left_of, local_time, name_of, percent_of, size_of, speed_of
from argosy.core.explain import Reason
from argosy.core.names import terminal_safe
from argosy.core.redact import redacted_url
from argosy.core.sizes import format_rate, format_size
from argosy.core.types import FileState, Queue, Task
from argosy.errors import UsageError

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands

MOST_FILES = 20


@verb(asks=True)
@click.argument("ids", nargs=-1, metavar="ID…", shell_complete=complete_ids)
@click.option("--files", "all_files", is_flag=True, help=f"Every file, not just the first {MOST_FILES}.")
def show(ids: tuple[str, ...], *, all_files: bool) -> int:
    """Show all about a task, and its files."""
    face = current(click.get_current_context())
    if not ids:
        raise UsageError("no task was named", hint="give an id: 'argosy ls --all' shows them")

    async def work(runtime: Commands) -> int:
        tasks = await looked_up(runtime, ids)
        if face.json:
            shown = [await _as_json(runtime, task) for task in tasks]
            face.say(document.document("details/1", tasks=shown))
            return 0
        for at, task in enumerate(tasks):
            if at:
                face.say()
            _print(face, task, await runtime.files(task.id), await runtime.why(task.id), all_files=all_files)
        return 0

    return on_store(work)


async def _as_json(runtime: Commands, task: Task) -> dict[str, object]:
    reason = await runtime.why(task.id)
    files = [document.file(state, task.spec.directory) for state in await runtime.files(task.id)]
    why = {"code": reason.code, "text": reason.text, "until": document.time(reason.until)}
    return {**document.task(task), "why": why, "files": files}


def _print(face: Face, task: Task, files: Sequence[FileState], reason: Reason, *, all_files: bool) -> None:
    face.say(face.style(name_of(task), sys.stdout, bold=True))
    for label, value in _facts(face, task, reason):
        if value:
            face.say(f"  {label:<10}{value}")
    if len(files) == 1:
        for label, value in _about(files[0]):
            if value:
                face.say(f"  {label:<10}{value}")
        return
    shown = files if all_files else files[:MOST_FILES]
    rows = [(state.status.value, format_size(state.size) if state.size is not None else "?",
             state.published or state.path or redacted_url(state.urls[0])) for state in shown]  # fmt: skip
    width = table.columns() - 2 if sys.stdout.isatty() else None
    for line in table.lines(rows, right=(1,), stretch=2, width=width):
        face.say(f"  {line}")
    if len(files) > len(shown):
        face.say(f"  and {counted(len(files) - len(shown), 'more file')}; --files shows all")


def _facts(face: Face, task: Task, reason: Reason) -> list[tuple[str, str]]:
    progress = ", ".join(filter(None, (percent_of(task), size_of(task), speed_of(task), left_of(task))))
    files = f"{task.files_done} of {task.files_total}" if task.files_total > 1 else ""
    limit = task.spec.options.limit_bps
    hint = terminal_safe(task.error.hint) if task.error else ""
    return [
        ("id", task.id),
        ("status", coloured(face, task.status)),
        ("why", terminal_safe(reason.text)),
        ("try", hint if hint and hint not in reason.text else ""),
        ("progress", progress),
        ("files", files),
        ("from", terminal_safe(redacted_url(task.spec.source))),
        ("to", terminal_safe(task.spec.directory)),
        ("queue", f"{Queue(task.queue).name.lower()}, priority {task.priority}" if not task.terminal else ""),
        ("limit", format_rate(limit) if limit else ""),
        ("retries", f"{task.attempt} of {task.max_retries}" if task.attempt else ""),
        ("insecure", "the server's certificate is not checked" if task.spec.options.insecure else ""),
        ("added", local_time(task.created_at)),
        ("started", local_time(task.started_at)),
        ("ended", local_time(task.finished_at)),
    ]


def _about(state: FileState) -> list[tuple[str, str]]:
    resumable = {True: "yes", False: "no: the server takes no ranges", None: ""}[state.resumable]
    proof = {"length": "its length only", "none": "nothing"}.get(state.verified_by or "", state.verified_by or "")
    if proof.startswith("local:"):
        proof = f"{proof.removeprefix('local:')}; the bytes were on this machine already"
    return [
        ("mirrors", str(len(state.urls) - 1) if len(state.urls) > 1 else ""),
        ("resumable", resumable),
        ("checksum", str(state.checksum) if state.checksum else ""),
        ("proved by", proof),
    ]
