"""``argosy models [list|fetch]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from argosy import config
from argosy.cli import document, table, trouble
from argosy.cli.counterpart import asking
from argosy.cli.face import Face, current, faced
from argosy.cli.loop import on_store
from argosy.cli.text import left_of, percent_of, speed_of
from argosy.core.model import ModelStatus, Presence
from argosy.core.sizes import format_size
from argosy.core.types import Queue, Status
from argosy.errors import ArgosyError, UsageError

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands

HEAD = ("MODEL", "STATE", "DONE", "SIZE", "SPEED", "LEFT", "", "WHERE")


@click.group(invoke_without_command=True)
@asking
@faced
def models() -> None:
    """List the models of the catalogue: which are here, and what is under way. 'fetch' brings what is missing.

    The catalogue is models.toml beside the settings, or the file that the setting 'models' names.
    """
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        face = current(context)
        context.exit(on_store(lambda commands: _list(commands, face)))


async def _list(commands: Commands, face: Face) -> int:
    found = await commands.models()
    if face.json:
        face.say(document.document("models/1", models=[document.model(each) for each in found]))
    elif found:
        table.show(face, HEAD, [_row(each) for each in found], right=(2, 3, 4, 5), stretch=7)
    else:
        face.note(f"{_catalogue(commands)}; docs/sources.md says how it is written")
    return 0


def _catalogue(commands: Commands) -> str:
    """Return which catalogue it is that has no models."""
    if not commands.here:
        return "the service's catalogue of models is empty"
    from argosy.runtime.ensure import shelf_path  # noqa: PLC0415 - help needs none

    settings = config.load()
    path = shelf_path(settings["models"], settings.home)
    return f"no model is in {path}" if path.exists() else f"there is no catalogue of models: no file {path}"


def _row(status: ModelStatus) -> tuple[str, ...]:
    task, state = status.task, status.state
    words = state.value.replace("_", " ")
    if task is not None and state is not Presence.HERE and task.status is not Status.CANCELLED:
        words = task.status.value
    at_it = task if state is Presence.UNDER_WAY else None
    where = status.path or (task.error.message if task is not None and task.error is not None else "")
    return (
        status.id, words, percent_of(at_it) if at_it else "", "" if status.size is None else format_size(status.size),
        speed_of(at_it) if at_it else "", left_of(at_it) if at_it else "", "essential" if status.essential else "", where,
    )  # fmt: skip


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--essential", is_flag=True, help="Only those that the catalogue calls essential.")
@asking
@faced
def fetch(names: tuple[str, ...], *, essential: bool) -> int:
    """Bring what is missing of the catalogue, or of the models named, and print where each is: essential ones first.

    They go into the backlog: what somebody waits for goes before them.
    """
    face = current(click.get_current_context())

    async def work(commands: Commands) -> int:
        chosen = _chosen(await commands.models(), names, essential=essential)
        begun = [await commands.begin(each.id, queue=Queue.AUTOMATIC) for each in chosen]
        return trouble.exit_code([code for each in begun if (code := await _brought(commands, face, each))])

    return on_store(work, downloads=True)


def _chosen(found: Sequence[ModelStatus], names: Sequence[str], *, essential: bool) -> list[ModelStatus]:
    unknown = set(names) - {each.id for each in found}
    if unknown:
        raise UsageError(
            f"there is no model {min(unknown)!r} in the catalogue", hint="'argosy models' lists those there are",
            code="unknown_model",
        )  # fmt: skip
    return [each for each in found if (not names or each.id in names) and (each.essential or not essential)]


async def _brought(commands: Commands, face: Face, status: ModelStatus) -> int:
    """Print where it is once it is here; return the exit code of what kept it from that."""
    from argosy.cli.progress.single import Single  # noqa: PLC0415 - help needs none

    told = Single(face, status.id)
    try:
        path = status.path or str(await commands.followed(status, told))
    except ArgosyError as error:
        told.close()
        return trouble.tell(error, face)
    told.close()
    content: dict[str, Any] = {"source": status.id, "path": path}
    face.say(document.document("ensured/1", **content) if face.json else path)
    return 0
