"""The database file: made whole or not at all, checked before use, brought up to date with a backup.

Nothing here ever overwrites or empties a file it does not understand.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import apsw

from argosy.errors import StoreError
from argosy.store.sqlite.error import corrupt, foreign, newer, unsuited
from argosy.store.sqlite.statement import run
from argosy.value import dataclass

APPLICATION_ID = 0x4172676F  # "Argo", so that file(1) and we can tell our databases from others
OLDEST_SQLITE = (3, 51, 3)  # older ones can corrupt a WAL database that two connections write and checkpoint
PAGES_PER_CHECKPOINT = 4_000  # 16 MiB of log before it is moved into the database
LONGEST_LOG_BYTES = 64 << 20
WRITER_CACHE_KIB = 32_768
READER_CACHE_KIB = 8_192
NETWORK_FILE_SYSTEMS = frozenset(
    {"afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "gfs2", "lustre", "nfs", "nfs4", "smb3", "smbfs"}
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from schema ``number - 1`` to ``number``, run in a transaction of its own."""

    number: int
    script: str


def known_migrations() -> Sequence[Migration]:
    scripts = sorted(Path(__file__).with_name("migrations").glob("*.sql"))
    return [Migration(int(script.name[:4]), script.read_text("utf-8")) for script in scripts]


def open_writer(path: Path, *, busy_ms: int, migrations: Sequence[Migration]) -> apsw.Connection:
    """Return a connection that may write, to a database that exists, is ours, whole, current and writable."""
    require_library(apsw.sqlite_lib_version())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    refuse_network(path)
    if not path.exists():
        _create(path, busy_ms, migrations)
    if path.stat().st_size == 0:
        raise corrupt(path, "the file is empty")
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE, busy_ms, WRITER_CACHE_KIB)
    try:
        _check_identity(connection, path)
        _use_log(connection, path)
        migrate(connection, path, migrations)
        run(connection, "opened", (f"SQLite {apsw.sqlite_lib_version()}",))  # proves that writing works here and now
    except BaseException:
        connection.close()
        raise
    return connection


def open_mover(path: Path, *, busy_ms: int) -> apsw.Connection:
    """Return a connection for nothing but moving the log into the database."""
    return _connect(path, apsw.SQLITE_OPEN_READWRITE, busy_ms, READER_CACHE_KIB)


def open_reader(path: Path, *, busy_ms: int) -> apsw.Connection:
    return _connect(path, apsw.SQLITE_OPEN_READONLY, busy_ms, READER_CACHE_KIB)


def close_writer(connection: apsw.Connection) -> None:
    """Leave one file behind, unless another process still uses the database."""
    with suppress(apsw.Error):  # no more than tidying: whatever was committed is durable
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def migrate(connection: apsw.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Bring the schema up to date; whenever this is interrupted, the schema is that of one of the steps."""
    found, known = _schema(connection), migrations[-1].number
    if found > known:
        raise newer(path, found, known)
    if 0 < found < known:
        _back_up(connection, path.with_name(f"{path.name}.schema-{found}.backup"))
    for migration in migrations:
        _run(connection, path, migration)


def _run(connection: apsw.Connection, path: Path, migration: Migration) -> None:
    with _Transaction(connection):
        found = _schema(connection)  # another process may have done it while we waited for the lock
        if found >= migration.number:
            return
        if found != migration.number - 1:
            raise corrupt(path, f"there is no way from schema {found} to {migration.number}")
        connection.execute(migration.script)
        connection.execute(f"PRAGMA user_version = {migration.number}")


class _Transaction:
    """Commits what was done under it, or nothing."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if kind is None:
            self._connection.execute("COMMIT")
        elif self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _schema(connection: apsw.Connection) -> int:
    found: int = connection.pragma("user_version")
    return found


def _back_up(connection: apsw.Connection, backup: Path) -> None:
    """Leave a whole copy, readable only by its owner; a copy that an interrupted attempt left is replaced."""
    partial = backup.with_name(f"{backup.name}.{uuid.uuid4().hex}")
    try:
        _make_file(partial)
        connection.execute("VACUUM INTO ?", (str(partial),))
        _flush(partial)
        partial.replace(backup)
        _flush(backup.parent)
    finally:
        partial.unlink(missing_ok=True)


def _create(path: Path, busy_ms: int, migrations: Sequence[Migration]) -> None:
    """Make the database under another name and give it its own only when it is complete.

    So an empty or half-made file under that name is always damage and never a beginning.
    """
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise corrupt(path, f"the file is missing, but {log.name} is there")
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        _make_file(scratch)
        connection = _connect(scratch, apsw.SQLITE_OPEN_READWRITE, busy_ms, WRITER_CACHE_KIB)
        try:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            _use_log(connection, path)
            migrate(connection, scratch, migrations)
        finally:
            close_writer(connection)
        _flush(scratch)
        _name(scratch, path)
        _flush(path.parent)
    finally:
        for leftover in (scratch, *(scratch.with_name(scratch.name + end) for end in ("-wal", "-shm"))):
            leftover.unlink(missing_ok=True)


def _name(scratch: Path, path: Path) -> None:
    """Give the new database its name, unless another process was first."""
    try:
        os.link(scratch, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        with suppress(FileExistsError):
            _make_file(path)
            scratch.replace(path)


def _make_file(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path, flags: int, busy_ms: int, cache_kib: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(busy_ms)
    for setting in (
        f"cache_size = -{cache_kib}",
        "synchronous = FULL",
        "foreign_keys = ON",
        "temp_store = MEMORY",
        f"wal_autocheckpoint = {PAGES_PER_CHECKPOINT}",
        f"journal_size_limit = {LONGEST_LOG_BYTES}",
    ):
        connection.execute(f"PRAGMA {setting}")
    return connection


def _check_identity(connection: apsw.Connection, path: Path) -> None:
    if connection.pragma("application_id") != APPLICATION_ID:
        raise foreign(path)
    if _schema(connection) == 0:
        raise corrupt(path, "it has no tables")


def _use_log(connection: apsw.Connection, path: Path) -> None:
    mode = connection.pragma("journal_mode", "wal")
    if mode != "wal":
        raise unsuited(path, f"its file system allows no write-ahead log (SQLite chose {mode!r})")


def require_library(version: str) -> None:
    """Refuse an SQLite that can damage the database by itself."""
    if tuple(int(part) for part in version.split(".")) < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise StoreError(
            f"SQLite {version} can damage databases that two processes use",
            code="store_library",
            hint=f"install an apsw that brings SQLite {oldest} or later",
        )


def refuse_network(path: Path, mounts: str | None = None) -> None:
    """Refuse a folder on a network file system, where two machines' locks and shared memory do not meet."""
    kind = file_system(path.parent.resolve(), mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise unsuited(path, f"that is a network file system ({kind})")


def file_system(folder: Path, mounts: str | None = None) -> str | None:
    """Return the type of the file system as Linux' ``/proc/self/mounts`` (or ``mounts``) has it, None if unknown."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text("utf-8", "surrogateescape")
        except OSError:
            return None
    found: dict[Path, str] = {}
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        found[Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point))] = kind
    return next((found[parent] for parent in (folder, *folder.parents) if parent in found), None)
