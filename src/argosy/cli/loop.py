"""The only bridge between the words of a command line and asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from argosy.cli import logbook

if TYPE_CHECKING:
    from argosy.runtime.manager import Runtime

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Return what the coroutine returns; its loop is closed afterwards."""
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


async def first_of(*waits: Coroutine[Any, Any, object], within_s: float | None = None) -> int | None:
    """Return the index of the wait that ended first, None if the time was over before; the others are cancelled.

    What one of them raises is raised here.
    """
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        return next((at for at, task in enumerate(tasks) if task in done), None)
    finally:
        await _cancel(tasks)


async def _cancel(tasks: Iterable[asyncio.Future[object]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
