"""What one transaction reads and writes: a unit of work over an identity map.

Operations decide in Python, on tasks as values; the rows are read before in one statement and written after in a
few, whatever the number of operations. That keeps SQLite's steps (see ``statement``) from costing a wait each.
"""

from __future__ import annotations

import json
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import apsw

from argosy.core.events import Lasting, Recorded
from argosy.core.types import FileState, Task, TaskId
from argosy.store.codec import armour, disarm, spec_to_text
from argosy.store.sqlite.row import (
    EVENT_COLUMNS,
    FILE_COLUMNS,
    SEGMENT_COLUMNS,
    TASK_COLUMNS,
    TASK_FIELDS,
    event_values,
    fields_of,
    file_values,
    segment_values,
    some_values,
    task_from_row,
    task_values,
)
from argosy.store.sqlite.statement import listed, run, statement

REMEMBERED_TASKS = 1_024
"""How many tasks the identity map keeps from one transaction to the next. The collector looks through all of them when it looks
at what is new: with four times as many it held everybody up for 15 ms.
"""
ROWS_PER_STATEMENT = 128
"""apsw keeps prepared statements of up to 16 kB; this many rows of the widest table stay below."""
IDS_PER_STATEMENT = 4_096


class Work:
    """One connection's :class:`~argosy.store.rule.Desk`; ``begin``, then operations, then ``finish`` or ``abandon``.

    Nothing is written before ``finish`` or ``settle``.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._remembered: OrderedDict[TaskId, Task] = OrderedDict()
        self._counters: dict[str, int] = {}
        self.data_version = -1
        """SQLite's number that differs after a commit through another connection."""
        self._clear()

    def _clear(self) -> None:
        self._stored: dict[TaskId, Task | None] = {}  # as they were at begin, of those that were looked for
        self._now: dict[TaskId, Task | None] = {}  # as they will be, of those that were changed
        self._stored_keys: dict[str, dict[TaskId, None]] = {}
        self._keys: defaultdict[str, dict[TaskId, None]] = defaultdict(dict)  # of the changed tasks
        self._emptied: set[int] = set()
        self._files: dict[tuple[int, int], FileState] = {}
        self._events: list[tuple[Any, ...]] = []
        self._counted: dict[str, int] = {}

    # -- the transaction -----------------------------------------------------------------------------
    def begin(self) -> None:
        """Take the database's write lock."""
        self.connection.execute("BEGIN IMMEDIATE")
        version: int = self.connection.pragma("data_version")
        if version != self.data_version:
            self.forget()
            self.data_version = version

    def look_up(self, ids: Iterable[TaskId], keys: Iterable[str]) -> None:
        """Read, all at once, the tasks that the operations will ask for."""
        self._find_keys(keys)
        self._load(ids)

    def finish(self) -> None:
        """Write what was decided and make it durable."""
        self.settle()
        self.connection.execute("COMMIT")

    def settle(self) -> apsw.Connection:
        """Write what was decided so far and return the connection, for statements that go past the identity map."""
        self._write()
        self._counters.update(self._counted)
        for task_id, task in self._now.items():
            self._remember(task_id, task)
        self._clear()
        return self.connection

    def abandon(self) -> None:
        """Leave everything as it was at ``begin``."""
        self.forget()
        self._clear()
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def forget(self) -> None:
        """Read everything anew from now on: somebody wrote past the identity map."""
        self._remembered.clear()
        self._counters.clear()

    # -- the desk ------------------------------------------------------------------------------------
    def task(self, task_id: TaskId) -> Task | None:
        if task_id in self._now:
            return self._now[task_id]
        if task_id not in self._stored:
            self._load([task_id])
        return self._stored[task_id]

    def unfinished(self, key: str) -> Task | None:
        if key not in self._stored_keys:
            self._find_keys([key])
        same = (self.task(task_id) for task_id in chain(self._stored_keys[key], self._keys.get(key, ())))
        open_ones = [task for task in same if task is not None and task.key == key and not task.terminal]
        return min(open_ones, key=lambda task: task.number, default=None)

    def add(self, task: Task) -> Task:
        task = task.having(number=self._count("number"))
        self._change(task)
        return task

    def put(self, task: Task) -> None:
        self.task(task.id)  # what is stored must be known to write the difference
        self._change(task)

    def drop(self, task: Task) -> None:
        self.task(task.id)
        self._now[task.id] = None

    def put_files(self, task: Task, files: Sequence[FileState], *, all_files: bool) -> None:
        if all_files:
            self._emptied.add(task.number)
            self._files = {place: file for place, file in self._files.items() if place[0] != task.number}
        for file in files:
            self._files[task.number, file.index] = file

    def record(self, event: Lasting, at: float, version: int) -> Recorded:
        recorded = Recorded(self._count("event"), at, version, event)
        self._events.append(event_values(recorded, self._number_of(event.task_id)))
        return recorded

    # -- reading -------------------------------------------------------------------------------------
    def _load(self, ids: Iterable[TaskId]) -> None:
        missing = []
        for task_id in ids:
            if task_id in self._stored:
                continue
            if (known := self._remembered.get(task_id)) is not None:
                self._stored[task_id] = known
            else:
                self._stored[task_id] = None
                missing.append(armour(task_id))
        for chunk in _chunks(missing, IDS_PER_STATEMENT):
            for row in listed(self.connection, "task_by_id", (json.dumps(chunk),)):
                task = task_from_row(row)
                self._stored[task.id] = task

    def _find_keys(self, keys: Iterable[str]) -> None:
        missing = [key for key in dict.fromkeys(keys) if key not in self._stored_keys]
        self._stored_keys.update((key, {}) for key in missing)
        found: list[TaskId] = []
        for chunk in _chunks([armour(key) for key in missing], IDS_PER_STATEMENT):
            for key, task_id in listed(self.connection, "ids_by_key", (json.dumps(chunk),)):
                self._stored_keys[disarm(key)][disarm(task_id)] = None
                found.append(disarm(task_id))
        self._load(found)

    def _number_of(self, task_id: TaskId | None) -> int | None:
        if task_id is None:
            return None
        task = self._now.get(task_id) or self.task(task_id) or self._stored.get(task_id)  # a removed one had a number
        return None if task is None else task.number

    def _count(self, name: str) -> int:
        if name not in self._counters:
            self._counters.update(map(tuple, listed(self.connection, "counts")))
        self._counted[name] = value = self._counted.get(name, self._counters[name]) + 1
        return value

    def _change(self, task: Task) -> None:
        self._now[task.id] = task
        if task.key:
            self._keys[task.key][task.id] = None

    def _remember(self, task_id: TaskId, task: Task | None) -> None:
        self._remembered.pop(task_id, None)
        if task is not None and not task.terminal:
            self._remembered[task_id] = task
            if len(self._remembered) > REMEMBERED_TASKS:
                self._remembered.popitem(last=False)

    # -- writing -------------------------------------------------------------------------------------
    def _write(self) -> None:
        pairs = [(self._stored.get(task_id), task) for task_id, task in self._now.items()]
        gone = [old.number for old, new in pairs if old is not None and _other(old, new)]
        new_ones = [new for old, new in pairs if new is not None and _other(new, old)]
        same = [(old, new) for old, new in pairs if old is not None and new is not None and not _other(old, new)]
        if gone:
            run(self.connection, "drop_tasks", (json.dumps(gone),))
        self._insert_tasks(new_ones)
        self._update_tasks(same)
        self._write_files(alive={new.number for _, new in pairs if new is not None})
        self._insert("events", EVENT_COLUMNS, self._events)
        for name, value in self._counted.items():
            run(self.connection, "put_counter", (name, value))
        ranks = [new.rank for old, new in pairs if new is not None and (old is None or old.rank != new.rank)]
        if ranks:
            run(self.connection, "put_lowest_rank", (float(min(ranks)),))

    def _insert_tasks(self, tasks: Sequence[Task]) -> None:
        self._insert("tasks", TASK_COLUMNS, [task_values(task) for task in tasks])
        self._insert("specs", ("number", "spec"), [(task.number, spec_to_text(task.spec)) for task in tasks])

    def _update_tasks(self, pairs: Iterable[tuple[Task, Task]]) -> None:
        """Write the changed columns only: an index whose columns stay is not touched."""
        shapes: defaultdict[tuple[str, ...], list[Sequence[Any]]] = defaultdict(list)
        for old, new in pairs:
            columns = _difference(old, new)
            if columns:
                shapes[columns].append((new.number, *some_values(new, columns)))
            if new.spec is not old.spec and new.spec != old.spec:
                run(self.connection, "update_spec", (new.number, spec_to_text(new.spec)))
        for columns, rows in shapes.items():
            assignments = ", ".join(f"{name} = fresh.column{place}" for place, name in enumerate(columns, start=2))
            for size, bindings in _padded(rows):
                placeholders = _placeholders(size, len(columns) + 1)
                text = statement("update_tasks", assignments=assignments, rows=placeholders)
                self.connection.execute(text, bindings)

    def _write_files(self, alive: set[int]) -> None:
        if self._emptied:
            numbers = json.dumps(sorted(self._emptied))
            run(self.connection, "drop_files", (numbers,))
            run(self.connection, "drop_segments", (numbers,))
        places = [(number, file) for (number, _), file in self._files.items() if number in alive]
        self._upsert("files", FILE_COLUMNS, [file_values(number, file) for number, file in places])
        segments = [(number, file.index, segment_values(number, file)) for number, file in places]
        self._upsert("segments", SEGMENT_COLUMNS, [values for _, _, values in segments if values is not None])
        bare = [(number, index) for number, index, values in segments if values is None]
        known = {old.number for old in self._stored.values() if old is not None}
        for number, index in bare:
            if number in known:  # a new task's files cannot have segments yet
                run(self.connection, "drop_segment", (number, index))

    def _insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        for size, bindings in _padded(rows):
            placeholders = _placeholders(size, len(columns))
            text = statement("insert", table=table, columns=", ".join(columns), rows=placeholders)
            self.connection.execute(text, bindings)

    def _upsert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        free = columns[2:]
        parts = {
            "table": table,
            "columns": ", ".join(columns),
            "assignments": ", ".join(f"{name} = excluded.{name}" for name in free),
            "old": ", ".join(f"{table}.{name}" for name in free),
            "new": ", ".join(f"excluded.{name}" for name in free),
        }
        for size, bindings in _padded(rows):
            text = statement("upsert", rows=_placeholders(size, len(columns)), **parts)
            self.connection.execute(text, bindings)


def _other(one: Task, two: Task | None) -> bool:
    """Whether these are not the same row."""
    return two is None or one.number != two.number


def _difference(old: Task, new: Task) -> tuple[str, ...]:
    if old is new:
        return ()
    triples = zip(TASK_FIELDS, fields_of(old), fields_of(new), strict=True)
    columns = [name for name, was, is_now in triples if was is not is_now and was != is_now]
    if "status" in columns or "due_at" in columns:
        columns.append("ready")
    if old.spec is not new.spec:
        columns += ["source"] * (old.spec.source != new.spec.source)
        columns += ["directory"] * (old.spec.directory != new.spec.directory)
    return tuple(columns)


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _padded(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows as flat bindings in powers of two, filled up with nulls: so few statement texts serve all."""
    for chunk in _chunks(rows, ROWS_PER_STATEMENT):
        size = 1 << (len(chunk) - 1).bit_length()
        bindings = list(chain.from_iterable(chunk))
        bindings += [None] * ((size - len(chunk)) * len(chunk[0]))
        yield size, bindings


def _placeholders(size: int, width: int) -> str:
    row = "(" + ",".join("?" * width) + ")"
    return ",".join([row] * size)
