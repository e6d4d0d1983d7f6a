"""``argosy verify``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from argosy.cli import document, trouble
from argosy.cli.face import Face, current
from argosy.cli.folder import as_json, names_folder, proof_of, told
from argosy.cli.loop import on_store
from argosy.cli.options import verb
from argosy.cli.select import Selection, pages, selected, selecting, selection
from argosy.core.names import terminal_safe
from argosy.core.sizes import format_size
from argosy.core.types import Status
from argosy.errors import ArgosyError, IntegrityError, UsageError
from argosy.store.port import Query

if TYPE_CHECKING:
    from argosy.core.types import TaskId
    from argosy.runtime.commands import Commands
    from argosy.runtime.repair import FileReport, VerifyReport


@verb(asks=True)
@selecting
@click.option("--repair", is_flag=True, help="Fetch what is damaged, and nothing else.")
def verify(ids: tuple[str, ...], statuses: tuple[str, ...], *, everything: bool, repair: bool) -> int:
    """Read finished files back and say whether they are what was downloaded (exit 7 if not); --repair makes them so.

    A task of one file may be named by its path, too. Instead of an id the folder of a dataset or bucket may be named:
    all that its lock file lists must be there.
    """  # fmt: skip
    face = current(click.get_current_context())
    if folders := [word for word in ids if names_folder(word)]:
        return _verify_folders(face, folders, ids, repair=repair)
    chosen = selection(ids, statuses, everything=everything)

    async def work(runtime: Commands) -> int:
        return await _verify(face, runtime, chosen, repair=repair)

    return on_store(work, downloads=repair)


def _verify_folders(face: Face, folders: list[str], words: tuple[str, ...], *, repair: bool) -> int:
    if len(folders) < len(words) or repair:
        raise UsageError(
            "folders are verified by themselves, without ids and --repair", hint="'argosy update FOLDER' repairs"
        )
    proofs = [proof_of(Path(word).resolve()) for word in folders]
    if face.json:
        face.say(document.document("verify/1", tasks=[], folders=[as_json(proof) for proof in proofs]))
        return trouble.exit_code([IntegrityError.exit_code for proof in proofs if not proof.ok])
    return trouble.exit_code([code for proof in proofs if (code := told(face, proof))])


async def _verify(face: Face, runtime: Commands, chosen: Selection, *, repair: bool) -> int:
    codes: list[int] = []
    shown: list[dict[str, object]] = []
    chosen = replace(chosen, ids=tuple([await _task_of(runtime, word) for word in chosen.ids]))
    for task_id in await selected(runtime, chosen, sensible=frozenset({Status.COMPLETED})):
        directory = (await runtime.task(task_id)).spec.directory
        try:
            report = await runtime.verify(task_id, repair=repair)
        except ArgosyError as error:
            codes.append(error.exit_code)
            shown.append({"id": task_id, "ok": False, "error": trouble.as_json(error.failure())})
            if not face.json:
                print(trouble.words(error.failure(), face, task_id[:8]), file=sys.stderr)  # noqa: T201 - its result
            continue
        if not report.ok:
            codes.append(IntegrityError.exit_code)
        shown.append(_as_json(task_id, directory, report))
        if not face.json:
            _print(face, directory, report)
    if face.json:
        face.say(document.document("verify/1", tasks=shown))
    return trouble.exit_code(codes)


async def _task_of(runtime: Commands, word: str) -> str:
    """Return ``word``, or the newest task that brought the file if it is the path of one."""
    path = _existing(word)
    if path is None:
        return word
    async for task in pages(runtime, Query(frozenset({Status.COMPLETED}), text=path.name, newest_first=True)):
        for file in await runtime.files(task.id):
            if Path(task.spec.directory, file.published or file.path or "") == path:
                return task.id
    return word


def _existing(word: str) -> Path | None:
    path = Path(word).absolute()
    return path if path.is_file() else None


def _as_json(task_id: TaskId, directory: str, report: VerifyReport) -> dict[str, object]:
    files = [
        {"path": str(Path(directory, file.path)), "ok": file.ok, "checked_by": file.checked_by,
         "damaged": [list(extent) for extent in file.damaged]}
        for file in report.files
    ]  # fmt: skip
    return {"id": task_id, "ok": report.ok, "repaired": report.repaired, "files": files}


def _print(face: Face, directory: str, report: VerifyReport) -> None:
    for file in report.files:
        word = face.style("right", sys.stdout, fg="green") if file.ok else face.style("WRONG", sys.stdout, fg="red")
        face.say(f"{word}  {terminal_safe(str(Path(directory, file.path)))}  ({_how(file)})")
    if report.repaired:
        face.note("repaired: only what was damaged was fetched")
    elif not report.ok:
        face.note(f"'argosy verify {report.task_id[:8]} --repair' fetches what is damaged, and nothing else")


def _how(file: FileReport) -> str:
    if file.ok:
        return {"length": "by its length only", "blocks": "block by block"}.get(
            file.checked_by, f"by its {file.checked_by}"
        )
    damaged = sum(end - start for start, end in file.damaged)
    return f"{format_size(damaged)} damaged" if damaged else "not the file that was downloaded"
