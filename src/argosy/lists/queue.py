"""A database with a ``DOWNLOAD_QUEUE`` table, such as home-made queues around wget keep."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import quote

import apsw

from argosy.core.names import safe_name
from argosy.errors import UsageError
from argosy.lists.entry import MOST_ENTRIES, Entry, Listing, location, nonsense

MAGIC: Final = b"SQLite format 3\x00"
NEEDED: Final = frozenset({"url", "target_directory", "status"})
OURS: Final = "download_queue"
DONE: Final = frozenset({"completed", "cancelled"})


def read(path: Path, where: str) -> Listing:
    """Return what the queue has not completed. The database is only read. Raises UsageError."""
    try:
        database = apsw.Connection(
            f"file:{quote(str(path))}?immutable=0", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
        try:
            return _read(database, where)
        finally:
            database.close()
    except apsw.Error as error:
        raise nonsense(where, f"the database cannot be read: {error}") from None


def _read(database: apsw.Connection, where: str) -> Listing:
    found = database.execute(
        "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND lower(name) = ?", (OURS,)
    ).fetchone()
    if found is None:
        raise nonsense(where, "a database without a table DOWNLOAD_QUEUE")
    table = str(found[0]).replace('"', '""')
    columns = {str(name).lower() for (name,) in database.execute("SELECT name FROM pragma_table_xinfo(?)", (found[0],))}
    if not columns >= NEEDED:
        raise nonsense(where, f"its DOWNLOAD_QUEUE has no {', '.join(sorted(NEEDED - columns))}")
    filename = "filename" if "filename" in columns else "NULL"
    retries = "max_retries" if "max_retries" in columns else "NULL"
    rows = database.execute(
        f'SELECT url, target_directory, {filename}, status, {retries} FROM "{table}" LIMIT {MOST_ENTRIES + 1}'  # noqa: S608 - the names are ours
    )
    entries, done = [], 0
    for number, (url, directory, name, status, max_retries) in enumerate(rows, 1):
        if str(status).lower() in DONE:
            done += 1
            continue
        try:
            source = location(str(url))
        except UsageError as error:
            raise nonsense(f"{where}, row {number}", error.message, error.hint) from None
        entries.append(
            Entry(
                (source,), safe_name(str(name)) if name else None, str(directory),
                max_retries=max_retries if isinstance(max_retries, int) else None,
            )
        )  # fmt: skip
    remarks = (f"{done} that had ended were left aside",) if done else ()
    return Listing("a download queue", tuple(entries), remarks)
