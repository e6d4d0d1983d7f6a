"""What is to be told and what has been, kept in the store: nothing is lost by a restart, nor by ``kill -9``.

A delivery is one record; two others find it: one by the moment it is due, as long as it is pending, and one each in the log
of its endpoint and of its task, newest first. They change together with it, in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from argosy.runtime.clock import Clock
from argosy.service.webhooks.delivery import Delivery, from_text, to_text
from argosy.service.webhooks.endpoint import UnknownWebhook
from argosy.store.port import Record, Records

DELIVERY: Final = "webhook.delivery"
PENDING: Final = "webhook.pending"
LOG: Final = "webhook.log"
CURSOR: Final = "webhook.cursor"
EVENTS: Final = "events"
REMEMBERED_S: Final = 30 * 86_400.0
"""What is over is told of for so long."""
_END: Final = 10**17
"""Microseconds beyond any date: subtracted from it, later moments sort first."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A delivery that waits, without its body."""

    id: str
    due_at: float
    task_id: str | None


class Outbox:
    """Over the records of a store."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    # -- the event log -----------------------------------------------------------------------------

    async def cursor(self, start: int) -> int:
        """Return the number of the last event that was looked at; ``start`` if none ever was."""
        kept = await self._records.keep(Record(CURSOR, EVENTS, str(start)), self._clock.epoch())
        return int(kept.value)

    async def take(self, deliveries: Sequence[Delivery], cursor: int) -> None:
        """Keep the deliveries and how far the log was read, all or nothing. One that is there already is left alone."""
        now = self._clock.epoch()
        new = [each for each in deliveries if await self._records.record(DELIVERY, each.id, now) is None]
        written = [record for each in new for record in self._records_of(each)]
        await self._records.put(*written, Record(CURSOR, EVENTS, str(cursor)))

    # -- deliveries --------------------------------------------------------------------------------

    async def add(self, delivery: Delivery) -> None:
        await self._records.put(*self._records_of(delivery))

    async def get(self, delivery_id: str) -> Delivery:
        """Raises UnknownWebhook."""
        found = await self._records.record(DELIVERY, delivery_id, self._clock.epoch())
        if found is None:
            raise UnknownWebhook(f"there is no delivery {delivery_id}")
        return from_text(found.value)

    async def settle(self, before: Delivery, after: Delivery) -> None:
        """Replace the delivery."""
        await self._records.put(*self._records_of(after), drop=[(PENDING, _due_name(before))])

    async def lanes(self) -> list[str]:
        """Return the lanes in which something waits; cost is that of their number."""
        lanes: list[str] = []
        after = ""
        while found := await self._records.records(PENDING, self._clock.epoch(), after=after, limit=1):
            lanes.append(found[0].name.partition("/")[0])
            after = f"{lanes[-1]}0"  # the sign after "/": behind everything of that lane
        return lanes

    async def waiting(self, lane: str, limit: int) -> list[Pending]:
        """Return what waits in the lane, the earliest due first."""
        found = await self._records.records(PENDING, self._clock.epoch(), after=f"{lane}/", limit=limit)
        return [_pending(record) for record in found if record.name.startswith(f"{lane}/")]

    async def log(self, whose: str, after: str = "", limit: int = 50) -> tuple[list[Delivery], str | None]:
        """Return a page of the log of an endpoint or a task, newest first, and where the next begins if there is one."""
        now = self._clock.epoch()
        start = f"{whose}/{after}"
        found = await self._records.records(LOG, now, after=start, limit=limit + 1)
        ours = [record.name for record in found if record.name.startswith(f"{whose}/")]
        texts = [await self._records.record(DELIVERY, name.rpartition("/")[2], now) for name in ours[:limit]]
        following = ours[limit - 1].partition("/")[2] if len(ours) > limit else None
        return [from_text(text.value) for text in texts if text is not None], following

    async def earlier(self, delivery: Delivery) -> Delivery | None:
        """Return an earlier delivery about the same task to the same place that is still pending."""
        if delivery.task_id is None:
            return None
        others, _ = await self.log(delivery.task_id)
        before = [each for each in others if each.lane == delivery.lane and each.url == delivery.url]
        return next((each for each in before if each.state == "pending" and each.seq < delivery.seq), None)

    # -- as records --------------------------------------------------------------------------------

    def _records_of(self, delivery: Delivery) -> Iterator[Record]:
        pending = delivery.state == "pending"
        expires_at = None if pending else self._clock.epoch() + REMEMBERED_S
        yield Record(DELIVERY, delivery.id, to_text(delivery), expires_at)
        if pending:
            yield Record(PENDING, _due_name(delivery), delivery.task_id or "")
        newest_first = f"{_END - _micros(delivery.created_at):017d}"
        for whose in (delivery.lane, delivery.task_id):
            if whose is not None:
                yield Record(LOG, f"{whose}/{newest_first}-{delivery.seq:x}/{delivery.id}", "", expires_at)


def _micros(moment: float) -> int:
    return round(moment * 1e6)


def _due_name(delivery: Delivery) -> str:
    return f"{delivery.lane}/{_micros(delivery.due_at):017d}/{delivery.id}"


def _pending(record: Record) -> Pending:
    _, micros, delivery_id = record.name.split("/")
    return Pending(delivery_id, (int(micros) - 1) / 1e6, record.value or None)  # rounded, but never to a later moment
