"""Work that ends as soon as it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from argosy.engines.port import CancelToken

T = TypeVar("T")


async def unless_stopped(
    token: CancelToken, work: Coroutine[Any, Any, T], *, first: Callable[[], Awaitable[None]] | None = None
) -> T:
    """Return what ``work`` returns. Raises Cancelled, with ``work`` ended, as soon as the token is set; ``first`` is awaited
    before that, to record what has come.
    """
    working = asyncio.ensure_future(work)
    release = token.subscribe(lambda: _cancel(working))
    try:
        return await working
    except asyncio.CancelledError:
        me = asyncio.current_task()
        if me is None or not me.cancelling():  # else it is the caller itself that is ended
            if first is not None:
                await first()
            token.check()
        raise
    finally:
        release()


def _cancel(working: asyncio.Future[T]) -> None:
    working.cancel()
