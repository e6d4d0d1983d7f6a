"""The only bridge between the words of a command line and asyncio."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

    from argosy.runtime.commands import Commands

T = TypeVar("T")
GARBAGE = 50_000
"""New objects before the collector looks for cycles. A list of 100,000 URLs becomes millions of objects and no cycle."""


def run(main: Coroutine[Any, Any, T], *, busy: bool = False) -> T:
    """Return what the coroutine returns; its loop is closed afterwards. ``busy``: a faster loop is worth loading."""
    import asyncio  # noqa: PLC0415 - a verb's help needs no loop

    from argosy.cli import logbook  # noqa: PLC0415 - nor a log

    logbook.open_log()
    gc.freeze()
    gc.set_threshold(GARBAGE)
    gc.enable()
    with asyncio.Runner(loop_factory=_fastest_loop if busy else None) as runner:
        return runner.run(main)


def _fastest_loop() -> asyncio.AbstractEventLoop:
    from argosy.runtime.pool import fastest_loop  # noqa: PLC0415 - a verb's help needs no loop

    return fastest_loop()


def on_store(work: Callable[[Commands], Awaitable[T]], *, downloads: bool = False, near: bool = False) -> T:
    """Return what ``work`` makes of the tasks: through the service, if one was named or runs here, else in the store
    itself. ``downloads``: what it adds is to be run. ``near``: it needs what no service tells.
    """

    async def main() -> T:
        from argosy.cli.counterpart import opened  # noqa: PLC0415 - help and usage errors need none

        async with opened(downloads=downloads, near=near) as commands:
            return await work(commands)

    return run(main())
