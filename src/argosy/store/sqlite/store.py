"""The store over SQLite: each verb of the port as a job for the writing thread or for a reading one."""

# ruff: noqa: ANN401  # SQL functions take values of any type

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import apsw

from argosy.core.checksum import Checksum
from argosy.core.events import Lasting, Recorded
from argosy.core.schedule import Candidate
from argosy.core.types import TERMINAL, FileState, Kept, Lease, Queue, Status, Task, TaskId
from argosy.store import rule
from argosy.store.codec import armour, disarm, holds, shows
from argosy.store.port import (
    EVENTS_PER_TASK,
    Added,
    Change,
    Committed,
    NewTask,
    Query,
    Refused,
    Renewal,
    Tally,
    WorkerInfo,
)
from argosy.store.sqlite import row
from argosy.store.sqlite.asked import Asked
from argosy.store.sqlite.database import Migration, close_writer, known_migrations, open_mover, open_reader, open_writer
from argosy.store.sqlite.error import closed, translated
from argosy.store.sqlite.lane import READS_TOGETHER, WRITES_TOGETHER, Lane, Reading, Writing
from argosy.store.sqlite.mover import Mover
from argosy.store.sqlite.record import SqliteRecords
from argosy.store.sqlite.search import CONTAINS, SHOWS, search
from argosy.store.sqlite.statement import first, listed, run
from argosy.store.sqlite.work import Work

READING_THREADS = 2
LONGEST_WAIT_FOR_LOCK_S = 10.0
FRONT = 1_000
"""So many of the best waiting tasks are looked through for hosts that are not full, before going host by host."""
READY_AT_ONCE = 10_000
"""So many tasks whose time has come are made ready in one transaction."""
ORDERS = {"best": "priority DESC, rank", "oldest": "queued_at"}


