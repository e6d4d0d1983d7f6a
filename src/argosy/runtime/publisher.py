"""The end of the line in a task of many files: verified files get their names, many at a time.

Each batch is chosen names, recorded as publishing, published, and noted as done; that last note goes out with the
record of the next batch. A batch is whatever came while the one before was under way, so it grows with the load.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from argosy.core.types import FileState, FileStatus, TransferOptions
from argosy.errors import ArgosyError, DiskFull, LocalError
from argosy.runtime.manifest import Manifest
from argosy.runtime.ports import Destination

BATCH: Final = 512


class Publisher:
    """Publishes what it is given until told that nothing more comes. Lives on the transfer loop."""

    def __init__(self, destination: Destination, manifest: Manifest, options: TransferOptions) -> None:
        self._destination = destination
        self._manifest = manifest
        self._options = options
        self._queue: deque[FileState] = deque()
        self._wake = asyncio.Event()
        self._ending = False

    def give(self, state: FileState) -> None:
        self._queue.append(state)
        self._wake.set()

    def end(self) -> None:
        """Nothing more comes; :meth:`run` returns when all is published."""
        self._ending = True
        self._wake.set()

    async def run(self) -> None:
        while not (self._ending and not self._queue):
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                await self._publish(batch)
            if self._ending:
                self._wake.set()

    async def _publish(self, batch: Sequence[FileState]) -> None:
        try:
            chosen = await self._destination.choose_many(batch, self._options)
            await self._manifest.record(chosen)
            published = await self._destination.publish_many(chosen, self._options)
        except DiskFull:
            raise
        except LocalError as error:
            await self._one_by_one(batch, error)
            return
        for state, done in zip(batch, published, strict=True):
            if done is None:
                self._queue.append(state)  # somebody took the name meanwhile
            else:
                self._manifest.note(done)

    async def _one_by_one(self, batch: Sequence[FileState], error: LocalError) -> None:
        """Find the one that cannot be published; the others must not suffer for it."""
        if len(batch) == 1:
            self._manifest.note(failed(batch[0], error))
            return
        for state in batch:
            recorded = self._manifest.files[state.index]
            if recorded.status is FileStatus.PUBLISHING:
                recovered = await self._destination.recover(recorded)
                if recovered.finished:
                    self._manifest.note(recovered)
                    continue
            await self._publish([state])


def failed(state: FileState, error: ArgosyError) -> FileState:
    """Return the file as given up for now; what there is of it stays."""
    return replace(state, status=FileStatus.FAILED, error=error.failure(), attempts=state.attempts + 1, published=None)
