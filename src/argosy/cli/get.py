"""``argosy get``."""

from __future__ import annotations

from typing import Any

import click

from argosy.cli.face import current
from argosy.cli.kinds import DURATION
from argosy.cli.loop import run
from argosy.cli.options import jobs_option, transfer, verb

STDOUT = "-"
PROGRESS = ("auto", "bar", "plain", "json", "none")


@verb(configured=True)
@click.argument("urls", nargs=-1, metavar="[URL]…")
@transfer
@jobs_option
@click.option(
    "--progress",
    type=click.Choice(PROGRESS),
    default="auto",
    show_default=True,
    envvar="ARGOSY_PROGRESS",
    help="How to show what happens: bars on a terminal, else a line each 10 s.",
)
@click.option("--max-time", type=DURATION, metavar="TIME", help="Stop after so long (exit 124), such as 90s or 2h.")
def get(urls: tuple[str, ...], jobs: int | None, progress: str, max_time: float | None, **given: Any) -> int:
    """Fetch URLs now and print where each file is.

    The path of each file is printed on stdout once it is complete, checked and durable. The same command again goes on
    where it stopped, whatever stopped it. Ctrl-C stops and keeps what there is; a second one does not wait.
    """  # fmt: skip
    from argosy.cli.foreground import Manner, fetch  # noqa: PLC0415 - help and usage errors need no runtime
    from argosy.cli.requests import asked  # noqa: PLC0415 - as above
    from argosy.core.types import Queue  # noqa: PLC0415 - as above

    face = current(click.get_current_context())
    if pours := given["output"] == STDOUT:
        from argosy.cli.outlet import aside  # noqa: PLC0415 - as above

        aside(urls, given)
    requests = asked(urls, given, face.note, queue=Queue.INTERACTIVE)
    return run(fetch(requests, Manner(face, progress, jobs, max_time, pours=pours)), busy=True)
