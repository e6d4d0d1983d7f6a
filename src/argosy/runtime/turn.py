"""Much work on a loop, in pieces that nobody notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

T = TypeVar("T")


async def in_turns(items: Sequence[T], together: int) -> AsyncIterator[Sequence[T]]:
    """Yield the items, so many at a time; others have the loop in between."""
    for start in range(0, len(items), together):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + together]
