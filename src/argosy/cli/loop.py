"""The only bridge between the words of a command line and asyncio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from argosy.runtime.manager import Runtime

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Return what the coroutine returns; its loop is closed afterwards."""
    import asyncio  # noqa: PLC0415 - a verb's help needs no loop

    from argosy.cli import logbook  # noqa: PLC0415 - nor a log

    logbook.open_log()
    with asyncio.Runner() as runner:
        return runner.run(main)


def on_store(work: Callable[[Runtime], Awaitable[T]], *, downloads: bool = False) -> T:
    """Return what ``work`` makes of a runtime that only reads and commands; ``downloads``: that runs what it adds."""

    async def main() -> T:
        from argosy.runtime.manager import Runtime  # noqa: PLC0415 - help and usage errors need none

        async with Runtime(work=downloads, session=downloads) as runtime:
            return await work(runtime)

    return run(main())
