"""Records of one kind in the store, remembered for a moment: a lookup for each request costs nothing, a change made here holds at
once, and one that another process makes holds a second later.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from argosy.runtime.clock import Clock
from argosy.store.port import Record, Records

FRESH_S: Final = 1.0
REMEMBERED: Final = 2048
PAGE: Final = 1000


class Ledger:
    """The records of ``kind`` by name."""

    def __init__(self, kind: str, store: Records, clock: Clock) -> None:
        self.kind = kind
        self._store = store
        self._clock = clock
        self._seen: OrderedDict[str, tuple[Record | None, float]] = OrderedDict()
        self._changes = 0

    async def find(self, name: str) -> Record | None:
        """Return the unexpired record of that name. Raises StoreError."""
        now, epoch = self._clock.steady(), self._clock.epoch()
        record, read_at = self._seen.get(name, (None, now - 2 * FRESH_S))
        if now - read_at >= FRESH_S:
            changes = self._changes
            record = await self._store.record(self.kind, name, epoch)
            if changes == self._changes:  # else what was read may be what was just replaced
                self._remember(name, record, now)
        return None if record is None or record.expired(epoch) else record

    async def put(self, record: Record, *, replaces: str | None = None) -> None:
        """Keep the record, and at the same moment no longer the one it replaces."""
        await self._store.put(record, drop=() if replaces is None else [(self.kind, replaces)])
        self._forget(record.name, *([replaces] if replaces else []))

    async def drop(self, name: str) -> bool:
        """Remove the record; of many who do, in whatever process, one is told True."""
        dropped = await self._store.drop(self.kind, name)
        self._forget(name)
        return dropped

    async def all(self) -> Sequence[Record]:
        """Return the first thousand unexpired records, as they are in the store."""
        return await self._store.records(self.kind, self._clock.epoch(), limit=PAGE)

    def _remember(self, name: str, record: Record | None, now: float) -> None:
        self._seen[name] = (record, now)
        self._seen.move_to_end(name)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def _forget(self, *names: str) -> None:
        self._changes += 1
        for name in names:
            self._seen.pop(name, None)
