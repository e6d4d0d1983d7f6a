"""From the event log to the outbox: whoever wants to hear of an event has a delivery of it, once, whatever happens to us."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from argosy.core.events import Recorded, StatusChanged
from argosy.core.types import FileState, Task, TaskId
from argosy.errors import DiskFull, StoreError, UsageError
from argosy.runtime.clock import Alarm, Clock
from argosy.runtime.manager import Runtime
from argosy.service.webhooks import message
from argosy.service.webhooks.delivery import Delivery, lane_of, message_id
from argosy.service.webhooks.endpoint import Endpoint, Endpoints, checked_url
from argosy.service.webhooks.outbox import Outbox
from argosy.telemetry import trace

log = logging.getLogger(__name__)

PAGE: Final = 200
"""Events looked at together."""
LONGEST_WAIT_S: Final = 5.0
"""However quiet it is, the log is looked at so often."""


class Herald:
    """Hears of every lasting event, and reads the log from where it has been read to."""

    def __init__(
        self,
        runtime: Runtime,
        outbox: Outbox,
        endpoints: Endpoints,
        clock: Clock,
        key: bytes,
        linking: message.Linking,
        posted: Callable[[str], None],
    ) -> None:
        """``posted`` is told the lane of each new delivery."""
        self._runtime = runtime
        self._outbox = outbox
        self._endpoints = endpoints
        self._clock = clock
        self._key = key
        self._linking = linking
        self._posted = posted
        self._alarm = Alarm(clock)
        self._open = False

    def __bool__(self) -> bool:
        """Whether it wants to hear: a listener of the bus."""
        return self._open

    def hear(self, event: Recorded) -> None:
        if _ends(event):
            self._alarm.ring()

    async def run(self) -> None:
        """Read on for ever; what happened while nobody ran is read first. A store that fails is asked again."""
        cursor: int | None = None
        self._open = True
        try:
            while True:
                try:
                    if cursor is None:
                        cursor = await self._outbox.cursor(await self._runtime.store.last_seq())
                    cursor = await self._read_on(cursor)
                except (StoreError, DiskFull) as error:
                    log.warning("webhooks.store_failed", extra={"code": error.detail_code, "error": error.message})
                except Exception:  # whatever else it is, the next look may do better, and nobody else would tell
                    log.exception("webhooks.log_unread")
                await self._alarm.wait(LONGEST_WAIT_S)
        finally:
            self._open = False

    async def _read_on(self, cursor: int) -> int:
        while page := await self._runtime.events(after=cursor, limit=PAGE):
            deliveries = await self._deliveries([event for event in page if _ends(event)])
            last = page[-1].seq
            if deliveries or last - cursor >= PAGE:
                await self._outbox.take(deliveries, last)
            cursor = last
            for lane in {each.lane for each in deliveries}:
                self._posted(lane)
        return cursor

    async def _deliveries(self, events: Sequence[Recorded]) -> list[Delivery]:
        if not events:
            return []
        ids = [event.event.task_id for event in events if event.event.task_id is not None]
        tasks = await self._runtime.store.get(ids)
        files = await self._runtime.store.files_of(list(tasks))
        endpoints = await self._endpoints.all()
        return [each for event in events for each in self._of(event, tasks, files, endpoints)]

    def _of(
        self,
        recorded: Recorded,
        tasks: Mapping[TaskId, Task],
        files: Mapping[TaskId, Sequence[FileState]],
        endpoints: Sequence[Endpoint],
    ) -> Iterator[Delivery]:
        event = recorded.event
        assert isinstance(event, StatusChanged)
        assert event.to is not None
        kind = message.TYPE_OF[event.to]
        task = tasks.get(event.task_id)
        wanting = [endpoint for endpoint in endpoints if endpoint.wants(kind)]
        callback = None if task is None else _callback(task)
        if not wanting and callback is None:
            return
        body = (
            message.about_removed(event, recorded.at)
            if task is None
            else message.about(event, recorded.at, task, files.get(task.id, ()), self._linking)
        )
        now, span = self._clock.epoch(), None if task is None else _span(task)
        for lane, url in ((endpoint.id, None) for endpoint in wanting):
            yield self._delivery(recorded, kind, lane, url, body, now, span)
        if callback is not None:
            yield self._delivery(recorded, kind, lane_of(callback), callback, body, now, span)

    def _delivery(
        self, recorded: Recorded, kind: str, lane: str, url: str | None, body: str, now: float, span: str | None
    ) -> Delivery:
        name = message_id(self._key, recorded.seq, lane if url is None else url)
        return Delivery(name, kind, lane, body, now, now, recorded.seq, recorded.event.task_id, url, trace=span)


def _callback(task: Task) -> str | None:
    """Return where the task itself wants to be told of; what was written there before it was looked at may be no URL."""
    if task.spec.callback is None:
        return None
    try:
        return checked_url(task.spec.callback)
    except UsageError:
        log.warning("webhooks.callback_unusable", extra={"task_id": task.id})
        return None


def _span(task: Task) -> str | None:
    """Return the task's own span, of which telling of it is a part."""
    context = trace.of_task(task.id, task.spec.trace)
    return None if context is None else str(context)


def _ends(event: Recorded) -> bool:
    return isinstance(event.event, StatusChanged) and event.event.to in message.TYPE_OF
