"""Group flush: everything that waits for durability shares the trips to the disk."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Executor
from typing import Final

JOBS: Final = 2
"""Flush jobs at once; what comes meanwhile is gathered for the next."""
BATCH: Final = 64
"""Files flushed by one job."""

_flush = getattr(os, "fdatasync", os.fsync)


class Flusher:
    """Makes files durable, off the loop. Belongs to the transfer loop; not thread-safe."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._jobs: set[asyncio.Future[list[OSError | None]]] = set()

    async def flush(self, fd: int) -> None:
        """Return once all bytes written to ``fd`` before the call are on the disk. Raises OSError.

        A failed flush is final: the kernel may have dropped the bytes, so flushing again proves nothing.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((fd, done))
        self._dispatch()
        await asyncio.shield(done)

    def _dispatch(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and len(self._jobs) < JOBS:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            job = loop.run_in_executor(self._executor, _flush_all, [fd for fd, _ in batch])
            self._jobs.add(job)
            job.add_done_callback(lambda job, batch=batch: self._landed(job, batch))  # type: ignore[misc]

    def _landed(
        self, job: asyncio.Future[list[OSError | None]], batch: list[tuple[int, asyncio.Future[None]]]
    ) -> None:
        self._jobs.discard(job)
        failed = None if job.cancelled() else job.exception()
        outcomes = [OSError("flush was given up")] * len(batch) if job.cancelled() or failed else job.result()
        for (_, done), outcome in zip(batch, outcomes, strict=True):
            if done.done():
                continue
            if outcome is None:
                done.set_result(None)
            else:
                done.set_exception(outcome)
        if self._waiting:
            self._dispatch()


def _flush_all(fds: list[int]) -> list[OSError | None]:
    outcomes: list[OSError | None] = []
    for fd in fds:
        try:
            _flush(fd)
            outcomes.append(None)
        except OSError as error:
            outcomes.append(error)
    return outcomes
