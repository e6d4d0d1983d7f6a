"""The memory store is the specification: whatever is done to both, SQLite shows the same."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from argosy.core.events import Lasting, StatusChanged, Warned
from argosy.core.types import FileSpec, FileState, FileStatus, Lease, Queue, Status, Task, TaskSpec
from argosy.errors import Fenced
from argosy.store.memory import MemoryStore
from argosy.store.port import Change, NewTask, Query, Store, Tally, WorkerInfo
from argosy.store.sqlite import SqliteStore

T = TypeVar("T")
few = st.integers(0, 3)
moments = st.one_of(st.none(), st.integers(0, 6).map(float))
hosts = st.sampled_from(["", "a:80", "b:80", "ü"])
sessions = st.sampled_from([None, "w0"])
owners = st.sampled_from([None, "w0", "w1"])
texts = st.sampled_from(["", "e", "É", "É".lower(), "%", "Data_", "ß", "x\udcff"])
statuses = st.sampled_from(Status)
sources = st.sampled_from(["https://h/data_1", "https://h/DATA%2", "ftp://é/ß", "weird \udcff name"])


@st.composite
def some_fields(draw: st.DrawFn) -> dict[str, object]:
    return {
        "status": draw(statuses),
        "queue": draw(st.sampled_from(Queue)),
        "priority": draw(few),
        "rank": float(draw(few)),
        "queued_at": float(draw(few)),
        "host": draw(hosts),
        "key": draw(st.sampled_from(["", "", "k1", "k2"])),
        "due_at": draw(moments),
        "finished_at": draw(moments),
        "lease_until": draw(moments),
        "owner": draw(owners),
        "fence": draw(few),
    }


@st.composite
def some_file(draw: st.DrawFn) -> FileState:
    start, length = draw(few), draw(st.integers(1, 2**40))
    started = draw(st.booleans())
    return FileState(
        "",
        draw(st.integers(0, 2)),
        ("https://h/é",),
        path=draw(st.sampled_from([None, "p\udc80"])),
        status=draw(st.sampled_from(FileStatus)),
        received=length if started else 0,
        extents=((start, start + length),) if started else (),
        block_hashes=b"12345678" * start if started else b"",
    )


class Stores(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.memory = MemoryStore()
        self.sqlite = SqliteStore(Path(self.folder.name) / "queue.db")
        self.runner.run(self.sqlite.open())
        self.known: list[Task] = []
        self.serial = 0
        self.held: list[Callable[[Store], Awaitable[object]]] | None = None

    def teardown(self) -> None:
        self.runner.run(self.sqlite.close())
        self.runner.close()
        self.folder.cleanup()

    def both(self, verb: Callable[[Store], Awaitable[T]]) -> T:
        """Ask both, which must answer the same, and return the answer."""
        (answer,) = self.all_of_both([verb])
        return answer  # type: ignore[return-value]

    def all_of_both(self, verbs: Sequence[Callable[[Store], Awaitable[object]]]) -> list[object]:
        async def told(store: Store, verb: Callable[[Store], Awaitable[object]]) -> object:
            try:
                return await verb(store)
            except Fenced:
                return Fenced

        async def asked(store: Store) -> list[object]:
            return await asyncio.gather(*(told(store, verb) for verb in verbs))

        expected, found = self.runner.run(asked(self.memory)), self.runner.run(asked(self.sqlite))
        assert found == expected
        return found

    def write(self, verb: Callable[[Store], Awaitable[object]]) -> None:
        """Do it to both, now or together with what follows, and remember the tasks it tells of."""
        if self.held is None:
            self.learn([self.both(verb)])
        else:
            self.held.append(verb)

    def learn(self, answers: Sequence[object]) -> None:
        for answer in chain.from_iterable(answer for answer in answers if isinstance(answer, list)):
            task = getattr(answer, "task", None) or getattr(answer, "current", None)
            self.known += [task] if task is not None else []

    @precondition(lambda self: self.held is None)
    @rule()
    def hold(self) -> None:
        """From now on writes are handed over all at once, so that they share a transaction."""
        self.held = []

    @precondition(lambda self: self.held)
    @rule()
    def release(self) -> None:
        held, self.held = self.held or [], None
        self.learn(self.all_of_both(held))

    def pick(self, data: st.DataObject) -> Task:
        """Return a task, as it is or as it once was."""
        return data.draw(st.sampled_from(self.known[-12:]))

    @rule(drawn=st.lists(st.tuples(some_fields(), sources, sessions, st.lists(some_file(), max_size=2)), max_size=4))
    def add(self, drawn: list[tuple[dict[str, object], str, str | None, list[FileState]]]) -> None:
        new = []
        for known, source, session, files in drawn:
            self.serial += 1
            spec = TaskSpec(source, "/d\udcfc", (FileSpec((source,)),))
            task = Task(f"{self.serial:032x}", spec, 1.5, 2.5, session=session, **known)  # type: ignore[arg-type]
            own = {file.index: replace(file, task_id=task.id) for file in files}
            new.append(NewTask(task, tuple(own.values())))
        self.write(lambda store: store.add(new))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        changes = []
        for _ in range(data.draw(st.integers(1, 3))):
            before = self.pick(data)
            fields = data.draw(some_fields())
            touched = data.draw(st.sets(st.sampled_from(sorted(fields))))
            after = replace(before, **{name: fields[name] for name in touched})  # type: ignore[arg-type]
            event = StatusChanged(before.id, before.status, after.status, "é")
            files = data.draw(st.lists(some_file(), max_size=2))
            changes.append(
                Change(
                    before,
                    data.draw(st.sampled_from([after, after, after, None])),
                    (event,) * data.draw(st.integers(0, 2)),
                    tuple({file.index: replace(file, task_id=before.id) for file in files}.values()),
                    fenced=data.draw(st.booleans()),
                    all_files=data.draw(st.booleans()),
                )
            )
        self.write(lambda store: store.commit(changes))

    @precondition(lambda self: self.known)
    @rule(
        data=st.data(), received=few, name=st.sampled_from([None, "É\udc80"]), files=st.lists(some_file(), max_size=2)
    )
    def checkpoint(self, data: st.DataObject, received: int, name: str | None, files: list[FileState]) -> None:
        task = self.pick(data)
        lease = Lease(task.id, task.owner or "w0", task.fence)
        own = [replace(file, task_id=task.id) for file in {file.index: file for file in files}.values()]
        self.write(lambda store: store.checkpoint(lease, Tally(received, None, 0, 1, 0.5, 1, name), own))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), worker=st.sampled_from(["w0", "w1"]), until=st.integers(0, 6).map(float))
    def renew(self, data: st.DataObject, worker: str, until: float) -> None:
        held = {task.id: (task.fence, task.version) for task in (self.pick(data) for _ in range(3))}
        self.write(lambda store: store.renew(worker, held, until, until))

    @rule(worker=st.sampled_from(["w0", "w1"]), seen=few)
    def register(self, worker: str, seen: int) -> None:
        self.write(lambda store: store.register(WorkerInfo(worker, "h", "b", 1, "s", float(seen))))

    @rule(worker=st.sampled_from(["w0", "w1"]))
    def forget(self, worker: str) -> None:
        self.write(lambda store: store.forget(worker))

    @rule(before=st.integers(0, 6).map(float), ended=st.frozensets(statuses), limit=st.integers(0, 2))
    def purge(self, before: float, ended: frozenset[Status], limit: int) -> None:
        self.write(lambda store: store.purge(finished_before=before, statuses=ended, limit=limit))

    @precondition(lambda self: self.known)
    @rule(data=st.data(), now=few)
    def log(self, data: st.DataObject, now: int) -> None:
        events: list[Lasting] = [Warned("stalled", "é\udc80", self.pick(data).id), Warned("disk_full", "x")]
        self.write(lambda store: store.log(events, float(now)))

    @rule(name=st.sampled_from("ab"), value=st.sampled_from([None, "", "1"]))
    def set_setting(self, name: str, value: str | None) -> None:
        self.write(lambda store: store.set_setting(name, value))

    @precondition(lambda self: self.held is None)
    @rule()
    def reopen(self) -> None:
        self.runner.run(self.sqlite.close())
        self.runner.run(self.sqlite.open())

    @rule(now=st.integers(0, 6).map(float), limit=st.integers(0, 3), session=sessions, full=st.frozensets(hosts))
    def runnable(self, now: float, limit: int, session: str | None, full: frozenset[str]) -> None:
        async def found(store: Store) -> list[str]:
            candidates = await store.runnable(now=now, limit=limit, session=session, full_hosts=full)
            assert len({candidate.id for candidate in candidates}) == len(candidates)
            return sorted(map(repr, candidates))

        self.both(found)
        self.both(lambda store: store.next_due(now=now, session=session))
        self.both(lambda store: store.reapable(now=now, dead={"w1"}, limit=limit))

    @rule(
        query=st.builds(
            Query,
            statuses=st.none() | st.frozensets(statuses),
            host=st.none() | hosts,
            text=st.none() | texts,
            key=st.sampled_from([None, None, "", "k1"]),
            session=sessions,
            newest_first=st.booleans(),
            after=st.none() | st.integers(0, 9),
            limit=st.integers(0, 4),
        )
    )
    def find(self, query: Query) -> None:
        self.both(lambda store: store.find(query))

    @precondition(lambda self: self.held is None)
    @invariant()
    def they_show_the_same(self) -> None:
        tasks = self.both(lambda store: store.find(Query(limit=1000)))
        for task in tasks:
            self.both(lambda store, task_id=task.id: store.files(task_id))  # type: ignore[misc]
            self.both(lambda store, task_id=task.id: store.events(task_id=task_id))  # type: ignore[misc]
        self.both(lambda store: store.get([task.id for task in self.known]))
        self.both(lambda store: store.counts())
        self.both(lambda store: store.events())
        self.both(lambda store: store.last_seq())
        self.both(lambda store: store.workers())
        self.both(lambda store: store.setting("a"))
        self.both(lambda store: store.resolve("0", 3))

        async def first(store: Store) -> bool:
            before = await store.first_rank()
            return all(before < task.rank for task in tasks)

        assert self.both(first)


Stores.TestCase.settings = settings(
    max_examples=50, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestStores = Stores.TestCase