class SqliteStore(SqliteRecords):
    """A store in the file ``path``, shared with any other process that opens it."""

    def __init__(
        self,
        path: Path | str,
        *,
        lock_timeout_s: float = LONGEST_WAIT_FOR_LOCK_S,
        migrations: Sequence[Migration] | None = None,
    ) -> None:
        self._path = Path(path)
        self._busy_ms = round(lock_timeout_s * 1000)
        self._migrations = known_migrations() if migrations is None else migrations
        self._opening = threading.Lock()
        self._connections: list[apsw.Connection] = []
        self._writer: Lane[Work] | None = None
        self._reader: Lane[apsw.Connection] | None = None
        self._mover: Mover | None = None
        self._asked = Asked(self._look_up)

    # -- life ----------------------------------------------------------------------------------------
    async def open(self) -> None:
        await asyncio.to_thread(self._open)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _open(self) -> None:
        with self._opening:
            if self._writer is not None:
                return
            try:
                self._connect()
            except Exception as error:
                self._disconnect()
                raise translated(error, self._path) from error
            writing, *reading = self._connections
            self._mover = Mover(open_mover(self._path, busy_ms=self._busy_ms))
            writing.set_wal_hook(self._mover.committed)
            self._writer = Lane("argosy-store-writer", self._path, together=WRITES_TOGETHER)
            self._writer.start(Writing(writing, self._path).serve)
            self._reader = Lane("argosy-store-reader", self._path, together=READS_TOGETHER)
            for connection in reading:
                self._reader.start(Reading(connection, self._path).serve)

    def _connect(self) -> None:
        """Open the one connection that writes, then those that read."""
        self._connections = [open_writer(self._path, busy_ms=self._busy_ms, migrations=self._migrations)]
        for _ in range(READING_THREADS):
            connection = open_reader(self._path, busy_ms=self._busy_ms)
            self._connections.append(connection)
            connection.create_scalar_function(CONTAINS, _contains, 2, deterministic=True)
            connection.create_scalar_function(SHOWS, _shows, 2, deterministic=True)

    def _close(self) -> None:
        with self._opening:
            writer, reader = self._writer, self._reader
            if writer is not None and reader is not None:
                reader.close()
                writer.close()
            self._writer = self._reader = None
            self._disconnect()

    def _disconnect(self) -> None:
        if self._mover is not None:
            self._mover.close()
            self._mover = None
        while len(self._connections) > 1:
            self._connections.pop().close()
        if self._connections:
            close_writer(self._connections.pop())

    async def inspect(self) -> Sequence[str]:
        """Read the whole file and return what is wrong with it, nothing if it is sound."""
        found = await self._read.do(lambda db: [line for (line,) in db.execute("PRAGMA quick_check(20)")])
        return [line for line in found if line != "ok"]

    @property
    def _write(self) -> Lane[Work]:
        if self._writer is None:
            raise closed(self._path)
        return self._writer

    @property
    def _read(self) -> Lane[apsw.Connection]:
        if self._reader is None:
            raise closed(self._path)
        return self._reader

    # -- tasks ---------------------------------------------------------------------------------------
    async def add(self, tasks: Sequence[NewTask]) -> Sequence[Added]:
        ids = [new.task.id for new in tasks]
        keys = [new.task.key for new in tasks if new.task.key]
        return await self._write.do(partial(rule.add, tasks=tasks), ids, keys)

    async def get(self, ids: Sequence[TaskId]) -> Mapping[TaskId, Task]:
        found = await self._asked.get(ids)
        return {task_id: found[task_id] for task_id in ids if task_id in found}

    async def _look_up(self, ids: Collection[TaskId]) -> Mapping[TaskId, Task]:
        wanted = json.dumps([armour(task_id) for task_id in ids])
        found = await self._read.do(lambda db: _tasks(listed(db, "task_by_id", (wanted,))))
        return {task.id: task for task in found}

    async def resolve(self, prefix: str, limit: int = 2) -> Sequence[TaskId]:
        start = armour(prefix)
        rows = await self._read.do(lambda db: listed(db, "id_by_prefix", (start, start + chr(0x10FFFF), limit)))
        return [disarm(task_id) for (task_id,) in rows]

    async def files(self, task_id: TaskId) -> Sequence[FileState]:
        return (await self.files_of([task_id])).get(task_id, [])

    async def files_of(self, ids: Collection[TaskId]) -> Mapping[TaskId, Sequence[FileState]]:
        wanted = json.dumps([armour(task_id) for task_id in ids])
        found: dict[TaskId, list[FileState]] = {}
        for owner, *each in await self._read.do(lambda db: listed(db, "files_of", (wanted,))):
            task_id = disarm(owner)
            found.setdefault(task_id, []).append(row.file_from_row(task_id, each))
        return found

    async def kept(self, checksum: Checksum, limit: int) -> Sequence[Kept]:
        rows = await self._read.do(lambda db: listed(db, "kept", (str(checksum), limit)))
        return [Kept(f"{disarm(folder)}/{disarm(path)}", size, mtime_ns) for folder, path, size, mtime_ns in rows]

    async def by_keys(self, keys: Collection[str]) -> Mapping[str, Task]:
        wanted = json.dumps([armour(key) for key in keys])
        found = await self._read.do(lambda db: _tasks(listed(db, "finished_by_key", (wanted,))))
        return {task.key: task for task in found}

    async def find(self, query: Query) -> Sequence[Task]:
        return await self._read.do(lambda db: _tasks(search(db, query)))

    async def counts(self) -> Mapping[Status, int]:
        counters = dict(await self._read.do(lambda db: listed(db, "counts")))
        return {status: counters[status] for status in Status}

    async def depths(self) -> Mapping[Queue, int]:
        waiting = dict(await self._read.do(lambda db: listed(db, "depths")))
        return {queue: waiting.get(queue, 0) for queue in Queue}

    async def commit(self, changes: Sequence[Change]) -> Sequence[Committed | Refused]:
        return await self._write.do(partial(rule.commit, changes=changes), [change.before.id for change in changes])

    # -- scheduling ----------------------------------------------------------------------------------
    async def runnable(
        self, *, now: float, limit: int, session: str | None, full_hosts: Collection[str] = ()
    ) -> Sequence[Candidate]:
        await self._make_ready(now)
        who = None if session is None else armour(session)
        full = json.dumps([armour(host) for host in full_hosts])
        bindings = {"session": who, "now": now, "limit": limit, "full": full}

        def look(db: apsw.Connection) -> list[Candidate]:
            found = chain.from_iterable(_front(db, lane, view, bindings) for lane in Queue for view in ORDERS)
            return list({candidate.id: candidate for candidate in map(row.candidate_from_row, found)}.values())

        return await self._read.do(look)

    async def _make_ready(self, now: float) -> None:
        """Mark the tasks whose time has come, so that they stand in the order of the ready ones."""
        while await self._read.do(lambda db: first(db, "some_are_due", (now,))):
            await self._write.do(lambda work: run(work.settle(), "make_ready", (now, READY_AT_ONCE)))

    async def next_due(self, *, now: float, session: str | None) -> float | None:
        who = None if session is None else armour(session)
        due: float | None = await self._read.do(lambda db: first(db, "next_due", {"session": who, "now": now}))
        return due

    async def first_rank(self) -> float:
        lowest: float = await self._read.do(lambda db: first(db, "lowest_rank"))
        return lowest - 1.0

    # -- leases --------------------------------------------------------------------------------------
    async def register(self, worker: WorkerInfo) -> None:
        await self._write.do(lambda work: run(work.settle(), "put_worker", row.worker_values(worker)))

    async def workers(self) -> Sequence[WorkerInfo]:
        return [row.worker_from_row(each) for each in await self._read.do(lambda db: listed(db, "workers"))]

    async def forget(self, worker_id: str) -> None:
        def leave(work: Work) -> None:
            run(work.settle(), "drop_worker", (worker_id,))
            run(work.connection, "leave_session", (armour(worker_id),))
            work.forget()

        await self._write.do(leave)

    async def renew(self, worker_id: str, held: Mapping[TaskId, tuple[int, int]], until: float, now: float) -> Renewal:
        def extend(work: Work) -> Renewal:
            run(work.settle(), "see_worker", (worker_id, now))
            return rule.renew(work, worker_id, held, until)

        return await self._write.do(extend, list(held))

    async def checkpoint(self, lease: Lease, tally: Tally, files: Sequence[FileState]) -> None:
        await self._write.do(partial(rule.checkpoint, lease=lease, tally=tally, files=files), [lease.task_id])

    async def reapable(self, *, now: float, dead: Collection[str], limit: int) -> Sequence[Task]:
        bindings = {"now": now, "dead": json.dumps([armour(owner) for owner in dead]), "limit": limit}

        def look(db: apsw.Connection) -> list[Task]:
            numbers = [number for (number,) in listed(db, "reapable", bindings)]
            return _tasks(listed(db, "task_by_number", (json.dumps(numbers),)))

        return await self._read.do(look)

    # -- log and settings ----------------------------------------------------------------------------
    async def events(self, *, after: int = 0, limit: int = 1000, task_id: TaskId | None = None) -> Sequence[Recorded]:
        bindings = {"after": after, "limit": limit}

        def rows(db: apsw.Connection) -> list[list[Any]]:
            if task_id is None:
                return listed(db, "events", bindings)
            known = first(db, "task_exists", (armour(task_id),))
            name = "events_of_task" if known else "events_of_removed"
            return listed(db, name, bindings | {"task_id": armour(task_id)})

        return await self._read.do(lambda db: [row.event_from_row(each) for each in rows(db)])

    async def last_seq(self) -> int:
        counters = dict(await self._read.do(lambda db: listed(db, "counts")))
        seq: int = counters["event"]
        return seq

    async def log(self, events: Sequence[Lasting], now: float) -> Sequence[Recorded]:
        ids = [event.task_id for event in events if event.task_id is not None]
        return await self._write.do(partial(rule.log, events=events, now=now), ids)

    async def setting(self, name: str) -> str | None:
        value: str | None = await self._read.do(lambda db: first(db, "setting", (name,)))
        return value

    async def set_setting(self, name: str, value: str | None) -> None:
        if value is None:
            await self._write.do(lambda work: run(work.settle(), "drop_setting", (name,)))
        else:
            await self._write.do(lambda work: run(work.settle(), "put_setting", (name, value)))

    async def purge(self, *, finished_before: float, statuses: frozenset[Status], limit: int) -> int:
        ended = json.dumps(sorted(statuses & TERMINAL))

        def remove(work: Work) -> int:
            bindings = {"before": finished_before, "statuses": ended, "limit": limit}
            numbers = [number for (number,) in listed(work.settle(), "purgeable", bindings)]
            run(work.connection, "drop_tasks", (json.dumps(numbers),))
            window = {"before": finished_before, "limit": limit * EVENTS_PER_TASK}
            run(work.connection, "purge_events", window)
            work.forget()
            return len(numbers)

        return await self._write.do(remove)

    async def change_count(self) -> int:
        return await self._write.do(lambda work: work.data_version)


def _tasks(rows: Sequence[row.Row]) -> list[Task]:
    return [row.task_from_row(each) for each in rows]


def _shows(*texts: Any) -> bool:
    source, wanted = map(disarm, texts)
    return shows(source, wanted)


def _contains(*texts: Any) -> bool:
    text, wanted = map(disarm, texts)
    return holds(text, wanted)


def _front(db: apsw.Connection, lane: Queue, view: str, bindings: Mapping[str, Any]) -> list[list[Any]]:
    """Return the first waiting tasks of the lane in that view, without those of full hosts."""
    ours = {**bindings, "lane": int(lane)}
    found = listed(db, "ready", ours | {"budget": max(FRONT, bindings["limit"])}, order=ORDERS[view])
    if len(found) < bindings["limit"] and bindings["full"] != "[]":
        found = listed(db, "ready_by_host", ours, order=ORDERS[view], index=f"ready_host_{view}")
    return found
