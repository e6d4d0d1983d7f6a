"""``argosy probe``."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

import click

from argosy.cli.face import Face, current
from argosy.cli.kinds import HEADER
from argosy.cli.loop import on_store
from argosy.cli.options import verb
from argosy.core.names import terminal_safe
from argosy.core.sizes import format_size

if TYPE_CHECKING:
    from argosy.core.document import ProbeDocument
    from argosy.runtime.commands import Commands
    from argosy.runtime.manager import Runtime


@verb()
@click.argument("url")
@click.option("-d", "--dir", "directory", metavar="DIR", default=".", show_default=True, help="Where it would go.")
@click.option("-o", "--output", metavar="NAME", help="What it would be called.")
@click.option("-H", "--header", "headers", type=HEADER, multiple=True, help="Send this header (may be repeated).")
@click.option("-u", "--user", metavar="NAME:PASSWORD", help="Log in.")
@click.option("-k", "--insecure", is_flag=True, help="Do not check the server's certificate.")
def probe(url: str, directory: str, output: str | None, headers: tuple[tuple[str, str], ...], user: str | None, *, insecure: bool) -> int:  # fmt: skip
    """Say what a download would be, without making one: name, size, whether it can be resumed, and what is in its way.

    The server is asked for one byte; a link that is good for one use only is used up by that.
    """
    from argosy import config  # noqa: PLC0415 - help needs no settings
    from argosy.cli.requests import typed  # noqa: PLC0415 - likewise
    from argosy.core.document import of_probe  # noqa: PLC0415 - likewise
    from argosy.runtime.admission import Request  # noqa: PLC0415 - likewise

    face = current(click.get_current_context())
    options = replace(config.load().options(), headers=headers, user=user, insecure=insecure)
    request = Request(typed(url, face.note), directory, output, options=options)

    async def work(runtime: Commands) -> int:
        _show(face, of_probe(await cast("Runtime", runtime).probe(request)))
        return 0

    return on_store(work, downloads=True, near=True)


def _show(face: Face, found: ProbeDocument) -> None:
    if face.json:
        from argosy.cli import document  # noqa: PLC0415 - for JSON only

        face.say(document.document("probe/1", probe=asdict(found)))
        return
    rows: list[tuple[str, Any]] = [
        ("name", found.name),
        ("size", None if found.size is None else f"{format_size(found.size)} ({found.size:,} bytes)"),
        ("files", found.files if found.files != 1 else None),
        ("type", found.content_type),
        ("resumable", {True: "yes", False: "no", None: None}[found.resumable]),
        ("changed", found.last_modified),
        ("checksum", found.checksum),
        ("from", found.url or found.source),
        ("by", found.engine),
        ("to", found.directory),
        ("room", {True: "enough", False: "not enough", None: None}[found.fits]),
        ("in the way", found.occupied),
        ("task", found.task_id),
    ]
    for label, value in rows:
        if value is not None:
            face.say(f"{label:<12}{terminal_safe(str(value))}")
