"""The records of the store as an executable specification."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from argosy.store.port import EXPIRED_AT_ONCE, Record


class MemoryRecords:
    """Records in a dict."""

    def __init__(self) -> None:
        self._shelf: dict[tuple[str, str], Record] = {}
        self._shelf_lock = threading.Lock()

    async def keep(self, record: Record, now: float) -> Record:
        with self._shelf_lock:
            for place in [place for place, one in self._shelf.items() if one.expired(now)][:EXPIRED_AT_ONCE]:
                del self._shelf[place]
            place = (record.kind, record.name)
            there = self._shelf.get(place)
            if there is None or there.expired(now):
                self._shelf[place] = there = record
            return there

    async def put(self, *records: Record, drop: Iterable[tuple[str, str]] = ()) -> None:
        with self._shelf_lock:
            for place in drop:
                self._shelf.pop(place, None)
            self._shelf.update({(record.kind, record.name): record for record in records})

    async def record(self, kind: str, name: str, now: float) -> Record | None:
        with self._shelf_lock:
            found = self._shelf.get((kind, name))
        return None if found is None or found.expired(now) else found

    async def records(self, kind: str, now: float, after: str = "", limit: int = 1000) -> Sequence[Record]:
        with self._shelf_lock:
            found = [one for one in self._shelf.values() if one.kind == kind and one.name > after]
        return sorted((one for one in found if not one.expired(now)), key=lambda one: one.name)[:limit]

    async def drop(self, kind: str, name: str) -> bool:
        with self._shelf_lock:
            return self._shelf.pop((kind, name), None) is not None
