"""Waiting for whatever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


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
