"""Group flush: everything that waits for durability shares the trips to the disk."""

from __future__ import annotations

from concurrent.futures import Executor

from argosy.destinations.errands import Errands
from argosy.destinations.folder import flush


class Flusher:
    """Makes files durable, off the loop. Belongs to the transfer loop; not thread-safe."""

    def __init__(self, executor: Executor) -> None:
        self._errands = Errands(executor)

    async def flush(self, fd: int) -> None:
        """Return once all bytes written to ``fd`` before the call are on the disk. Raises OSError.

        A failed flush is final: the kernel may have dropped the bytes, so flushing again proves nothing.
        """
        await self._errands.run(flush, fd)
