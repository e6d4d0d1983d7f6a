"""Waiting in tests: for a condition, never for a time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

LOOK_S = 0.01


async def until(condition: Callable[[], Awaitable[object] | object], seconds: float = 10.0) -> None:
    """Return once ``condition`` (which may be a coroutine function) holds; AssertionError if it does not in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        met = condition()
        if inspect.isawaitable(met):
            met = await met
        if met:
            return
        assert loop.time() < deadline, "it did not come to that in time"
        await asyncio.sleep(LOOK_S)
