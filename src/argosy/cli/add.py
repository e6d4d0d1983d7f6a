"""``argosy add``."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from argosy.cli.counterpart import address
from argosy.cli.face import Face, current
from argosy.cli.kinds import Kind, duration
from argosy.cli.loop import on_store
from argosy.cli.options import transfer, verb
from argosy.errors import UsageError

if TYPE_CHECKING:
    from argosy.core.types import Task
    from argosy.runtime.commands import Commands

QUEUES = ("interactive", "automatic")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


def moment(text: str) -> float:
    """Return the epoch second that ``22:00`` (next time it is), ``+2h``, or ``2026-12-01 08:00`` stand for."""
    now = datetime.now().astimezone()
    if text.startswith("+"):
        return time.time() + duration(text[1:])
    try:
        if match := _CLOCK.fullmatch(text):
            then = now.replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
            return (then if then > now else then + timedelta(days=1)).timestamp()
        return datetime.fromisoformat(text).astimezone(None).timestamp()
    except ValueError:
        raise UsageError(f"not a moment: {text!r}", hint="write 22:00, +2h, or 2026-12-01T08:00") from None


MOMENT = Kind("time", moment)


@verb(configured=True, asks=True)
@click.argument("urls", nargs=-1, metavar="[URL]…")
@transfer
@click.option("-p", "--priority", type=int, default=0, show_default=True, help="Within its queue, higher goes first.")
@click.option(
    "--queue",
    "queue_name",
    type=click.Choice(QUEUES),
    default="automatic",
    show_default=True,
    help="Interactive goes before automatic.",
)
@click.option("--paused", is_flag=True, help="Do not start it until 'argosy resume'.")
@click.option("--start-at", type=MOMENT, metavar="WHEN", help="Not before 22:00, +2h, or 2026-12-01T08:00.")
def add(
    urls: tuple[str, ...], priority: int, queue_name: str, start_at: float | None, *, paused: bool, **given: Any
) -> int:
    """Put URLs in the queue and print their ids.

    Nothing is fetched here: a daemon does that, or 'argosy run', now or later. What is in the queue already is not added
    twice; its id is printed again.
    """  # fmt: skip
    from argosy.cli.requests import asked  # noqa: PLC0415 - help needs no runtime
    from argosy.core.types import Queue  # noqa: PLC0415 - as above

    face = current(click.get_current_context())
    extra = {"priority": priority, "paused": paused, "start_at": start_at}
    where = address()
    elsewhere = where is not None and not where.here
    requests = asked(urls, given, face.note, queue=Queue[queue_name.upper()], elsewhere=elsewhere, **extra)

    async def work(runtime: Commands) -> int:
        handles = await runtime.add_many(requests)
        if face.json:
            _print_json(face, [(handle.seen, handle.joined) for handle in handles])
            return 0
        for handle in handles:
            face.say(handle.id)
        joined = sum(handle.joined for handle in handles)
        if joined:
            face.note(
                f"{joined} of {len(handles)} were in the queue already"
                if len(handles) > 1
                else "it was in the queue already"
            )
        if not runtime.works:
            face.note("'argosy run' works the queue")
        return 0

    return on_store(work)


def _print_json(face: Face, tasks: list[tuple[Task, bool]]) -> None:
    from argosy.cli import document  # noqa: PLC0415 - for JSON only

    face.say(document.document("added/1", tasks=[{**document.task(task), "joined": joined} for task, joined in tasks]))
