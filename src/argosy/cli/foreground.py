"""Commands that download themselves: open a runtime, follow it, and stop well, whatever the reason to stop."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from argosy.cli import counterpart, trouble
from argosy.cli.face import Face
from argosy.cli.follow import Follower
from argosy.cli.progress.view import Silent, View
from argosy.cli.race import first_of
from argosy.cli.report import Pathless, Reporter, Words
from argosy.cli.select import pages
from argosy.cli.signals import Stopping, listening
from argosy.cli.text import counted
from argosy.core.sizes import format_size
from argosy.core.types import ACTIVE, Status, Task
from argosy.errors import DiskFull, UsageError
from argosy.runtime.admission import Request
from argosy.runtime.manager import Runtime
from argosy.store.port import Query
from argosy.value import dataclass

if TYPE_CHECKING:
    from argosy.client.address import Address
    from argosy.client.client import Client
    from argosy.runtime.commands import Events

PROGRESS = ("auto", "bar", "plain", "json", "none")
BY_ITSELF, BY_SIGNAL, BY_TIME, BY_DISK = range(4)
"""Why following ended."""
LETTING_GO_S = 10.0
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Manner:
    """How a command behaves while it downloads. ``jobs`` None: as many at once as the limits say. ``pours``: the one file
    goes to standard output.
    """

    face: Face
    progress: str = "auto"
    jobs: int | None = None
    most_s: float | None = None
    pours: bool = False
    paths: bool = True
    """Whether what has come is printed on stdout, file by file."""


def reporter(manner: Manner) -> Reporter:
    """Return who tells how it goes."""
    json = manner.face.json or manner.progress == "json"
    if manner.pours and json:
        raise UsageError("standard output is for the file with -o -", hint="leave --json out")
    if manner.pours:
        from argosy.cli.outlet import Unnamed  # noqa: PLC0415 - few pour

        return Unnamed(manner.face, _view(manner))
    if not manner.paths:
        return Pathless(manner.face, _view(manner))
    if json:
        from argosy.cli.lines import Lines  # noqa: PLC0415 - programs ask for them

        return Lines()
    return Words(manner.face, _view(manner))


def _view(manner: Manner) -> View:
    wanted = manner.progress
    if wanted == "none" or (manner.face.quiet and wanted == "auto"):
        return Silent()
    if wanted == "auto":
        from argosy.cli.terminal import draws_bars  # noqa: PLC0415 - the lean way is the one above

        wanted = "bar" if draws_bars() else "plain"
    if wanted == "bar":
        from argosy.cli.progress.bars import Bars  # noqa: PLC0415 - rich is for terminals only

        return Bars(manner.face)
    from argosy.cli.progress.plain import Plain  # noqa: PLC0415 - as above

    return Plain()


# -- get -----------------------------------------------------------------------------------------------


async def fetch(requests: Sequence[Request], manner: Manner) -> int:
    """Return the exit code once every request has come to rest, or somebody or something said stop."""
    teller = reporter(manner)
    with listening() as stopping:
        async with Runtime(session=True, max_running=manner.jobs) as runtime, runtime.subscribe() as events:
            follower = Follower(runtime, teller)
            handles = await runtime.add_many(requests)
            for handle in handles:
                follower.add(handle.seen, joined=handle.joined)
            ended = await first_of(
                follower.until_rest(events), stopping.asked.wait(), _after(manner.most_s), follower.full.wait()
            )
            if ended == BY_DISK:
                teller.close(follower.board)
                return trouble.tell(_no_space(follower), manner.face)
            if ended != BY_ITSELF:
                await _put_down(runtime, follower, events, stopping)
            teller.close(follower.board)
            if manner.pours and ended == BY_ITSELF and trouble.exit_code(follower.exit_codes) == 0:
                from argosy.cli.outlet import pour  # noqa: PLC0415 - as above

                await pour(runtime, handles[0])
        return _fetched(manner.face, follower, stopping, ended)


async def _after(seconds: float | None) -> None:
    """Return after so long; None: never."""
    await (asyncio.Event().wait() if seconds is None else asyncio.sleep(seconds))


async def _put_down(runtime: Runtime, follower: Follower, events: Events, stopping: Stopping) -> None:
    """Pause what is not done, unless the system wants this process gone: then it stays in the queue."""
    if stopping.exit_code == trouble.EXIT_TERMINATED:
        return
    follower.stopping = True
    await runtime.pause(follower.unfinished)
    await first_of(follower.until_rest(events), within_s=LETTING_GO_S)


def _fetched(face: Face, follower: Follower, stopping: Stopping, ended: int | None) -> int:
    """Return the exit code, and say how to go on if there is anything to go on with."""
    if ended == BY_ITSELF:
        return trouble.exit_code(follower.exit_codes)
    board = follower.board.summary()
    kept = f"{board.done} of {board.tasks} done" if board.tasks > 1 else f"{format_size(board.received)} kept"
    kept += f", {board.failed} failed" if board.failed else ""
    why = "the time is over" if ended == BY_TIME else "stopped"
    how = face.style("the same command again goes on from there", sys.stderr, bold=True)
    face.note(f"{why}: {kept}; {how}")
    return trouble.EXIT_TIME_IS_OVER if ended == BY_TIME else stopping.exit_code


def _no_space(follower: Follower) -> DiskFull:
    assert follower.disk_full is not None
    task, message = follower.disk_full
    missing = _missing_space(task)
    return DiskFull(
        f"the disk of {task.spec.directory} is full: {missing}" if missing else message,
        hint="make room, then type the same command again: it goes on where this stopped",
    )


def _missing_space(task: Task) -> str | None:
    """Return how much is missing, in words; None if nobody knows, or the space is there and a quota is what ended."""
    if task.total is None:
        return None
    needed = max(0, task.total - task.received)
    disk = os.statvfs(task.spec.directory)
    free = disk.f_bavail * disk.f_frsize
    return f"{format_size(needed)} more needed, {format_size(free)} free" if free < needed else None


# -- run -----------------------------------------------------------------------------------------------


async def work_queue(manner: Manner, *, forever: bool) -> int:
    """Return the exit code once the queue is empty (``forever``: never by itself)."""
    if (where := counterpart.address()) is not None:
        return await follow_queue(manner, where, forever=forever)
    teller = reporter(manner)
    with listening() as stopping:
        async with Runtime(max_running=manner.jobs) as runtime, runtime.subscribe() as events:
            follower = Follower(runtime, teller, adopts=runtime.live_progress)
            empty = _after(None) if forever else _all_told(runtime, follower, events)
            ended = await _until(manner, empty, follower, events, stopping)
            teller.close(follower.board)
            paused = (await runtime.counts()).get(Status.PAUSED, 0)
        return _worked(manner.face, follower, stopping, ended, paused, "'argosy run' goes on from there")


async def follow_queue(manner: Manner, where: Address, *, forever: bool) -> int:
    """Do the same while a service does the work: nothing is fetched by this process."""
    from argosy.client.client import Client  # noqa: PLC0415 - only where a service runs

    if manner.jobs is not None:
        raise UsageError(
            "the daemon works the queue, and -j is for a process of its own",
            hint=f"'argosy limits -j {manner.jobs}' is for the daemon; --local works the queue here as well",
        )
    manner.face.note(f"{'the daemon' if where.here else where.url} works the queue already: following it")
    teller = reporter(manner)
    with listening() as stopping:
        async with Client(where) as client, client.subscribe() as events:
            follower = Follower(client, teller, adopts=lambda _: True)
            for task in [task async for task in pages(client, Query(statuses=ACTIVE))]:
                follower.add(task)
            empty = _after(None) if forever else _all_told(client, follower, events)
            ended = await _until(manner, empty, follower, events, stopping)
            teller.close(follower.board)
            paused = (await client.counts()).get(Status.PAUSED, 0)
        return _worked(
            manner.face, follower, stopping, ended, paused, "the daemon goes on; 'argosy pause --all' stops it"
        )


async def _until(
    manner: Manner, empty: Coroutine[Any, Any, None], follower: Follower, events: Events, stopping: Stopping
) -> int | None:
    """Return why following ended."""
    following = asyncio.create_task(follower.forever(events))
    try:
        return await first_of(empty, stopping.asked.wait(), _after(manner.most_s), _as_coroutine(following))
    finally:
        following.cancel()
        await asyncio.wait([following])


async def _as_coroutine(task: asyncio.Task[None]) -> None:
    await asyncio.shield(task)


async def _all_told(worker: Runtime | Client, follower: Follower, events: Events) -> None:
    """Return once nothing is left to do and everything that ended has been reported: it is told a little later than done."""
    while True:
        await worker.idle()
        newest = await worker.latest()
        while (events.cursor or 0) < newest or follower.busy:  # noqa: ASYNC110 - what is heard sets no flag
            await asyncio.sleep(LOOK_S)
        if not follower.unfinished:
            return
        await asyncio.sleep(LOOK_S)


def _worked(face: Face, follower: Follower, stopping: Stopping, ended: int | None, paused: int, how: str) -> int:
    if ended == BY_ITSELF:
        if paused:
            face.note(f"{counted(paused, 'task')} paused: 'argosy resume --all' lets them go on")
        elif not follower.board.summary().tasks:
            face.note("the queue is empty")
        return trouble.exit_code(follower.exit_codes)
    face.note(f"stopped; {how}")
    return trouble.EXIT_TIME_IS_OVER if ended == BY_TIME else stopping.exit_code
