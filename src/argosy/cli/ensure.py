"""``argosy ensure``."""

from __future__ import annotations

import click

from argosy.cli.face import current
from argosy.cli.kinds import url
from argosy.cli.loop import run
from argosy.cli.options import verb


@verb()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("-d", "--dir", "directory", metavar="DIR", help="Have it in DIR; else where its kind belongs.")
@click.option("--include", metavar="PATTERN", multiple=True, help="Only files like this (may be repeated).")
@click.option("--exclude", metavar="PATTERN", multiple=True, help="No files like this (may be repeated).")
def ensure(sources: tuple[str, ...], directory: str | None, include: tuple[str, ...], exclude: tuple[str, ...]) -> int:
    """Print where models, datasets or files are, once they are here: at once if they are already.

    Nothing is asked of any server for what is here. What another process brings is waited for.
    """  # fmt: skip
    from argosy.cli.document import document  # noqa: PLC0415 - help needs none

    face = current(click.get_current_context())
    wanted = [url(source) for source in sources]

    async def main() -> int:
        from argosy.runtime.manager import Runtime  # noqa: PLC0415 - as above

        async with Runtime(session=True) as runtime:
            for source in wanted:
                path = await runtime.ensure(source, directory=directory, include=include, exclude=exclude)
                face.say(document("ensured/1", source=source, path=str(path)) if face.json else str(path))
        return 0

    return run(main(), busy=True)
