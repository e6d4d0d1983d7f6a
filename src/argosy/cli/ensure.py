"""``argosy ensure``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from argosy.cli.face import current
from argosy.cli.loop import on_store
from argosy.cli.options import verb

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands


@verb(asks=True)
@click.argument("sources", nargs=-1, required=True, metavar="NAME|SOURCE…")
@click.option("-d", "--dir", "directory", metavar="DIR", help="Have it in DIR; else where its kind belongs.")
@click.option("--include", metavar="PATTERN", multiple=True, help="Only files like this (may be repeated).")
@click.option("--exclude", metavar="PATTERN", multiple=True, help="No files like this (may be repeated).")
def ensure(sources: tuple[str, ...], directory: str | None, include: tuple[str, ...], exclude: tuple[str, ...]) -> int:
    """Print where models, datasets or files are, once they are here: at once if they are already.

    A NAME is that of a model in the catalogue; 'argosy models' lists them. Nothing is asked of any server for what is
    here. What another process brings is waited for.
    """  # fmt: skip
    from argosy.cli.document import document  # noqa: PLC0415 - help needs none
    from argosy.cli.progress.single import Single  # noqa: PLC0415 - as above

    face = current(click.get_current_context())
    names = [source.strip() for source in sources]

    async def work(commands: Commands) -> int:
        for name in names:
            told = Single(face, name)
            try:
                path = await commands.ensure(name, directory=directory, progress=told, include=include, exclude=exclude)
            finally:
                told.close()
            face.say(document("ensured/1", source=name, path=str(path)) if face.json else str(path))
        return 0

    return on_store(work, downloads=True)
