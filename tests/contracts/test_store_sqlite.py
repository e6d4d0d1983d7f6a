"""What SqliteStore promises beyond the port: one private, checked, upgradable file that several processes share."""

# a test has its event loop for itself

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

import argosy.errors
from argosy.core.types import TERMINAL, Status, TaskSpec
from argosy.errors import ArgosyError, DiskFull, StoreError
from argosy.store.port import Change, Committed, NewTask, Query, Record
from argosy.store.sqlite import SqliteStore
from argosy.store.sqlite.database import (
    Migration,
    close_writer,
    file_system,
    known_migrations,
    migrate,
    open_writer,
    refuse_network,
    require_library,
)
from argosy.testing.poll import until
from argosy.testing.store_contract import T0, claimed, full_file, leased, make_task, moved, put, put_one, stored, tally

SOURCES = str(Path(argosy.errors.__file__).parents[1])
TABLES = {"tasks", "files", "segments", "events", "settings", "workers", "counters", "meta", "specs", "records"}


@asynccontextmanager
async def opened(path: Path, **known: object) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, **known)  # type: ignore[arg-type]
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "queue.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    async with opened(path) as store:
        yield store


def look(path: Path) -> closing[apsw.Connection]:
    return closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY))


def tamper(path: Path) -> closing[apsw.Connection]:
    return closing(apsw.Connection(str(path)))


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as processes:

        def start(program: str, *arguments: object) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", program, *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": SOURCES},
            )
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield start


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def refusal(path: Path) -> StoreError:
    with pytest.raises(StoreError) as caught:
        await SqliteStore(path, lock_timeout_s=0.05).open()
    return caught.value


# -- the file --------------------------------------------------------------------------------------
async def test_the_file_and_its_folder_are_private_and_closing_leaves_one_file(path: Path) -> None:
    async with opened(path) as store:
        await put_one(store)
        assert mode(path.parent) == 0o700
        assert {mode(each) for each in path.parent.iterdir()} == {0o600}
        assert len(list(path.parent.iterdir())) == 3
    assert list(path.parent.iterdir()) == [path]


