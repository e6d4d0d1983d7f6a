"""The store as an executable specification: everything in dicts, every question answered by looking at all of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from argosy.core.checksum import Checksum
from argosy.core.events import Lasting, Recorded
from argosy.core.schedule import Candidate
from argosy.core.types import TERMINAL, WAITING, FileState, FileStatus, Kept, Lease, Queue, Status, Task, TaskId
from argosy.store import rule
from argosy.store.codec import holds, shows
from argosy.store.memory_record import MemoryRecords
from argosy.store.port import (
    EVENTS_PER_TASK,
    Added,
    Change,
    Committed,
    NewTask,
    Query,
    Refused,
    Renewal,
    Span,
    Tally,
    WorkerInfo,
    sort_value,
)


class _Contents:
    """What the store holds; the :class:`~argosy.store.rule.Desk` of its rules."""

    def __init__(self) -> None:
        self.tasks: dict[TaskId, Task] = {}
        self.files: dict[TaskId, dict[int, FileState]] = {}
        self.by_key: dict[str, dict[TaskId, None]] = {}
        self.events: list[Recorded] = []
        self.workers: dict[str, WorkerInfo] = {}
        self.settings: dict[str, str] = {}
        self.last_number = 0
        self.last_seq = 0

    def task(self, task_id: TaskId) -> Task | None:
        return self.tasks.get(task_id)

    def unfinished(self, key: str) -> Task | None:
        same = (self.tasks.get(task_id) for task_id in self.by_key.get(key, ()))
        open_ones = [task for task in same if task is not None and task.key == key and not task.terminal]
        return min(open_ones, key=_number, default=None)

    def finished(self, key: str) -> Task | None:
        """Return the newest terminal task with that key."""
        same = (self.tasks.get(task_id) for task_id in self.by_key.get(key, ()))
        over = [task for task in same if task is not None and task.key == key and task.terminal]
        return max(over, key=_number, default=None)

    def add(self, task: Task) -> Task:
        self.last_number += 1
        task = task.having(number=self.last_number)
        self.put(task)
        return task

    def put(self, task: Task) -> None:
        self.tasks[task.id] = task
        if task.key:
            self.by_key.setdefault(task.key, {})[task.id] = None

    def drop(self, task: Task) -> None:
        del self.tasks[task.id]
        self.files.pop(task.id, None)
        self.by_key.get(task.key, {}).pop(task.id, None)

    def put_files(self, task: Task, files: Sequence[FileState], *, all_files: bool) -> None:
        kept = {} if all_files else self.files.get(task.id, {})
        self.files[task.id] = kept | {file.index: file for file in files}

    def record(self, event: Lasting, at: float, version: int) -> Recorded:
        self.last_seq += 1
        recorded = Recorded(self.last_seq, at, version, event)
        self.events.append(recorded)
        return recorded


class MemoryStore(MemoryRecords):
    """A store that forgets everything with its process; it never fails and needs no clock."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._all = _Contents()

    async def open(self) -> None:
        """Be ready at once."""

    async def close(self) -> None:
        """Keep everything, so that it can be opened again."""

    async def add(self, tasks: Sequence[NewTask]) -> Sequence[Added]:
        with self._lock:
            return rule.add(self._all, tasks)

    async def get(self, ids: Sequence[TaskId]) -> Mapping[TaskId, Task]:
        with self._lock:
            return {task_id: self._all.tasks[task_id] for task_id in ids if task_id in self._all.tasks}

    async def resolve(self, prefix: str, limit: int = 2) -> Sequence[TaskId]:
        with self._lock:
            return sorted(task_id for task_id in self._all.tasks if task_id.startswith(prefix))[:limit]

    async def files(self, task_id: TaskId) -> Sequence[FileState]:
        with self._lock:
            return [file for _, file in sorted(self._all.files.get(task_id, {}).items())]

    async def files_of(self, ids: Collection[TaskId]) -> Mapping[TaskId, Sequence[FileState]]:
        found = {task_id: await self.files(task_id) for task_id in ids}
        return {task_id: files for task_id, files in found.items() if files}

    async def kept(self, checksum: Checksum, limit: int) -> Sequence[Kept]:
        with self._lock:
            newest = sorted(self._all.tasks.values(), key=_number, reverse=True)
            return [
                Kept(f"{task.spec.directory}/{file.published}", file.size, file.part_mtime_ns)
                for task in newest
                for _, file in sorted(self._all.files.get(task.id, {}).items())
                if file.status is FileStatus.DONE and file.checksum == checksum and file.published is not None
            ][:limit]

    async def by_keys(self, keys: Collection[str]) -> Mapping[str, Task]:
        with self._lock:
            finished = {key: self._all.finished(key) for key in keys if key}
        return {key: task for key, task in finished.items() if task is not None}

    async def find(self, query: Query) -> Sequence[Task]:
        def place(task: Task) -> tuple[Any, int]:
            return sort_value(task, query.by), task.number

        found = self._where(lambda task: _matches(task, query) and _is_beyond(place(task), query))
        return sorted(found, key=place, reverse=query.newest_first)[: query.limit]

    async def counts(self) -> Mapping[Status, int]:
        with self._lock:
            counted = Counter(task.status for task in self._all.tasks.values())
        return {status: counted[status] for status in Status}

    async def depths(self) -> Mapping[Queue, int]:
        waiting = Counter(_lane(task) for task in self._where(lambda task: task.status in WAITING))
        return {queue: waiting[queue] for queue in Queue}

    async def commit(self, changes: Sequence[Change]) -> Sequence[Committed | Refused]:
        with self._lock:
            return rule.commit(self._all, changes)

    async def runnable(
        self, *, now: float, limit: int, session: str | None, full_hosts: Collection[str] = ()
    ) -> Sequence[Candidate]:
        def eligible(task: Task) -> bool:
            due = task.due_at is None or task.due_at <= now
            return task.status in WAITING and due and task.session == session and task.host not in full_hosts

        waiting = self._where(eligible)
        return [_candidate(task) for queue in Queue for task in _worth_looking_at(waiting, queue, limit)]

    async def next_due(self, *, now: float, session: str | None) -> float | None:
        waiting = self._where(lambda task: task.status in WAITING and task.session == session)
        return min((task.due_at for task in waiting if task.due_at is not None and task.due_at > now), default=None)

    async def first_rank(self) -> float:
        with self._lock:
            return min((task.rank for task in self._all.tasks.values()), default=0.0) - 1.0

    async def register(self, worker: WorkerInfo) -> None:
        with self._lock:
            self._all.workers[worker.id] = worker

    async def workers(self) -> Sequence[WorkerInfo]:
        with self._lock:
            return [worker for _, worker in sorted(self._all.workers.items())]

    async def forget(self, worker_id: str) -> None:
        with self._lock:
            self._all.workers.pop(worker_id, None)
            for task in [task for task in self._all.tasks.values() if task.session == worker_id]:
                self._all.put(task.having(session=None))

    async def renew(self, worker_id: str, held: Mapping[TaskId, tuple[int, int]], until: float, now: float) -> Renewal:
        with self._lock:
            if worker_id in self._all.workers:
                self._all.workers[worker_id] = replace(self._all.workers[worker_id], seen_at=now)
            return rule.renew(self._all, worker_id, held, until)

    async def checkpoint(self, lease: Lease, tally: Tally, files: Sequence[FileState]) -> None:
        with self._lock:
            rule.checkpoint(self._all, lease, tally, files)

    async def reapable(self, *, now: float, dead: Collection[str], limit: int) -> Sequence[Task]:
        def orphaned(task: Task) -> bool:
            return task.active and (task.lease_until is None or task.lease_until < now or task.owner in dead)

        return sorted(self._where(orphaned), key=_number)[:limit]

    async def events(self, *, after: int = 0, limit: int = 1000, task_id: TaskId | None = None) -> Sequence[Recorded]:
        with self._lock:
            newer = (recorded for recorded in self._all.events if recorded.seq > after)
            return list(islice((one for one in newer if task_id in (None, one.event.task_id)), limit))

    async def last_seq(self) -> int:
        with self._lock:
            return self._all.last_seq

    async def log(self, events: Sequence[Lasting], now: float) -> Sequence[Recorded]:
        with self._lock:
            return rule.log(self._all, events, now)

    async def setting(self, name: str) -> str | None:
        with self._lock:
            return self._all.settings.get(name)

    async def set_setting(self, name: str, value: str | None) -> None:
        with self._lock:
            if value is None:
                self._all.settings.pop(name, None)
            else:
                self._all.settings[name] = value

    async def purge(self, *, finished_before: float, statuses: frozenset[Status], limit: int) -> int:
        with self._lock:
            ended = [task for task in self._all.tasks.values() if _ended_before(task, finished_before)]
            ended.sort(key=lambda task: (task.finished_at, task.number))
            gone = [task for task in ended if task.status in statuses & TERMINAL][:limit]
            for task in gone:
                self._all.drop(task)
            window = limit * EVENTS_PER_TASK
            kept = (recorded for recorded in self._all.events[:window] if recorded.at >= finished_before)
            self._all.events = [*kept, *self._all.events[window:]]
            return len(gone)

    async def change_count(self) -> int:
        """Nobody else can write here."""
        return 0

    def _where(self, wanted: Callable[[Task], bool]) -> list[Task]:
        with self._lock:
            return [task for task in self._all.tasks.values() if wanted(task)]


