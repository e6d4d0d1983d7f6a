"""The records of the store over SQLite."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import apsw

from argosy.store.codec import armour, disarm
from argosy.store.port import EXPIRED_AT_ONCE, Record
from argosy.store.sqlite.lane import Lane
from argosy.store.sqlite.statement import listed, run
from argosy.store.sqlite.work import Work


class SqliteRecords(ABC):
    """Records in a table of their own, written in the same lane as everything else."""

    @property
    @abstractmethod
    def _write(self) -> Lane[Work]: ...

    @property
    @abstractmethod
    def _read(self) -> Lane[apsw.Connection]: ...

    async def keep(self, record: Record, now: float) -> Record:
        def first_or_there(work: Work) -> Record:
            db = work.connection
            run(db, "drop_expired", (now, EXPIRED_AT_ONCE))
            run(db, "keep_record", (*_values(record), now))
            (there,) = _found(listed(db, "record", _place(record.kind, record.name)))
            return there

        return await self._write.do(first_or_there)

    async def put(self, *records: Record, drop: Iterable[tuple[str, str]] = ()) -> None:
        gone = [_place(*place) for place in drop]

        def replace(work: Work) -> None:
            for place in gone:
                run(work.connection, "drop_record", place)
            for record in records:
                run(work.connection, "put_record", _values(record))

        await self._write.do(replace)

    async def record(self, kind: str, name: str, now: float) -> Record | None:
        found = await self._read.do(lambda db: _found(listed(db, "record", _place(kind, name))))
        return next((record for record in found if not record.expired(now)), None)

    async def records(self, kind: str, now: float, after: str = "", limit: int = 1000) -> Sequence[Record]:
        bindings = (armour(kind), armour(after), now, limit)
        return await self._read.do(lambda db: _found(listed(db, "records", bindings)))

    async def drop(self, kind: str, name: str) -> bool:
        return await self._write.do(lambda work: run(work.connection, "drop_record", _place(kind, name))) > 0


def _place(kind: str, name: str) -> tuple[str, str]:
    return armour(kind), armour(name)


def _values(record: Record) -> tuple[str, str, str, float | None]:
    return *_place(record.kind, record.name), armour(record.value), record.expires_at


def _found(rows: Sequence[Sequence[object]]) -> list[Record]:
    found = []
    for kind, name, value, expires_at in rows:
        assert isinstance(kind, str) and isinstance(name, str) and isinstance(value, str)  # noqa: PT018
        assert expires_at is None or isinstance(expires_at, float)
        found.append(Record(disarm(kind), disarm(name), disarm(value), expires_at))
    return found
