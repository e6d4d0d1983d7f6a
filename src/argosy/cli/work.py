"""``argosy run``."""

from __future__ import annotations

import click

from argosy.cli.face import current
from argosy.cli.get import PROGRESS
from argosy.cli.kinds import DURATION
from argosy.cli.loop import run as run_loop
from argosy.cli.options import jobs_option, verb


@verb(asks=True)
@click.option("--forever", is_flag=True, help="Do not end when the queue is empty: wait for more.")
@jobs_option
@click.option(
    "--progress",
    type=click.Choice(PROGRESS),
    default="auto",
    show_default=True,
    envvar="ARGOSY_PROGRESS",
    help="How to show what happens.",
)
@click.option("--max-time", type=DURATION, metavar="TIME", help="Stop after so long (exit 124).")
def run(jobs: int | None, progress: str, max_time: float | None, *, forever: bool) -> int:
    """Work the queue here until it is empty.

    Takes what 'argosy add' put in, what a stopped 'argosy get' left waiting, and what is due for another try. Paused
    tasks stay paused. A full disk is waited for. Several may run at once: no task is fetched twice.

    Where a daemon runs, it works the queue already: it is followed until the queue is empty.
    """  # fmt: skip
    from argosy.cli.foreground import Manner, work_queue  # noqa: PLC0415 - help needs no runtime

    manner = Manner(current(click.get_current_context()), progress, jobs, max_time)
    return run_loop(work_queue(manner, forever=forever), busy=True)