def _number(task: Task) -> int:
    return task.number


def _is_beyond(place: tuple[Any, int], query: Query) -> bool:
    """Tell whether the place is behind the last one of the page before."""
    if query.after is None:
        return True
    last = (place[0] if query.by == "number" else query.after_value, query.after)
    return place < last if query.newest_first else place > last


def _is_within(moment: float | None, span: Span) -> bool:
    start, end = span
    if moment is None:
        return start is None and end is None
    return (start is None or moment >= start) and (end is None or moment < end)


def _matches(task: Task, query: Query) -> bool:
    return (
        (query.by != "finished_at" or task.finished_at is not None)
        and _is_within(task.created_at, query.created)
        and _is_within(task.finished_at, query.finished)
        and (query.statuses is None or task.status in query.statuses)
        and (query.host is None or task.host == query.host)
        and (query.key is None or task.key == query.key)
        and (query.session is None or task.session == query.session)
        and (query.text is None or shows(task.spec.source, query.text) or holds(task.name or "", query.text))
    )


def _lane(task: Task) -> Queue:
    return Queue.RETRY if task.status is Status.RETRYING else task.queue


def _worth_looking_at(waiting: Iterable[Task], queue: Queue, limit: int) -> Iterable[Task]:
    lane = [task for task in waiting if _lane(task) is queue]
    first = sorted(lane, key=lambda task: (-task.priority, task.rank, task.number))[:limit]
    oldest = sorted(lane, key=lambda task: (task.queued_at, task.number))[:limit]
    return {task.id: task for task in chain(first, oldest)}.values()


def _candidate(task: Task) -> Candidate:
    return Candidate(
        id=task.id,
        version=task.version,
        status=task.status,
        queue=_lane(task),
        priority=task.priority,
        rank=task.rank,
        queued_at=task.queued_at,
        host=task.host,
        directory=task.spec.directory,
        due_at=task.due_at,
    )


def _ended_before(task: Task, moment: float) -> bool:
    return task.finished_at is not None and task.finished_at < moment
