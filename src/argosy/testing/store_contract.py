"""What every store must do, as tests.

Derive from :class:`StoreContract` and say how to make a store::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def make_store(self, tmp_path):
            return lambda: MyStore(tmp_path / "queue")

Each call of ``make_store`` must return a store on the same data (the same object if there can be only one). Needs
pytest and pytest-asyncio.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import fields, replace
from itertools import count
from typing import Any, get_args

import pytest
import pytest_asyncio

from argosy.core.checksum import Checksum
from argosy.core.events import Lasting, StatusChanged, Warned
from argosy.core.pieces import Pieces
from argosy.core.types import (
    ACTIVE,
    TERMINAL,
    FileSpec,
    FileState,
    FileStatus,
    Kept,
    Lease,
    Queue,
    Status,
    Task,
    TaskSpec,
    TransferOptions,
    Want,
)
from argosy.errors import Failure, Fenced
from argosy.store.port import (
    EVENTS_PER_TASK,
    EXPIRED_AT_ONCE,
    Change,
    Committed,
    NewTask,
    Query,
    Record,
    Refused,
    SortKey,
    Store,
    Tally,
    WorkerInfo,
    sort_value,
)

MakeStore = Callable[[], Store]
T0 = 1_800_000_000.25
_serial = count(1)


def make_task(**known: object) -> Task:
    """Return a new task like no other, with these fields."""
    serial = next(_serial)
    spec = TaskSpec(f"https://example.org/{serial}.bin", "/downloads", (FileSpec((f"https://example.org/{serial}",)),))
    plain = Task(f"{serial:032x}", spec, T0, T0, rank=float(serial), queued_at=T0 + serial, host="example.org:443")
    return replace(plain, **known)  # type: ignore[arg-type]


def full_task() -> Task:
    """Return a task in which no field has its default, so that one that is not kept is seen."""
    checksum = Checksum("sha256", "ab" * 32)
    spec = TaskSpec(
        "https://user:geheim@example.org/Ünï\udcff.bin",
        "/downloads/Übung\udce4",
        (
            FileSpec(
                ("https://a.example/x", "ftp://b.example/x"),
                "sub/ü\udcfc.bin",
                12,
                checksum,
                '"ä"',
                Pieces("md5", 8, "0" * 64),
            ),
        ),
        full_options(),
        "curl",
        "https://user:geheim@example.org/told",
        ("*.jsön",),
        ("sub-01/",),
    )
    error = Failure("busy", "503", "später", retryable=True, exit_code=5, retry_after_s=1.1)
    return make_task(
        spec=spec,
        created_at=T0 + 0.1,
        updated_at=T0 + 0.3,
        version=7,
        status=Status.RUNNING,
        queue=Queue.INTERACTIVE,
        priority=-3,
        rank=0.1 + 0.2,
        queued_at=T0 + 1 / 3,
        host="exämple.org:443",
        session="s\udc80",
        key="key\uffff",
        want=Want.CANCEL,
        owner="worker",
        fence=9,
        lease_until=T0 + 30.7,
        pid=4711,
        attempt=2,
        max_retries=9,
        due_at=T0 - 1,
        error=error,
        name="nam\udcfce",
        received=2**53 + 1,
        mark=17,
        total=2**62,
        files_total=5,
        files_done=3,
        speed_bps=1e6 / 3,
        connections=4,
        started_at=T0 + 2,
        finished_at=T0 + 3,
        warning="stalled",
    )


def full_options() -> TransferOptions:
    return TransferOptions(
        connections=3,
        headers=(("X-One", "1"), ("X-Two", "2")),
        user_agent="me",
        referer="https://r.example",
        user="name:password",
        cookie="a=b",
        cookie_file="/c",
        netrc=False,
        netrc_file="/n",
        proxy="",
        ca_file="/ca",
        insecure=True,
        client_cert="/cc",
        client_key="/ck",
        http_version="2",
        limit_bps=5,
        connect_timeout_s=1.5,
        stall_timeout_s=2,
        if_exists="newer",
        keep_time=False,
        allow_html=True,
        sidecar="auto",
        file_retries=0,
    )


def full_file(task: Task, index: int = 0) -> FileState:
    return FileState(
        task_id=task.id,
        index=index,
        urls=("https://a.example/ü", "https://b.example/"),
        path="sub/\udcfc.bin",
        size=2**40,
        checksum=Checksum("md5", "0f" * 16),
        status=FileStatus.PUBLISHING,
        part=".x.part",
        published="x (1).bin",
        received=2**41,
        extents=((0, 7), (2**33, 2**40)),
        block_size=4 << 20,
        block_hashes=bytes(range(256)),
        part_mtime_ns=1_800_000_000_123_456_789,
        memo='{"π": 1}',
        etag='"ä"',
        last_modified="Mon, 23 Nov 2026 00:00:00 GMT",
        date_is_strong=True,
        content_type="text/plain",
        resumable=False,
        attempts=3,
        error=Failure("network", "reset", retryable=True),
        verified_by="sha256",
    )


def moved(task: Task, to: Status, **known: object) -> Change:
    """Return the change of the task to another status, with its event."""
    after = replace(task, status=to, updated_at=task.updated_at + 1, **known)  # type: ignore[arg-type]
    return Change(task, after, (StatusChanged(task.id, task.status, to, "test"),))


def claimed(task: Task, owner: str = "w1", until: float = T0 + 30) -> Change:
    return moved(task, Status.SCHEDULED, owner=owner, fence=task.fence + 1, lease_until=until)


def tally(received: int = 5, name: str | None = None) -> Tally:
    return Tally(received, 10, 1, 2, 3.5, 4, name)


async def put(store: Store, *tasks: Task) -> list[Task]:
    return [added.task for added in await store.add([NewTask(task) for task in tasks])]


async def put_one(store: Store, **known: object) -> Task:
    (task,) = await put(store, make_task(**known))
    return task


async def did(store: Store, *changes: Change) -> Task:
    """Apply the changes, which must not be refused, and return the task of the last."""
    answers = await store.commit(changes)
    last = answers[-1]
    assert all(isinstance(answer, Committed) for answer in answers), answers
    assert isinstance(last, Committed)
    assert last.task is not None
    return last.task


async def stored(store: Store, task: Task) -> Task | None:
    return (await store.get([task.id])).get(task.id)


async def leased(store: Store, **known: object) -> tuple[Task, Lease]:
    task = await did(store, claimed(await put_one(store, **known)))
    assert task.lease is not None
    return task, task.lease


def ids(found: Sequence[Task]) -> list[str]:
    return [task.id for task in found]


class StoreContract:
    """The obligations of :class:`argosy.store.port.Store`."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def make_store(self) -> MakeStore:
        raise NotImplementedError("say how to make a store")

    @pytest_asyncio.fixture
    async def store(self, make_store: MakeStore) -> AsyncIterator[Store]:
        store = make_store()
        await store.open()
        yield store
        await store.close()

    @pytest_asyncio.fixture
    async def rival(self, store: Store, make_store: MakeStore) -> AsyncIterator[Store]:
        """Another store on the same data, as another process has it."""
        rival = make_store()
        await rival.open()
        yield rival
        await rival.close()

    # -- life ----------------------------------------------------------------------------------------
    async def test_opening_and_closing_twice_is_like_once(self, store: Store) -> None:
        await store.open()
        task = await put_one(store)
        await store.close()
        await store.close()
        await store.open()
        assert await stored(store, task) == task

    async def test_close_finishes_what_was_handed_over(self, store: Store) -> None:
        waiting = [asyncio.ensure_future(put_one(store)) for _ in range(50)]
        await asyncio.sleep(0)  # let each of them hand over
        await store.close()
        tasks = await asyncio.gather(*waiting)
        await store.open()
        assert len(await store.get(ids(tasks))) == 50

    async def test_several_event_loops_may_use_one_store(self, store: Store) -> None:
        results: list[Task] = []
        threads = [threading.Thread(target=lambda: results.append(asyncio.run(put_one(store)))) for _ in range(4)]
        for thread in threads:
            thread.start()
        mine = await put_one(store)
        await asyncio.gather(*(asyncio.to_thread(thread.join) for thread in threads))
        assert sorted(task.number for task in [*results, mine]) == [1, 2, 3, 4, 5]

    async def test_operations_handed_over_together_happen_in_their_order(self, store: Store) -> None:
        task, ended = make_task(session="w1", key="k"), make_task(status=Status.FAILED, finished_at=T0 - 1)
        before = await store.add([NewTask(ended)])
        paused = moved(replace(task, number=2), Status.PAUSED)
        gone = {"finished_before": T0, "statuses": TERMINAL, "limit": 5}
        *_, answers, again, purged, missing = await asyncio.gather(
            store.add([NewTask(task)]),
            store.forget("w1"),
            store.commit([paused]),
            store.add([NewTask(make_task(key="k"))]),
            store.purge(**gone),  # type: ignore[arg-type]
            store.commit([moved(before[0].task, Status.PENDING)]),
        )
        assert isinstance(answers[0], Committed)
        assert await store.get([task.id]) == {task.id: answers[0].task}
        assert answers[0].task is not None
        assert answers[0].task.session is None
        assert (again[0].existed, again[0].task) == (True, answers[0].task)
        assert (purged, list(missing)) == (1, [Refused(ended.id, None)])

    async def test_an_operation_goes_on_when_its_caller_is_cancelled(self, store: Store) -> None:
        task = make_task()
        caller = asyncio.ensure_future(put(store, task))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        await put_one(store)
        assert await stored(store, task) is not None

    # -- add -----------------------------------------------------------------------------------------
    async def test_tasks_are_numbered_from_one_in_the_order_in_which_they_were_added(self, store: Store) -> None:
        first = await put(store, make_task(), make_task())
        second = await put(store, make_task())
        assert [task.number for task in first + second] == [1, 2, 3]

    async def test_every_field_of_a_task_comes_back_as_it_was_given(self, store: Store, rival: Store) -> None:
        task = full_task()
        plain = {field.name: field.default for field in fields(Task)}
        untold = [name for name, default in plain.items() if name != "number" and getattr(task, name) == default]
        assert untold == []  # else this test no longer proves what it says
        assert await put(store, task) == [replace(task, number=1)]
        assert await stored(rival, task) == replace(task, number=1)

    async def test_every_field_of_a_file_comes_back_as_it_was_given(self, store: Store, rival: Store) -> None:
        task = make_task()
        files = (full_file(task, 0), FileState(task.id, 1, ()), full_file(task, 2))
        await store.add([NewTask(task, files)])
        assert await rival.files(task.id) == list(files)

    async def test_adding_logs_that_the_task_came_to_be(self, store: Store) -> None:
        task = make_task(status=Status.PAUSED, updated_at=T0 + 5)
        await store.add([NewTask(task, reason="import")])
        (recorded,) = await store.events()
        assert (recorded.event, recorded.at) == (StatusChanged(task.id, None, Status.PAUSED, "import"), T0 + 5)
        assert recorded.version == task.version

    async def test_files_of_many_tasks_come_in_one_answer_by_index(self, store: Store, rival: Store) -> None:
        tasks = [make_task() for _ in range(3)]
        files = {
            task.id: [FileState(task.id, index, (f"https://h/{index}",), received=index) for index in range(count)]
            for task, count in zip(tasks, (3, 0, 1), strict=True)
        }
        await store.add([NewTask(task, tuple(reversed(files[task.id]))) for task in tasks])
        found = await rival.files_of([*ids(tasks), "f" * 32])
        assert {task_id: list(each) for task_id, each in found.items()} == {
            task.id: files[task.id] for task in tasks if files[task.id]
        }

    async def test_the_same_key_finds_the_unfinished_task(self, store: Store) -> None:
        first = await put_one(store, key="k")
        (again,) = await store.add([NewTask(make_task(key="k"))])
        assert (again.existed, again.task) == (True, first)
        assert len(await store.events()) == 1

    async def test_the_same_key_twice_in_one_call_is_one_task(self, store: Store) -> None:
        one, two = await store.add([NewTask(make_task(key="k")), NewTask(make_task(key="k"))])
        assert (one.existed, two.existed, two.task) == (False, True, one.task)

    async def test_tasks_without_a_key_are_never_the_same(self, store: Store) -> None:
        assert len({task.number for task in await put(store, make_task(key=""), make_task(key=""))}) == 2

    @pytest.mark.parametrize("end", sorted(TERMINAL))
    async def test_the_key_of_a_finished_task_is_free(self, store: Store, end: Status) -> None:
        first = await put_one(store, key="k")
        await did(store, moved(first, end))
        (again,) = await store.add([NewTask(make_task(key="k"))])
        assert not again.existed

    async def test_the_key_of_a_removed_task_is_free(self, store: Store) -> None:
        first = await put_one(store, key="k")
        await store.commit([Change(first, None)])
        (again,) = await store.add([NewTask(make_task(key="k"))])
        assert not again.existed

    async def test_by_keys_finds_the_newest_finished_task_of_each_key(self, store: Store, rival: Store) -> None:
        for status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED):
            await put_one(store, key="a", status=status)
        newest = await put_one(store, key="a", status=Status.FAILED)
        await put_one(store, key="a")
        other = await put_one(store, key="b\udc80", status=Status.COMPLETED)
        await put_one(store, key="waits")
        await put_one(store, status=Status.COMPLETED)
        assert await rival.by_keys(["a", "b\udc80", "waits", "nobody", ""]) == {"a": newest, "b\udc80": other}
        assert await rival.by_keys([]) == {}

    async def test_by_keys_forgets_what_waits_again_or_is_gone(self, store: Store) -> None:
        again, gone = await put(store, *(make_task(key=key, status=Status.FAILED) for key in "ab"))
        await did(store, moved(again, Status.PENDING))
        await store.commit([Change(gone, None)])
        assert await store.by_keys(["a", "b"]) == {}

    async def test_kept_finds_finished_files_by_their_checksum_newest_first(self, store: Store, rival: Store) -> None:
        known = Checksum("sha256", "0f" * 32)

        def finished(task: Task, index: int, **other: object) -> FileState:
            done = {"status": FileStatus.DONE, "checksum": known, "published": f"\udcfc{index}", "size": 5, **other}
            return replace(full_file(task, index), **done)  # type: ignore[arg-type]

        older, newer = (
            replace(task, spec=replace(task.spec, directory=folder))
            for task, folder in ((make_task(), "/o\udcfc"), (make_task(), "/n"))
        )
        others = (
            finished(older, 1, status=FileStatus.SKIPPED), finished(older, 2, status=FileStatus.PUBLISHING),
            finished(older, 3, checksum=None), finished(older, 4, checksum=Checksum("sha256", "0e" * 32)),
            finished(older, 5, published=None),
        )  # fmt: skip
        mine = finished(newer, 1, part_mtime_ns=None, received=0, extents=(), block_size=0, block_hashes=b"", memo=None)
        await store.add([NewTask(older, (finished(older, 0), *others)), NewTask(newer, (finished(newer, 0), mine))])
        moment = full_file(older).part_mtime_ns
        found = [Kept("/n/\udcfc0", 5, moment), Kept("/n/\udcfc1", 5, None), Kept("/o\udcfc/\udcfc0", 5, moment)]
        assert list(await rival.kept(known, 9)) == found
        assert list(await rival.kept(known, 2)) == found[:2]
        assert list(await rival.kept(Checksum("sha256", "0d" * 32), 9)) == []
        await store.commit([Change((await store.get([newer.id]))[newer.id], None)])
        assert list(await store.kept(known, 9)) == found[2:]

    async def test_the_key_of_a_task_that_was_finished_and_waits_again_is_taken(self, store: Store) -> None:
        task = await put_one(store, key="k", status=Status.FAILED)
        await did(store, moved(task, Status.PENDING))
        (again,) = await store.add([NewTask(make_task(key="k"))])
        assert (again.existed, again.task.id) == (True, task.id)

    async def test_an_id_that_is_stored_is_not_added_again(self, store: Store) -> None:
        task = await put_one(store, status=Status.COMPLETED)
        (again,) = await store.add([NewTask(replace(task, number=0))])
        assert (again.existed, again.task) == (True, task)

    async def test_adding_nothing_is_nothing(self, store: Store) -> None:
        assert list(await store.add([])) == []
        assert list(await store.commit([])) == []

    # -- reading -------------------------------------------------------------------------------------
    async def test_get_returns_those_that_exist(self, store: Store) -> None:
        task = await put_one(store)
        assert await store.get([task.id, "f" * 32]) == {task.id: task}

    async def test_a_prefix_names_the_ids_that_begin_with_it(self, store: Store) -> None:
        await put(store, *(make_task(id=one * 32) for one in ("aa1", "aa2", "ab3", "b")))
        assert await store.resolve("ab") == ["ab3" * 32]
        assert sorted(await store.resolve("aa")) == ["aa1" * 32, "aa2" * 32]
        assert len(await store.resolve("a", limit=2)) == 2
        assert list(await store.resolve("c")) == []

    async def test_pages_follow_each_other_by_number(self, store: Store) -> None:
        tasks = await put(store, *(make_task() for _ in range(5)))
        first = await store.find(Query(limit=2))
        second = await store.find(Query(limit=2, after=first[-1].number))
        assert [*first, *second] == tasks[:4]
        newest = await store.find(Query(limit=2, newest_first=True))
        older = await store.find(Query(limit=2, newest_first=True, after=newest[-1].number))
        assert [*newest, *older] == tasks[:0:-1]

    @pytest.mark.parametrize("newest_first", [False, True])
    @pytest.mark.parametrize("by", get_args(SortKey))
    async def test_pages_in_any_order_have_each_task_once(self, store: Store, by: SortKey, newest_first: bool) -> None:
        kinds: list[dict[str, Any]] = [
            {"priority": 1, "name": "b", "total": 7, "updated_at": T0 + 1, "finished_at": T0 + 2},
            {"priority": -1, "name": "A", "total": None, "updated_at": T0, "finished_at": T0 + 1},
            {"priority": 0, "name": None, "total": 0, "finished_at": T0 + 1.5},
            {"name": "é", "total": 2**62, "finished_at": None},
        ]
        equal = itertools.cycle(kinds)
        tasks = await put(store, *(make_task(**next(equal)) for _ in range(13)))
        eligible = [task for task in tasks if by != "finished_at" or task.finished_at is not None]
        found: list[Task] = []
        while True:
            after, value = (found[-1].number, sort_value(found[-1], by)) if found else (None, None)
            query = Query(by=by, newest_first=newest_first, after=after, after_value=value, limit=3)
            page = await store.find(query)
            found += page
            if len(page) < 3:
                break
        wanted = sorted(eligible, key=lambda task: (sort_value(task, by), task.number), reverse=newest_first)
        assert found == wanted

    async def test_a_sorted_page_heeds_every_condition(self, store: Store) -> None:
        low, high = await put(
            store, make_task(host="a", name="wanted1"), make_task(host="a", name="wanted2", priority=5)
        )
        await put(store, make_task(host="b", name="wanted3"), make_task(host="a", name="y"))
        await put_one(store, host="a", name="wanted4", status=Status.PAUSED)
        query = Query(statuses=frozenset({Status.PENDING}), host="a", text="wanted", by="priority", newest_first=True)
        assert await store.find(query) == [high, low]
        assert await store.find(replace(query, statuses=frozenset())) == []

    @pytest.mark.parametrize("by", ["number", "finished_at", "name"])
    async def test_find_looks_at_when_tasks_were_made_and_ended(self, store: Store, by: SortKey) -> None:
        early = await put_one(store, created_at=T0, finished_at=T0 + 5, name="a", status=Status.FAILED)
        late = await put_one(store, created_at=T0 + 9, finished_at=T0 + 10, name="b", status=Status.COMPLETED)
        await put_one(store, created_at=T0 + 20, name="c")
        assert await store.find(Query(by=by, created=(T0, T0 + 9))) == [early]
        assert await store.find(Query(by=by, created=(T0 + 1, T0 + 10))) == [late]
        assert await store.find(Query(by=by, finished=(None, T0 + 10))) == [early]
        assert await store.find(Query(by=by, finished=(T0 + 5, None))) == [early, late]

    async def test_find_looks_at_status_host_key_and_session(self, store: Store) -> None:
        a = await put_one(store, host="a", key="ka", session="s")
        b = await put_one(store, host="b", key="kb", status=Status.PAUSED)
        c = await put_one(store, host="a", status=Status.PAUSED, session="s")
        both = frozenset({Status.PENDING, Status.PAUSED})
        assert await store.find(Query(statuses=both)) == [a, b, c]
        assert await store.find(Query(statuses=frozenset({Status.PAUSED}))) == [b, c]
        assert await store.find(Query(statuses=frozenset())) == []
        assert await store.find(Query(host="a")) == [a, c]
        assert await store.find(Query(host="a", newest_first=True, limit=1)) == [c]
        assert await store.find(Query(key="kb")) == [b]
        assert await store.find(Query(key="")) == [c]
        assert await store.find(Query(session="s", statuses=both, host="a", after=a.number)) == [c]

    async def test_find_looks_for_text_in_source_and_name_ignoring_case(self, store: Store) -> None:
        a = await put_one(store, spec=TaskSpec("https://example.org/Data_1.ZIP", "/d"))
        b = await put_one(store, spec=TaskSpec("https://example.org/2", "/d"), name="Prüfung 100%.zip")
        assert await store.find(Query(text="zip")) == [a, b]
        assert await store.find(Query(text="data_1")) == [a]
        assert await store.find(Query(text="PRÜF")) == [b]
        assert await store.find(Query(text="0%")) == [b]
        assert await store.find(Query(text="a%1")) == []
        assert await store.find(Query(text="d.ta")) == []

    async def test_a_search_does_not_find_out_secrets(self, store: Store) -> None:
        await put_one(store, spec=TaskSpec("https://name:geheim@example.org/a?token=s3cret&x=1", "/d"))
        for secret in ("geheim", "s3cret", "S3C", "gehé"):
            assert await store.find(Query(text=secret)) == []
        assert len(await store.find(Query(text="x=1"))) == 1

    async def test_counts_tell_every_status(self, store: Store) -> None:
        assert await store.counts() == dict.fromkeys(Status, 0)
        one, two, three = await put(store, make_task(), make_task(), make_task(status=Status.PAUSED))
        await store.commit([moved(one, Status.CANCELLED), Change(two, None), Change(three, three)])
        assert await store.counts() == dict.fromkeys(Status, 0) | {Status.CANCELLED: 1, Status.PAUSED: 1}

    async def test_depths_tell_how_many_wait_in_each_queue(self, store: Store) -> None:
        assert await store.depths() == dict.fromkeys(Queue, 0)
        await put(
            store,
            make_task(queue=Queue.INTERACTIVE), make_task(queue=Queue.INTERACTIVE, due_at=T0 + 1e6),
            make_task(queue=Queue.AUTOMATIC), make_task(queue=Queue.AUTOMATIC, status=Status.PAUSED),
            make_task(queue=Queue.INTERACTIVE, status=Status.RETRYING, due_at=T0 + 5.0),
        )  # fmt: skip
        assert await store.depths() == {Queue.INTERACTIVE: 2, Queue.AUTOMATIC: 1, Queue.RETRY: 1}

    # -- commit --------------------------------------------------------------------------------------
    async def test_a_change_is_stored_with_the_next_version_and_its_events(self, store: Store, rival: Store) -> None:
        task = await put_one(store)
        change = moved(task, Status.PAUSED)
        (answer,) = await store.commit([change])
        assert isinstance(answer, Committed)
        assert answer.task == replace(task, status=Status.PAUSED, version=task.version + 1, updated_at=T0 + 1)
        assert await stored(rival, task) == answer.task
        assert [(one.event, one.version, one.at) for one in answer.events] == [(change.events[0], 2, T0 + 1)]
        assert list(await rival.events(after=1)) == list(answer.events)

    async def test_a_change_may_touch_every_field(self, store: Store, rival: Store) -> None:
        task = await put_one(store)
        after = replace(full_task(), id=task.id)
        changed = await did(store, Change(task, after))
        assert changed == replace(after, number=task.number, version=2)
        assert await stored(rival, task) == changed

    async def test_a_change_of_another_version_is_refused_with_the_current_task(self, store: Store) -> None:
        task = await put_one(store)
        current = await did(store, moved(task, Status.PAUSED))
        assert await store.commit([moved(task, Status.CANCELLED)]) == [Refused(task.id, current)]
        assert await stored(store, task) == current
        assert await store.last_seq() == 2

    async def test_a_change_of_a_task_that_is_gone_is_refused(self, store: Store) -> None:
        task = make_task()
        assert await store.commit([moved(task, Status.PAUSED)]) == [Refused(task.id, None)]

    async def test_one_refusal_does_not_undo_the_others(self, store: Store) -> None:
        one, two, three = await put(store, make_task(), make_task(), make_task())
        stale = replace(two, version=9)
        answers = await store.commit([moved(task, Status.PAUSED) for task in (one, stale, three)])
        assert [type(answer) for answer in answers] == [Committed, Refused, Committed]
        assert (await store.counts())[Status.PAUSED] == 2

    async def test_changes_of_one_task_in_one_call_build_on_each_other(self, store: Store) -> None:
        task = await put_one(store)
        first = claimed(task)
        assert first.after is not None
        second = replace(moved(first.after, Status.RUNNING), fenced=True)
        answers = await store.commit([first, second])
        assert [answer.task.version for answer in answers if isinstance(answer, Committed) and answer.task] == [2, 3]
        assert [recorded.version for recorded in await store.events()] == [1, 2, 3]

    async def test_what_builds_on_a_refused_change_is_refused(self, store: Store) -> None:
        task = await put_one(store)
        stale = moved(replace(task, version=0), Status.PAUSED)
        answers = await store.commit([stale, moved(task, Status.CANCELLED)])
        assert answers == [Refused(task.id, task)] * 2

    async def test_of_racing_claims_exactly_one_is_committed(self, store: Store, rival: Store) -> None:
        tasks = await put(store, *(make_task() for _ in range(20)))
        claims = [
            racer.commit([claimed(task, owner)])
            for task in tasks
            for racer, owner in ((store, "a"), (rival, "b"), (store, "c"))
        ]
        answers = [answer for (answer,) in await asyncio.gather(*claims)]
        assert sum(isinstance(answer, Committed) for answer in answers) == 20
        assert all(answer.current is not None for answer in answers if isinstance(answer, Refused))
        owners = {task.id: task.owner for task in (await store.get(ids(tasks))).values()}
        won = [answer.task for answer in answers if isinstance(answer, Committed) and answer.task]
        assert {task.id: task.owner for task in won} == owners

    async def test_of_racing_adds_of_one_key_exactly_one_is_kept(self, store: Store, rival: Store) -> None:
        racers = [racer.add([NewTask(make_task(key="k"))]) for racer in (store, rival) * 5]
        answers = [added for (added,) in await asyncio.gather(*racers)]
        assert sum(not added.existed for added in answers) == 1
        assert len({added.task.id for added in answers}) == 1

    async def test_a_fenced_change_is_refused_once_the_lease_is_gone(self, store: Store, rival: Store) -> None:
        task, _ = await leased(store)
        taken = await did(rival, moved(task, Status.SCHEDULED, owner="w2", fence=task.fence + 1))
        late = replace(moved(task, Status.COMPLETING), fenced=True)
        assert await store.commit([late]) == [Refused(task.id, taken, fenced=True)]
        pretending = replace(late, before=replace(task, version=taken.version))
        assert await store.commit([pretending]) == [Refused(task.id, taken, fenced=True)]

    async def test_a_change_keeps_what_was_written_without_a_version_meanwhile(self, store: Store) -> None:
        task, lease = await leased(store)
        await store.checkpoint(lease, tally(7, "name"), ())
        await store.renew("w1", {task.id: (task.fence, task.version)}, T0 + 90, T0)
        paused = await did(store, moved(task, Status.PAUSING, speed_bps=0.5))
        assert (paused.received, paused.name, paused.lease_until, paused.speed_bps) == (7, "name", T0 + 90, 0.5)

    async def test_files_of_a_change_replace_those_of_their_index(self, store: Store) -> None:
        task = make_task()
        zero, one = (FileState(task.id, index, ("u",)) for index in range(2))
        ((added),) = await store.add([NewTask(task, (zero, one))])
        done = replace(full_file(task, 1), status=FileStatus.DONE)
        changed = await did(store, replace(moved(added.task, Status.PAUSED), files=(done,)))
        assert await store.files(task.id) == [zero, done]
        await did(store, replace(moved(changed, Status.PENDING), files=(one,)))
        assert await store.files(task.id) == [zero, one]

    async def test_a_change_of_all_files_removes_the_others(self, store: Store) -> None:
        task = make_task()
        (added,) = await store.add([NewTask(task, tuple(full_file(task, index) for index in range(3)))])
        only = FileState(task.id, 1, ("new",))
        await did(store, replace(moved(added.task, Status.PAUSED), files=(only,), all_files=True))
        assert await store.files(task.id) == [only]

    async def test_removing_takes_the_files_and_leaves_the_log(self, store: Store) -> None:
        task = make_task()
        (added,) = await store.add([NewTask(task, (full_file(task),))])
        event = StatusChanged(task.id, Status.PENDING, None, "user")
        (answer,) = await store.commit([Change(added.task, None, (event,), at=T0 + 9)])
        assert isinstance(answer, Committed)
        assert answer.task is None
        assert [(one.event, one.at, one.version) for one in answer.events] == [(event, T0 + 9, 2)]
        assert await store.get([task.id]) == {}
        assert await store.files(task.id) == []
        assert len(await store.events(task_id=task.id)) == 2
        assert await store.commit([moved(added.task, Status.PAUSED)]) == [Refused(task.id, None)]

    async def test_the_number_of_a_removed_task_is_not_used_again(self, store: Store) -> None:
        task = await put_one(store)
        await store.commit([Change(task, None)])
        assert (await put_one(store)).number == task.number + 1

    # -- scheduling ----------------------------------------------------------------------------------
    async def runnable(self, store: Store, **known: object) -> list[str]:
        asked = {"now": T0, "limit": 100, "session": None} | known
        return sorted(found.id for found in await store.runnable(**asked))  # type: ignore[arg-type]

    async def test_only_waiting_tasks_are_runnable(self, store: Store) -> None:
        tasks = await put(store, *(make_task(status=status) for status in Status))
        waiting = [task.id for task in tasks if task.status in (Status.PENDING, Status.RETRYING)]
        assert await self.runnable(store) == sorted(waiting)

    async def test_a_candidate_tells_what_the_policy_needs(self, store: Store) -> None:
        task = await put_one(store, priority=2, due_at=T0 - 1, queue=Queue.INTERACTIVE)
        (found,) = await store.runnable(now=T0, limit=9, session=None)
        told = (found.id, found.version, found.status, found.queue, found.priority, found.rank, found.queued_at)
        assert told == (task.id, 1, Status.PENDING, Queue.INTERACTIVE, 2, task.rank, task.queued_at)
        assert (found.host, found.directory, found.due_at) == (task.host, "/downloads", T0 - 1)

    async def test_the_first_by_priority_and_rank_and_the_oldest_are_runnable(self, store: Store) -> None:
        low = await put_one(store, priority=0, rank=0.0, queued_at=T0 - 9)
        second = await put_one(store, priority=5, rank=2.0, queued_at=T0 + 1)
        first = await put_one(store, priority=5, rank=1.0, queued_at=T0)
        await put_one(store, priority=5, rank=3.0, queued_at=T0 + 2)
        assert await self.runnable(store, limit=1) == sorted([first.id, low.id])
        assert await self.runnable(store, limit=2) == sorted([first.id, second.id, low.id])

    async def test_each_queue_has_its_own_first_and_retrying_tasks_are_of_the_retry_queue(self, store: Store) -> None:
        tasks = [await put_one(store, queue=queue) for queue in Queue]
        again = await put_one(store, queue=Queue.INTERACTIVE, status=Status.RETRYING, rank=-1.0, queued_at=0.0)
        found = await store.runnable(now=T0, limit=1, session=None)
        assert {one.id: one.queue for one in found} == {
            tasks[0].id: Queue.INTERACTIVE,
            tasks[1].id: Queue.AUTOMATIC,
            again.id: Queue.RETRY,
        }

    async def test_a_task_is_not_runnable_before_it_is_due(self, store: Store) -> None:
        late = await put(store, *(make_task(due_at=T0 + 10 + serial, rank=-1.0) for serial in range(3)))
        now = await put_one(store)
        assert await self.runnable(store, limit=1) == [now.id]
        assert await self.runnable(store, limit=1, now=T0 + 10) == [late[0].id]
        assert await self.runnable(store, now=T0 + 99) == sorted([*ids(late), now.id])
        assert await self.runnable(store) == [now.id]  # a clock that went back

    async def test_a_task_that_waits_anew_is_runnable_when_it_is_due_again(self, store: Store) -> None:
        task = await put_one(store, due_at=T0)
        assert await self.runnable(store) == [task.id]
        running = await did(store, claimed(task))
        assert await self.runnable(store) == []
        await did(store, moved(running, Status.RETRYING, owner=None, lease_until=None, due_at=T0 + 5))
        assert await self.runnable(store) == []
        assert await self.runnable(store, now=T0 + 5) == [task.id]

    async def test_tasks_of_a_session_are_runnable_for_it_alone(self, store: Store) -> None:
        mine, others, anyones = [await put_one(store, session=session) for session in ("s", "t", None)]
        assert await self.runnable(store, session="s") == [mine.id]
        assert await self.runnable(store) == [anyones.id]
        assert others.session == "t"

    async def test_full_hosts_do_not_hide_the_tasks_of_others(self, store: Store) -> None:
        await put(store, *(make_task(host=host, rank=-1.0, queued_at=0.0) for host in ("full", "also") * 10))
        x = [await put_one(store, host="x", rank=float(rank), queued_at=T0 - rank) for rank in range(4)]
        y = await put_one(store, host="y", rank=0.5, queued_at=T0 + 1)
        full = {"full", "also"}
        assert await self.runnable(store, limit=2, full_hosts=full) == sorted([x[0].id, y.id, x[2].id, x[3].id])
        assert await self.runnable(store, full_hosts=full | {"x"}) == [y.id]
        assert await self.runnable(store, full_hosts=full | {"x", "y"}) == []

    async def test_the_next_due_moment_is_that_of_a_waiting_task_after_now(self, store: Store) -> None:
        assert await store.next_due(now=T0, session=None) is None
        await put_one(store, due_at=T0 + 9)
        await put_one(store, due_at=T0 + 5, status=Status.RETRYING)
        await put_one(store, due_at=T0)
        await put_one(store, due_at=T0 + 1, status=Status.PAUSED)
        await put_one(store, due_at=T0 + 2, session="s")
        assert await store.next_due(now=T0, session=None) == T0 + 5
        assert await store.next_due(now=T0, session="s") == T0 + 2
        await self.runnable(store, now=T0 + 6)
        assert await store.next_due(now=T0 + 5, session=None) == T0 + 9
        assert await store.next_due(now=T0, session=None) == T0 + 5  # a clock that went back

    async def test_the_first_rank_is_before_every_stored_one(self, store: Store) -> None:
        task = await put_one(store, rank=-40.5)
        await put_one(store, rank=3.0)
        assert await store.first_rank() < -40.5
        await did(store, Change(task, replace(task, rank=-100.0)))
        assert await store.first_rank() < -100.0

    # -- leases --------------------------------------------------------------------------------------
    async def test_workers_are_remembered_until_they_are_forgotten(self, store: Store, rival: Store) -> None:
        one = WorkerInfo("w1", "host", "boot", 12, "34", T0)
        two = WorkerInfo("w2", "host", "boot", 13, "35", T0, serves_queue=False)
        await store.register(one)
        await store.register(two)
        await store.register(replace(one, seen_at=T0 + 1))
        assert await rival.workers() == [replace(one, seen_at=T0 + 1), two]
        await rival.forget("w1")
        assert await store.workers() == [two]

    async def test_tasks_of_a_forgotten_worker_belong_to_nobody_in_particular(self, store: Store, rival: Store) -> None:
        mine, other = await put(store, make_task(session="w1"), make_task(session="w2"))
        await store.forget("w1")
        assert await self.runnable(rival) == [mine.id]
        kept = await did(store, Change(mine, replace(mine, priority=1)))
        assert (kept.session, (await store.get([other.id]))[other.id].session) == (None, "w2")

    async def test_a_heartbeat_extends_the_leases_and_marks_the_worker_seen(self, store: Store, rival: Store) -> None:
        await store.register(WorkerInfo("w1", "host", "boot", 12, "34", T0))
        task, _ = await leased(store)
        renewal = await store.renew("w1", {task.id: (task.fence, task.version)}, T0 + 60, T0 + 5)
        assert (renewal.lost, dict(renewal.changed)) == (frozenset(), {})
        assert (await rival.get([task.id]))[task.id] == replace(task, lease_until=T0 + 60)
        assert [worker.seen_at for worker in await rival.workers()] == [T0 + 5]

    async def test_a_heartbeat_tells_what_is_lost_and_what_others_changed(self, store: Store, rival: Store) -> None:
        (kept, _), (taken, _), (paused, _), (removed, _) = [await leased(store) for _ in range(4)]
        held = {task.id: (task.fence, task.version) for task in (kept, taken, paused, removed)}
        await did(rival, moved(taken, Status.SCHEDULED, owner="w2", fence=2, lease_until=T0 + 31))
        now_paused = await did(rival, moved(paused, Status.PAUSING))
        await rival.commit([Change(removed, None)])
        renewal = await store.renew("w1", held, T0 + 60, T0)
        assert renewal.lost == {taken.id, removed.id}
        assert dict(renewal.changed) == {paused.id: replace(now_paused, lease_until=T0 + 60)}
        lost = await stored(store, taken)
        assert lost is not None
        assert lost.lease_until == T0 + 31

    async def test_a_checkpoint_replaces_counters_and_files_and_no_version(self, store: Store, rival: Store) -> None:
        task, lease = await leased(store, name="old")
        file = full_file(task)
        await store.checkpoint(lease, tally(5), [file])
        expected = replace(
            task, received=5, total=10, files_done=1, files_total=2, speed_bps=3.5, connections=4, name="old"
        )
        assert await stored(rival, task) == expected
        assert await rival.files(task.id) == [file]
        grown = replace(file, received=6, extents=((0, 9),), block_hashes=b"x" * 8)
        await store.checkpoint(lease, tally(6, "new"), [grown])
        assert await stored(rival, task) == replace(expected, received=6, name="new")
        assert await rival.files(task.id) == [grown]

    async def test_a_checkpoint_with_an_old_lease_is_refused_and_writes_nothing(
        self, store: Store, rival: Store
    ) -> None:
        task, lease = await leased(store)
        taken = await did(rival, moved(task, Status.SCHEDULED, owner="w2", fence=2))
        for old in (lease, replace(lease, fence=2), replace(lease, owner="w2")):
            with pytest.raises(Fenced):
                await store.checkpoint(old, tally(), [full_file(task)])
        assert await stored(store, task) == taken
        assert await store.files(task.id) == []

    @pytest.mark.parametrize("status", sorted(set(Status) - ACTIVE))
    async def test_a_checkpoint_of_a_task_that_is_not_active_is_refused(self, store: Store, status: Status) -> None:
        task, lease = await leased(store)
        await did(store, moved(task, status))
        with pytest.raises(Fenced):
            await store.checkpoint(lease, tally(), ())

    async def test_a_checkpoint_of_a_task_that_is_gone_is_refused(self, store: Store) -> None:
        with pytest.raises(Fenced):
            await store.checkpoint(Lease("f" * 32, "w1", 1), tally(), ())

    async def test_active_tasks_are_reapable_when_their_lease_ended_or_their_owner_is_dead(self, store: Store) -> None:
        (ended, _), (dead, _), (alive, _) = [await leased(store) for _ in range(3)]
        ended = await did(store, Change(ended, replace(ended, lease_until=T0 - 1)))
        dead = await did(store, Change(dead, replace(dead, owner="w9")))
        without = await put_one(store, status=Status.RUNNING)
        await put_one(store, status=Status.PENDING, lease_until=T0 - 5, owner="w9")
        assert await store.reapable(now=T0, dead={"w9"}, limit=9) == [ended, dead, without]
        assert await store.reapable(now=T0, dead=(), limit=1) == [ended]
        assert alive.lease_until is not None
        assert len(await store.reapable(now=alive.lease_until, dead=(), limit=9)) == 2

    # -- log and settings ----------------------------------------------------------------------------
    async def test_events_are_numbered_without_holes_and_read_in_order(self, store: Store) -> None:
        task = await put_one(store)
        failure = Failure("network", "reset", "hint", retryable=True, exit_code=3, retry_after_s=2.5)
        failed: Lasting = StatusChanged(task.id, Status.RUNNING, Status.FAILED, "network", failure)
        warned: Lasting = Warned("stalled", "no bytes for 30 s", task.id)
        general: Lasting = Warned("disk_full", "no space in /d\udcff")
        logged = await store.log([failed, warned, general], T0 + 1)
        assert [(one.seq, one.at, one.version, one.event) for one in logged] == [
            (2, T0 + 1, 0, failed),
            (3, T0 + 1, 0, warned),
            (4, T0 + 1, 0, general),
        ]
        assert list(await store.events(after=1)) == list(logged)
        assert [one.seq for one in await store.events(limit=2)] == [1, 2]
        assert [one.seq for one in await store.events(task_id=task.id, after=1, limit=1)] == [2]
        assert [one.seq for one in await store.events(task_id=task.id)] == [1, 2, 3]
        assert await store.last_seq() == 4

    async def test_an_empty_log_ends_at_zero(self, store: Store) -> None:
        assert (await store.last_seq(), list(await store.events())) == (0, [])

    async def test_a_setting_is_what_was_set_last(self, store: Store, rival: Store) -> None:
        assert await store.setting("limit") is None
        await store.set_setting("limit", "2M")
        await store.set_setting("limit", "")
        assert await rival.setting("limit") == ""
        await rival.set_setting("limit", None)
        await rival.set_setting("limit", None)
        assert await store.setting("limit") is None

    # -- records -------------------------------------------------------------------------------------
    async def test_a_record_is_kept_once_and_everybody_is_given_the_first(self, store: Store, rival: Store) -> None:
        first = Record("key", "näme\0\udcff", "värt\0\udcff", T0 + 9)
        assert await store.keep(first, T0) == first
        assert await rival.keep(replace(first, value="other", expires_at=None), T0 + 8) == first
        assert await rival.record(first.kind, first.name, T0 + 8) == first
        assert (await store.record("key", "other", T0), await store.record("other", first.name, T0)) == (None, None)

    async def test_of_many_who_keep_the_same_name_at_once_one_wins(self, store: Store, rival: Store) -> None:
        tries = [Record("key", "name", str(number)) for number in range(50)]
        answers = await asyncio.gather(*((store, rival)[number % 2].keep(one, T0) for number, one in enumerate(tries)))
        assert len(set(answers)) == 1
        assert answers[0] in tries
        assert await rival.record("key", "name", T0) == answers[0]

    async def test_an_expired_record_is_as_if_it_were_not_there(self, store: Store, rival: Store) -> None:
        old = Record("key", "a", "1", T0 + 5)
        await store.put(old)
        assert [await rival.record("key", "a", T0 + past) for past in (4.9, 5)] == [old, None]
        assert [list(await rival.records("key", T0 + past)) for past in (4.9, 5)] == [[old], []]
        fresh = replace(old, value="2", expires_at=None)
        assert await store.keep(fresh, T0 + 5) == fresh
        assert await rival.record("key", "a", T0 + 99) == fresh

    async def test_keeping_removes_expired_records_a_bounded_number_at_a_time(self, store: Store) -> None:
        many = [Record("old", f"{number:03}", "", T0) for number in range(EXPIRED_AT_ONCE + 5)]
        lasting = Record("old", "x", "", T0 + 1)
        await store.put(*many, lasting)
        await store.keep(Record("key", "a", ""), T0)
        assert len(await store.records("old", T0 - 1)) == 5 + 1
        await store.keep(Record("key", "a", ""), T0)
        assert await store.records("old", T0 - 1) == [lasting]

    async def test_records_are_put_and_dropped_together(self, store: Store, rival: Store) -> None:
        a, b, c = (Record("kind", name, "1") for name in "abc")
        await store.put(a, b, c)
        await store.put(replace(b, value="2"), c, drop=[("kind", "a"), ("kind", "c"), ("kind", "none")])
        assert list(await rival.records("kind", T0)) == [replace(b, value="2"), c]

    async def test_records_are_paged_by_name_within_their_kind(self, store: Store) -> None:
        names = ["", "a", "a/1", "a0", "ä", "\uffff", "\U00010000"]
        await store.put(*(Record("kind", name, "") for name in reversed(names)), Record("kin", "b", ""))
        assert [one.name for one in await store.records("kind", T0)] == names[1:]
        assert [one.name for one in await store.records("kind", T0, after="a/", limit=3)] == ["a/1", "a0", "ä"]

    async def test_dropping_tells_whether_there_was_something_to_drop(self, store: Store, rival: Store) -> None:
        await store.put(Record("kind", "a", "", T0))
        assert [await rival.drop("kind", "a"), await store.drop("kind", "a")] == [True, False]
        assert await store.record("kind", "a", T0 - 1) is None

    async def test_purging_removes_the_longest_finished_tasks_and_their_time_of_the_log(self, store: Store) -> None:
        done = [make_task(status=Status.COMPLETED, finished_at=T0 - n, updated_at=T0 - n) for n in range(1, 5)]
        failed = make_task(status=Status.FAILED, finished_at=T0 - 50)
        waiting = make_task(finished_at=T0 - 60)
        fresh = make_task(status=Status.COMPLETED, finished_at=T0)
        await put(store, *done, failed, waiting, fresh)
        wanted = frozenset({Status.COMPLETED, Status.PENDING})
        assert await store.purge(finished_before=T0, statuses=wanted, limit=3) == 3
        left = {done[0].id, failed.id, waiting.id, fresh.id}
        assert {task.id for task in await store.find(Query())} == left
        assert (await store.counts())[Status.COMPLETED] == 2
        assert [one.at for one in await store.events()] == [T0] * 3
        assert await store.purge(finished_before=T0, statuses=wanted, limit=3) == 1
        assert await store.purge(finished_before=T0, statuses=wanted, limit=3) == 0

    async def test_one_purge_removes_a_bounded_part_of_the_log_and_numbers_go_on(self, store: Store) -> None:
        await store.log([Warned("w", str(serial)) for serial in range(EVENTS_PER_TASK + 3)], T0)
        await store.purge(finished_before=T0 + 1, statuses=TERMINAL, limit=1)
        assert len(await store.events()) == 3
        await store.purge(finished_before=T0 + 1, statuses=TERMINAL, limit=1)
        assert list(await store.events()) == []
        (recorded,) = await store.log([Warned("w", "next")], T0)
        assert recorded.seq == EVENTS_PER_TASK + 4 == await store.last_seq()

    async def test_the_change_count_differs_after_a_write_through_another_store(
        self, store: Store, rival: Store
    ) -> None:
        if rival is store:
            pytest.skip("nobody else can write")
        before = await store.change_count()
        await put_one(store)
        assert await store.change_count() == before
        await put_one(rival)
        after = await store.change_count()
        assert after != before
        assert await store.change_count() == after