async def test_every_promised_table_is_there(store: SqliteStore, path: Path) -> None:
    with look(path) as db:
        assert {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")} == TABLES
        assert db.pragma("journal_mode") == "wal"


async def test_the_plain_download_table_can_be_read_with_sql(store: SqliteStore, path: Path) -> None:
    spec = TaskSpec("https://example.org/a.bin", "/downloads")
    due = T0 + 4
    waiting = make_task(spec=spec, name="a.bin", status=Status.RETRYING, due_at=due, attempt=2, received=25, total=100)
    await put(store, waiting, make_task(pid=77, due_at=due), make_task(status=Status.COMPLETED))
    with look(path) as db:
        cursor = db.execute("SELECT * FROM download_queue ORDER BY created_at, id")
        names = [name for name, _ in cursor.get_description()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
    assert rows[0] == {
        "id": waiting.id,
        "url": "https://example.org/a.bin",
        "target_directory": "/downloads",
        "filename": "a.bin",
        "status": "retrying",
        "progress_percent": 25.0,
        "progress_summary": "25 of 100 bytes, 0 of 1 files",
        "retry_count": 2,
        "max_retries": 5,
        "next_retry_at": due,
        "pid": None,
        "created_at": T0,
        "updated_at": T0,
    }
    assert (rows[1]["pid"], rows[1]["progress_percent"], rows[1]["next_retry_at"]) == (77, None, None)
    assert rows[2]["progress_percent"] == 100.0


async def test_a_checkpoint_leaves_the_wider_row_of_a_file_alone(store: SqliteStore, path: Path) -> None:
    task, lease = await leased(store)
    file = full_file(task)
    await store.checkpoint(lease, tally(), [file])
    with tamper(path) as db:
        db.execute("CREATE TABLE touched (what)")
        for table in ("files", "segments"):
            db.execute(
                f"CREATE TRIGGER {table}_t AFTER UPDATE ON {table} BEGIN INSERT INTO touched VALUES ('{table}'); END"
            )
    await store.checkpoint(lease, tally(), [replace(file, received=3)])
    await store.checkpoint(lease, tally(), [replace(file, received=3)])
    with look(path) as db:
        assert list(db.execute("SELECT what FROM touched")) == [("segments",)]


async def test_numbers_and_the_log_go_on_after_reopening(path: Path) -> None:
    async with opened(path) as store:
        task = await put_one(store)
        await store.commit([Change(task, None)])
    async with opened(path) as store:
        assert (await put_one(store)).number == 2
        assert await store.last_seq() == 2


async def test_after_closing_every_verb_says_that_the_store_is_closed(path: Path) -> None:
    async with opened(path) as store:
        await put_one(store)
    for verb in (store.counts(), store.add([NewTask(make_task())])):
        with pytest.raises(StoreError) as caught:
            await verb
        assert caught.value.detail_code == "store_closed"


# -- refusing ----------------------------------------------------------------------------------------
async def test_a_schema_from_a_later_release_is_refused_and_left_alone(path: Path) -> None:
    async with opened(path):
        pass
    with tamper(path) as db:
        db.execute("PRAGMA user_version = 999")
    before = path.read_bytes()
    assert (await refusal(path)).detail_code == "store_newer"
    assert path.read_bytes() == before


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def garble(path: Path) -> None:
    path.write_bytes(b"\xa5" * path.stat().st_size)


def garble_the_schema(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:4096] = os.urandom(3996)
    path.write_bytes(content)


def drop_the_tables(path: Path) -> None:
    path.unlink()
    with tamper(path) as db:
        db.execute("PRAGMA application_id = 0x4172676F")
        db.execute("CREATE TABLE tasks (id)")


def be_of_something_else(path: Path) -> None:
    path.unlink()
    with tamper(path) as db:
        db.execute("CREATE TABLE bookmarks (url)")


def lose_all_but_the_log(path: Path) -> None:
    path.with_name("queue.db-wal").write_bytes(b"\x37\x7f\x06\x82" * 100)
    path.unlink()


@pytest.mark.parametrize(
    "damage",
    [truncate, empty, garble, garble_the_schema, drop_the_tables, be_of_something_else, lose_all_but_the_log],
)
async def test_a_damaged_database_is_refused_never_emptied_and_never_overwritten(path: Path, damage: object) -> None:
    async with opened(path) as store:
        await put(store, *(make_task() for _ in range(300)))
    assert callable(damage)
    damage(path)
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    error = await refusal(path)
    assert error.detail_code == "store_corrupt"
    assert error.hint
    after = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    assert before.items() <= after.items()
    assert after.get("queue.db-wal", b"") == before.get("queue.db-wal", b"")


async def test_an_inspection_finds_damage_that_opening_did_not_meet(path: Path) -> None:
    async with opened(path) as store:
        await put(store, *(make_task() for _ in range(300)))
        assert await store.inspect() == []
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 64] = b"\xa5" * 64
    path.write_bytes(content)
    async with opened(path) as store:
        assert await store.inspect() != []


async def test_damage_met_in_use_is_told_and_healthy_tasks_are_still_read(path: Path) -> None:
    async with opened(path) as store:
        broken, sound = await put(store, make_task(), make_task())
        with tamper(path) as db:
            db.execute("UPDATE specs SET spec = '{\"files\": 3}' WHERE number = ?", (broken.number,))
        found, refused, done = await asyncio.gather(
            store.get([broken.id]),
            store.commit([claimed(broken)]),
            store.commit([claimed(sound)]),
            return_exceptions=True,
        )
        for error in (found, refused):
            assert isinstance(error, StoreError)
            assert error.detail_code == "store_corrupt"
        assert isinstance(done, list)
        assert isinstance(done[0], Committed)


@pytest.fixture
def public() -> Iterator[Path]:
    """Yield a folder that others may read: pytest's own is closed to them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "queue.db"


async def test_a_database_that_cannot_be_written_is_refused(public: Path, start: Start) -> None:
    path = public
    async with opened(path):
        pass
    program = """
import asyncio, os, sys
from argosy.errors import StoreError
from argosy.store.sqlite import SqliteStore
async def main():
    for path in sys.argv[1:]:
        store = SqliteStore(path, lock_timeout_s=0.05)
        try:
            await store.open()
            await store.close()
        except StoreError as error:
            print(error.detail_code)
        if os.geteuid() == 0:
            os.seteuid(65534)
asyncio.run(main())
"""
    path.chmod(0o444)
    process = start(program, path.with_name("other.db"), path)
    assert process.communicate(timeout=30)[0].split() == ["store_read_only"]


async def test_a_folder_in_the_place_of_the_database_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    assert (await refusal(path)).detail_code.startswith("store")


async def test_a_database_that_is_locked_too_long_is_busy_and_then_usable_again(path: Path) -> None:
    async with opened(path, lock_timeout_s=0.05) as store:
        other = apsw.Connection(str(path))
        other.execute("BEGIN IMMEDIATE")
        for verb in (store.add([NewTask(make_task())]), store.set_setting("a", "b")):
            with pytest.raises(StoreError) as caught:
                await verb
            assert (caught.value.detail_code, caught.value.retryable) == ("store_busy", True)
        assert await store.counts() is not None  # readers do not wait for writers
        assert (await refusal(path)).detail_code == "store_busy"
        other.execute("ROLLBACK")
        assert (await put_one(store)).number == 1
        other.close()


async def test_a_short_lock_is_waited_for(store: SqliteStore, path: Path) -> None:
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    adding = asyncio.ensure_future(put_one(store))
    done, _ = await asyncio.wait([adding], timeout=0.1)
    assert not done
    other.execute("COMMIT")
    assert (await adding).number == 1
    other.close()


async def test_a_database_removed_while_in_use_is_told_instead_of_writing_into_nothing(
    store: SqliteStore, path: Path
) -> None:
    await put_one(store)
    moved_away = path.with_name("moved.db")
    path.rename(moved_away)
    with pytest.raises(StoreError) as caught:
        await put_one(store)
    assert caught.value.detail_code == "store_gone"
    moved_away.rename(path)
    assert (await put_one(store)).number == 2


async def test_a_full_disk_is_told_and_nothing_is_lost(path: Path, start: Start) -> None:
    async with opened(path) as store:
        task = await put_one(store)
    program = """
import asyncio, resource, signal, sys
from argosy.errors import ArgosyError
from argosy.store.sqlite import SqliteStore
from argosy.testing.store_contract import make_task, put
async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    acknowledged = []
    try:
        while True:
            acknowledged += await put(store, *(make_task(id=f"{len(acknowledged)}-{i}") for i in range(20)))
    except ArgosyError as error:
        await store.counts()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        acknowledged += await put(store, make_task(id="after"))
        print(error.detail_code, *(task.id for task in acknowledged))
    await store.close()
asyncio.run(main())
"""
    process = start(program, path)
    code, *acknowledged = process.communicate(timeout=60)[0].split()
    assert code in {"disk_full", "store"}  # a limit on the file's size is not quite a full disk
    async with opened(path) as store:
        kept = await store.get([task.id, *acknowledged])
        assert len(kept) == 1 + len(acknowledged) > 20
        assert sum((await store.counts()).values()) == len(kept)


async def test_a_database_at_its_largest_size_is_a_full_disk_and_small_writes_go_on(path: Path) -> None:
    async with opened(path) as store:
        task = await put_one(store)
        pages = store._connections[0].pragma("page_count")
        store._connections[0].pragma("max_page_count", pages)
        big = TaskSpec("https://example.org/" + "x" * 100_000, "/d")
        bulk, setting = await asyncio.gather(
            store.add([NewTask(make_task(spec=big))]), store.set_setting("small", "one"), return_exceptions=True
        )
        assert isinstance(bulk, DiskFull)
        assert setting is None
        assert await store.setting("small") == "one"
        store._connections[0].pragma("max_page_count", 2**30)
        assert (await put_one(store)).number == task.number + 1


def test_an_sqlite_that_damages_shared_databases_is_refused() -> None:
    require_library("3.51.3")
    require_library("3.60.0")
    for bad in ("3.51.2", "3.40.1"):
        with pytest.raises(StoreError) as caught:
            require_library(bad)
        assert caught.value.detail_code == "store_library"


MOUNTS = """\
/dev/vda / ext4 rw 0 0
nas:/home /home nfs4 rw 0 0
/dev/vdb /home/me/My\\040Disk xfs rw 0 0
"""


def test_a_network_file_system_is_refused() -> None:
    assert file_system(Path("/var/lib"), MOUNTS) == "ext4"
    assert file_system(Path("/home/me/My Disk/x"), MOUNTS) == "xfs"
    refuse_network(Path("/var/lib/queue.db"), MOUNTS)
    with pytest.raises(StoreError) as caught:
        refuse_network(Path("/home/me/queue.db"), MOUNTS)
    assert caught.value.detail_code == "store_unsuited"


# -- migrations --------------------------------------------------------------------------------------
NOW = len(known_migrations())
TO_NEXT = Migration(NOW + 1, "CREATE TABLE extra (x); INSERT INTO extra SELECT number FROM tasks;")
NEXT = [*known_migrations(), TO_NEXT]


async def test_an_older_database_is_backed_up_and_migrated(path: Path) -> None:
    async with opened(path) as store:
        task = await put_one(store)
    async with opened(path, migrations=NEXT) as store:
        assert await stored(store, task) == task
    backup = path.with_name(f"queue.db.schema-{NOW}.backup")
    assert mode(backup) == 0o600
    assert sorted(path.parent.iterdir()) == [path, backup]
    with look(path) as db:
        assert (db.pragma("user_version"), db.execute("SELECT x FROM extra").get) == (NOW + 1, task.number)
    async with opened(backup) as old:
        assert await stored(old, task) == task


@pytest.mark.parametrize("schema", range(1, NOW))
async def test_a_database_of_every_earlier_schema_is_brought_up_to_date(path: Path, schema: int) -> None:
    close_writer(open_writer(path, busy_ms=1000, migrations=known_migrations()[:schema]))
    async with opened(path) as store:
        task = await put_one(store)
        record = await store.keep(Record("kind", "name", "value"), T0)
    async with opened(path) as store:
        assert await stored(store, task) == task
        assert await store.record("kind", "name", T0) == record
    assert path.with_name(f"queue.db.schema-{schema}.backup").exists()


async def test_a_migration_that_fails_leaves_the_old_schema(path: Path) -> None:
    async with opened(path) as store:
        task = await put_one(store)
    broken = [*known_migrations(), Migration(NOW + 1, TO_NEXT.script + "INSERT INTO nowhere VALUES (1);")]
    with pytest.raises(ArgosyError):
        await SqliteStore(path, migrations=broken).open()
    with look(path) as db:
        assert db.pragma("user_version") == NOW
        assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'").get == 0
    async with opened(path) as store:
        assert await stored(store, task) == task


@pytest.mark.parametrize("moment", range(6))
async def test_a_migration_killed_at_any_moment_leaves_old_or_new(path: Path, moment: int, start: Start) -> None:
    async with opened(path) as store:
        tasks = await put(store, *(make_task() for _ in range(50)))
    program = """
import os, signal, sys
from pathlib import Path
from argosy.store.sqlite.database import Migration, known_migrations, open_writer
import apsw
steps = []
def count(*_):
    steps.append(1)
    if len(steps) > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return True
apsw.connection_hooks.append(lambda db: db.set_exec_trace(count))
script = "CREATE TABLE extra (x); INSERT INTO extra SELECT number FROM tasks;"
open_writer(Path(sys.argv[1]), busy_ms=1000, migrations=[*known_migrations(), Migration(len(known_migrations()) + 1, script)])
print("done")
"""
    process = start(program, path, 10 + 2 * moment)
    assert process.wait(timeout=30) == -signal.SIGKILL
    with look(path) as db:
        version = db.pragma("user_version")
        extra = db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'").get
        assert (version, extra) in {(NOW, 0), (NOW + 1, 1)}
        assert db.pragma("integrity_check") == "ok"
    async with opened(path, migrations=NEXT) as store:
        assert len(await store.get([task.id for task in tasks])) == 50
    with look(path) as db:
        assert db.execute("SELECT count(*) FROM extra").get == 50


async def test_processes_that_create_the_database_at_once_share_it(path: Path, start: Start) -> None:
    program = """
import asyncio, sys
from argosy.store.sqlite import SqliteStore
from argosy.testing.store_contract import make_task, put
async def main():
    store = SqliteStore(sys.argv[1])
    sys.stdin.readline()
    await store.open()
    await put(store, make_task(id=sys.argv[2]))
    await store.close()
asyncio.run(main())
"""
    processes = [start(program, path, name) for name in ("one", "two", "three")]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=30)
        assert process.returncode == 0
    async with opened(path) as store:
        assert set(await store.get(["one", "two", "three"])) == {"one", "two", "three"}
    assert list(path.parent.iterdir()) == [path]


def test_migrating_twice_is_migrating_once(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    first = open_writer(path, busy_ms=1000, migrations=known_migrations())
    second = open_writer(path, busy_ms=1000, migrations=NEXT)
    migrate(first, path, NEXT)
    assert first.execute("SELECT count(*) FROM extra").get == 0
    close_writer(second)
    close_writer(first)


# -- several processes -------------------------------------------------------------------------------
CLAIMER = """
import asyncio, json, sys
from argosy.store.port import Committed, Query
from argosy.store.sqlite import SqliteStore
from argosy.testing.store_contract import claimed
async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    tasks = await store.find(Query(limit=1000))
    print("ready", flush=True)
    sys.stdin.readline()
    answers = await asyncio.gather(*(store.commit([claimed(task, sys.argv[2])]) for task in tasks))
    print(json.dumps([a.task.id for (a,) in answers if isinstance(a, Committed)]))
    await store.close()
asyncio.run(main())
"""


async def test_of_claims_racing_in_two_processes_exactly_one_is_committed(
    store: SqliteStore, path: Path, start: Start
) -> None:
    tasks = await put(store, *(make_task() for _ in range(400)))
    processes = {name: start(CLAIMER, path, name) for name in ("a", "b")}
    for process in processes.values():
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    won = {}
    for process in processes.values():
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for name, process in processes.items():
        won[name] = set(json.loads(process.communicate(timeout=60)[0]))
    assert won["a"].isdisjoint(won["b"])
    assert won["a"] | won["b"] == {task.id for task in tasks}
    owners = {task.id: task.owner for task in await store.find(Query(limit=1000))}
    assert all(owners[task_id] == name for name, ids in won.items() for task_id in ids)
    assert {task.version for task in await store.find(Query(limit=1000))} == {2}


KEEPER = """
import asyncio, json, sys
from argosy.store.port import Record
from argosy.store.sqlite import SqliteStore
async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    print("ready", flush=True)
    sys.stdin.readline()
    kept = await asyncio.gather(*(store.keep(Record("key", str(name), sys.argv[2]), 0.0) for name in range(200)))
    print(json.dumps([record.value for record in kept]))
    await store.close()
asyncio.run(main())
"""


async def test_two_processes_that_keep_the_same_names_agree_on_every_one(path: Path, start: Start) -> None:
    processes = [start(KEEPER, path, name) for name in ("a", "b")]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    one, other = (json.loads(process.communicate(timeout=60)[0]) for process in processes)
    assert one == other
    assert set(one) <= {"a", "b"}
    assert len(one) == 200


# -- cost --------------------------------------------------------------------------------------------
async def plans(path: Path, store: SqliteStore) -> list[str]:
    """Return how SQLite goes about each question a reading connection is asked here."""
    found: list[str] = []
    seen: set[str] = set()
    plain = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    plain.create_scalar_function("contains", lambda *_: True, 2)

    def explain(_: object, statement: str, bindings: object) -> bool:
        if not statement.startswith("PRAGMA") and statement not in seen:
            seen.add(statement)
            found.extend(row[3] for row in plain.execute("EXPLAIN QUERY PLAN " + statement, bindings))  # type: ignore[arg-type]
        return True

    for connection in store._connections[1:]:
        connection.set_exec_trace(explain)
    everything = frozenset(Status)
    await store.runnable(now=T0, limit=5, session=None, full_hosts=["h"])
    await store.runnable(now=T0, limit=5, session="s")
    await store.next_due(now=T0, session=None)
    await store.reapable(now=T0, dead=["w"], limit=5)
    await store.get(["x"])
    await store.resolve("x")
    await store.files("x")
    await store.counts()
    await store.record("k", "n", T0)
    await store.records("k", T0, after="n", limit=5)
    for newest in (True, False):
        for after in (None, 5):
            for query in (
                Query(),
                Query(statuses=everything),
                Query(host="h"),
                Query(host="h", statuses=TERMINAL),
                Query(key="k", statuses=everything),
                Query(session="s"),
                Query(session="s", statuses=everything),
            ):
                await store.find(replace(query, newest_first=newest, after=after))
    plain.close()
    return found


async def test_no_question_walks_through_all_tasks_or_sorts_them(store: SqliteStore, path: Path) -> None:
    await put(store, *(make_task(session="s" if n % 2 else None, key=f"k{n}", due_at=T0 + n) for n in range(40)))
    found = await plans(path, store)
    walked = [line for line in found if line.startswith("SCAN tasks") and "ready_host" not in line]
    by_number = [line for line in walked if line == "SCAN tasks"]
    assert set(walked) <= {"SCAN tasks", "SCAN tasks USING INDEX tasks_active"}, walked
    assert len(by_number) <= 2, found  # the plain page, in either direction: it ends with the page
    for name in ("best", "oldest"):
        assert any(f"INDEX ready_{name} " in line for line in found), name
        assert any(f"INDEX ready_host_{name} " in line for line in found), name
    for name in ("status", "host", "key", "session"):
        assert any(f"INDEX tasks_by_{name} " in line for line in found), name
    for name in ("tasks_due", "tasks_unready", "tasks_active"):
        assert any(name in line for line in found), name


async def test_counters_agree_with_the_rows_after_every_kind_of_write(store: SqliteStore, path: Path) -> None:
    tasks = await put(store, *(make_task() for _ in range(30)))
    await store.commit([moved(task, status) for task, status in zip(tasks, list(Status) * 3, strict=True)])
    await store.commit([Change(replace(task, version=2), None) for task in tasks[::4]])
    done = replace(make_task(), status=Status.COMPLETED, finished_at=T0 - 9)
    await put(store, done)
    assert await store.purge(finished_before=T0, statuses=TERMINAL, limit=9) == 1
    with look(path) as db:
        counted = dict(db.execute("SELECT status, count(*) FROM tasks GROUP BY status"))
    assert {status: number for status, number in (await store.counts()).items() if number} == counted


# -- the log -------------------------------------------------------------------------------------------
async def test_a_long_log_is_moved_into_the_database_while_the_store_is_open(store: SqliteStore, path: Path) -> None:
    empty = path.stat().st_size
    for number in range(6):
        source = f"http://example.org/{number}" + "x" * (4 << 20)
        await store.add([NewTask(make_task(spec=TaskSpec(source=source, directory="/d")))])
    await until(lambda: path.stat().st_size > empty + (16 << 20))


async def test_the_log_is_used_again_from_its_beginning_instead_of_growing_for_ever(
    store: SqliteStore, path: Path
) -> None:
    for number in range(40):
        source = f"http://example.org/{number}" + "x" * (4 << 20)
        await store.add([NewTask(make_task(spec=TaskSpec(source=source, directory="/d")))])
    assert path.with_name(f"{path.name}-wal").stat().st_size < 120 << 20
