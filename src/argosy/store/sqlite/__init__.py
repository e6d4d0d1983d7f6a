"""The embedded store: one SQLite database, one writing thread, whole batches of operations in one transaction.

``store`` answers the port; ``lane`` owns the threads; ``work`` is what one transaction reads and writes; ``row``
knows the columns; ``database`` makes, checks and migrates the file; ``statement`` reads ``queries.sql``.
"""

from argosy.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
