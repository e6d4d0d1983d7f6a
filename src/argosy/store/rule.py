"""What the writing verbs of a store mean, once for all stores that run Python inside their transaction.

Each rule takes a :class:`Desk`, the store's tasks as one transaction sees them. A rule that raises has not yet
written anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Protocol

from argosy.core.events import Lasting, Recorded, StatusChanged
from argosy.core.types import FileState, Lease, Task, TaskId
from argosy.errors import Fenced
from argosy.store.port import Added, Change, Committed, NewTask, Refused, Renewal, Tally

UNVERSIONED = (
    "session",
    "name",
    "received",
    "total",
    "files_done",
    "files_total",
    "speed_bps",
    "connections",
    "lease_until",
)
"""What checkpoints, renewals and ``forget`` write without a new version: a change that does not touch one of these
keeps what is stored, or a pause decided on a value read a moment ago would take counters and lease back in time."""

_unversioned = attrgetter(*UNVERSIONED)


class Desk(Protocol):
    """The tasks as one transaction sees and changes them."""

    def task(self, task_id: TaskId) -> Task | None: ...

    def unfinished(self, key: str) -> Task | None:
        """Return the oldest task with that key which is not terminal."""

    def add(self, task: Task) -> Task:
        """Keep a new task and return it with its number."""
        ...

    def put(self, task: Task) -> None:
        """Replace a stored task."""

    def drop(self, task: Task) -> None:
        """Remove a stored task and its files."""

    def put_files(self, task: Task, files: Sequence[FileState], *, all_files: bool) -> None:
        """Replace the files of the same index; with ``all_files`` remove those of any other."""

    def record(self, event: Lasting, at: float, version: int) -> Recorded:
        """Append to the log."""
        ...


def add(desk: Desk, tasks: Iterable[NewTask]) -> list[Added]:
    return [_add_one(desk, new) for new in tasks]


def _add_one(desk: Desk, new: NewTask) -> Added:
    stored = desk.task(new.task.id) or (desk.unfinished(new.task.key) if new.task.key else None)
    if stored is not None:
        return Added(stored)
    task = desk.add(new.task)
    desk.put_files(task, new.files, all_files=False)
    begun = StatusChanged(task.id, None, task.status, new.reason)
    return Added(task, desk.record(begun, task.updated_at, task.version))


def commit(desk: Desk, changes: Iterable[Change]) -> list[Committed | Refused]:
    answers: list[Committed | Refused] = []
    earlier: dict[TaskId, bool] = {}
    for change in changes:
        task_id = change.before.id
        answer = _refusal(desk, change, earlier.get(task_id)) or _apply(desk, change)
        earlier[task_id] = isinstance(answer, Committed)
        answers.append(answer)
    return answers


def _refusal(desk: Desk, change: Change, earlier: bool | None) -> Refused | None:
    """``earlier``: how the change of the same task before this one in the same call went, None if there is none."""
    before = change.before
    stored = desk.task(before.id)
    if stored is None:
        return Refused(before.id, None, fenced=change.fenced)
    if change.fenced and (stored.owner, stored.fence) != (before.owner, before.fence):
        return Refused(before.id, stored, fenced=True)
    if earlier is False or (earlier is None and stored.version != before.version):
        return Refused(before.id, stored)
    return None


def _apply(desk: Desk, change: Change) -> Committed:
    stored = desk.task(change.before.id)
    assert stored is not None  # else it was refused
    version = stored.version + 1
    if change.after is None:
        task, at = None, change.before.updated_at
        desk.drop(stored)
    else:
        task, at = _merge(stored, change.before, change.after, version), change.after.updated_at
        desk.put(task)
        desk.put_files(task, change.files, all_files=change.all_files)
    at = at if change.at is None else change.at
    return Committed(task, tuple(desk.record(event, at, version) for event in change.events))


def _merge(stored: Task, before: Task, after: Task, version: int) -> Task:
    """Return ``after`` as it is to be stored, with what others wrote meanwhile where it changes nothing itself."""
    held, known, wanted = _unversioned(stored), _unversioned(before), _unversioned(after)
    if held == known:
        return after.having(number=stored.number, version=version)
    triples = zip(UNVERSIONED, zip(held, known, wanted, strict=True), strict=True)
    kept = {name: now for name, (now, old, new) in triples if old == new}
    return after.having(number=stored.number, version=version, **kept)


def checkpoint(desk: Desk, lease: Lease, tally: Tally, files: Sequence[FileState]) -> None:
    stored = desk.task(lease.task_id)
    if stored is None or not stored.active or (stored.owner, stored.fence) != (lease.owner, lease.fence):
        raise Fenced(f"task {lease.task_id[:8]} is no longer held by this worker")
    task = stored.having(
        received=tally.received,
        total=tally.total,
        files_done=tally.files_done,
        files_total=tally.files_total,
        speed_bps=tally.speed_bps,
        connections=tally.connections,
        name=stored.name if tally.name is None else tally.name,
    )
    desk.put(task)
    desk.put_files(task, files, all_files=False)


def renew(desk: Desk, worker_id: str, held: Mapping[TaskId, tuple[int, int]], until: float) -> Renewal:
    lost: set[TaskId] = set()
    changed: dict[TaskId, Task] = {}
    for task_id, (fence, version) in held.items():
        stored = desk.task(task_id)
        if stored is None or (stored.owner, stored.fence) != (worker_id, fence):
            lost.add(task_id)
            continue
        task = stored.having(lease_until=until)
        desk.put(task)
        if task.version != version:
            changed[task_id] = task
    return Renewal(frozenset(lost), changed)


def log(desk: Desk, events: Iterable[Lasting], now: float) -> list[Recorded]:
    return [desk.record(event, now, 0) for event in events]
