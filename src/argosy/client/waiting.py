"""Waiting for tasks of a service to come to rest: one stream of events for all who wait, and only while somebody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from argosy.core.events import Recorded
from argosy.core.types import ACTIVE, WAITING, Task, TaskId
from argosy.errors import StoreError, UnknownTask
from argosy.runtime.watch import AT_REST, Watch

if TYPE_CHECKING:
    from argosy.client.client import Client

LOOK_S: Final = 15.0
"""While waiting, things are looked at this often even if nobody says that they changed."""
BUFFER: Final = 10_000


class Waiting:
    """Everybody who waits for something at one service."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._watch = Watch()
        self._waiters = 0
        self._reader: asyncio.Task[None] | None = None
        self._began: asyncio.Future[None] | None = None
        self._changed = asyncio.Event()

    async def close(self) -> None:
        await self._end()
        self._watch.release_all()

    async def rest(self, task_id: TaskId) -> Task | None:
        """Return the task once only a person can make it go on, None if it was removed."""
        async with self._hearing() as reader:
            while True:
                with self._watch.on(task_id) as released:
                    task = await self._look(task_id)
                    if task is None or task.status in AT_REST:
                        return task
                    await asyncio.wait((released, reader), timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                _raise_of(reader)

    async def idle(self) -> None:
        """Return once nothing runs or waits."""
        async with self._hearing() as reader:
            while True:
                self._changed.clear()
                counts = await self._client.counts()
                if not any(counts.get(status) for status in ACTIVE | WAITING):
                    return
                changed = asyncio.ensure_future(self._changed.wait())
                try:
                    await asyncio.wait((changed, reader), timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    changed.cancel()
                _raise_of(reader)

    async def _look(self, task_id: TaskId) -> Task | None:
        try:
            return await self._client.task(task_id)
        except UnknownTask:
            return None

    @asynccontextmanager
    async def _hearing(self) -> AsyncIterator[asyncio.Task[None]]:
        """Events are heard within the block, from its beginning on."""
        self._waiters += 1
        try:
            if self._reader is None or self._reader.done():
                self._began = asyncio.get_running_loop().create_future()
                self._reader = asyncio.create_task(self._hear(self._began))
            assert self._began is not None
            reader = self._reader
            await asyncio.wait((self._began, reader), return_when=asyncio.FIRST_COMPLETED)
            _raise_of(reader)
            yield reader
        finally:
            self._waiters -= 1
            if not self._waiters:
                await self._end()

    async def _end(self) -> None:
        """Hear nothing more. Who comes to wait meanwhile begins to hear anew, and not from what is about to end."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            await asyncio.wait([reader])

    async def _hear(self, began: asyncio.Future[None]) -> None:
        async with self._client.lasting_events(BUFFER) as events:
            began.set_result(None)
            async for event in events:
                if isinstance(event, Recorded):
                    self._watch.hear(event)
                else:
                    self._watch.release_all()
                self._changed.set()


def _raise_of(reader: asyncio.Task[None]) -> None:
    """Raise what ended the stream, if it has ended."""
    if not reader.done():
        return
    if reader.cancelled():
        raise StoreError("the client was closed", code="stopped")
    reader.result()
    raise StoreError("the service closed its events", code="stopped")
