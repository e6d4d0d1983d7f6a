"""The only bridge between the words of a command line and asyncio."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

    from argosy.runtime.manager import Runtime

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


def on_store(work: Callable[[Runtime], Awaitable[T]], *, downloads: bool = False) -> T:
    """Return what ``work`` makes of a runtime that only reads and commands; ``downloads``: that runs what it adds."""

    async def main() -> T:
        from argosy.runtime.manager import Runtime  # noqa: PLC0415 - help and usage errors need none

        async with Runtime(work=downloads, session=downloads) as runtime:
            return await work(runtime)

    return run(main())
