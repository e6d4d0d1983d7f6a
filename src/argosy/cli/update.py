"""``argosy update``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from argosy.cli.face import Face, current
from argosy.cli.folder import lock_of, names_folder
from argosy.cli.get import PROGRESS
from argosy.cli.loop import on_store, run
from argosy.cli.options import jobs_option, verb
from argosy.errors import UnknownTask, UsageError

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands
    from argosy.sources.lock import Lock


@verb()
@click.argument("folder", metavar="FOLDER|ID")
@click.option("--to", "source", metavar="SOURCE", help="From another version, such as openneuro:ds000001@1.1.0.")
@click.option("--delete", is_flag=True, help="Delete files that the source has no more, if they are as they came.")
@click.option("--progress", type=click.Choice(PROGRESS), default="auto", show_default=True, help="How to show it.")
@jobs_option
def update(folder: str, source: str | None, progress: str, jobs: int | None, *, delete: bool) -> int:
    """Bring what has changed of a dataset or bucket since it was fetched, and say what that is.

    The folder's lock file tells where it is from and what is here; what the source still has as it was is not fetched
    again. Files that the source has no more stay, and are named, unless --delete is given.
    """  # fmt: skip
    face = current(click.get_current_context())
    place = Path(folder if names_folder(folder) else _folder_of(folder)).resolve()
    lock, before = lock_of(place)
    code = _fetched(face, place, before, source or before.source, progress, jobs)
    if code == 0:
        _tell(face, place, before, deleted=_deleted(place, lock) if delete else ())
    return code


def _folder_of(word: str) -> str:
    async def look(runtime: Commands) -> str:
        if not runtime.here:
            raise UsageError("the folder is on another machine", hint="run 'argosy update' there", code="elsewhere")
        try:
            return (await runtime.task(await runtime.resolve(word))).spec.directory
        except UnknownTask:
            raise UnknownTask(
                f"there is no folder {word!r} here, and no task's id begins with that",
                hint="name the folder of a dataset or bucket, or its task's id: 'argosy ls --all' shows both",
            ) from None

    return on_store(look)


def _fetched(face: Face, place: Path, before: Lock, source: str, progress: str, jobs: int | None) -> int:
    from argosy.cli.foreground import Manner, fetch  # noqa: PLC0415 - help and usage errors need no runtime
    from argosy.core.types import Queue, TransferOptions  # noqa: PLC0415 - as above
    from argosy.runtime.admission import Request  # noqa: PLC0415 - as above

    request = Request(
        source, place, options=TransferOptions(if_exists="overwrite"), queue=Queue.INTERACTIVE, include=before.include,
        exclude=before.exclude, fresh=True,
    )  # fmt: skip
    return run(fetch([request], Manner(face, progress, jobs, paths=False)), busy=True)


def _tell(face: Face, place: Path, before: Lock, *, deleted: tuple[str, ...]) -> None:
    from argosy.cli.document import document  # noqa: PLC0415 - as above
    from argosy.core.names import terminal_safe  # noqa: PLC0415 - as above
    from argosy.sources.lock import difference  # noqa: PLC0415 - as above

    _, after = lock_of(place)
    what = difference(before, after)
    if face.json:
        face.say(
            document(
                "updated/1", folder=str(place), source=after.source, new=what.new, changed=what.changed,
                unchanged=len(what.unchanged), gone=what.gone, deleted=deleted,
            )
        )  # fmt: skip
        return
    for word, paths in (("new", what.new), ("changed", what.changed), ("gone", what.gone), ("deleted", deleted)):
        for path in paths:
            face.say(f"{word:<8} {terminal_safe(str(place / path))}")
    counts = f"{len(what.new):,} new, {len(what.changed):,} changed, {len(what.unchanged):,} unchanged"
    kept = f"; {len(what.gone):,} gone at the source and kept here (--delete)" if what.gone else ""
    face.note(f"{counts}{kept}")


def _deleted(place: Path, lock: Path) -> tuple[str, ...]:
    """Delete what the source has no more and is here as it came; returns what that was. The lock file forgets it."""
    from dataclasses import replace  # noqa: PLC0415 - as above

    from argosy.sources.lock import read, write  # noqa: PLC0415 - as above
    from argosy.sources.locked import is_untouched  # noqa: PLC0415 - as above

    after = read(lock)
    theirs = [row for row in after.gone if _is_within(place, row.path) and is_untouched(place, row)]
    for row in theirs:
        (place / row.path).unlink(missing_ok=True)
        _drop_empty(place, (place / row.path).parent)
    write(lock, replace(after, gone=tuple(row for row in after.gone if row not in theirs)))
    return tuple(row.path for row in theirs)


def _is_within(root: Path, path: str) -> bool:
    """Tell whether no link leads there: what is behind one is somebody's own."""
    return (root / path).resolve() == root / path


def _drop_empty(root: Path, folder: Path) -> None:
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
