"""Moves the log into the database, beside the writing and not within it.

SQLite does so in the commit that makes the log too long; who waits for that commit waits for two more flushes and
thousands of pages, some 15 to 60 ms. From a connection of its own it holds nobody up.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Final

import apsw

from argosy.store.sqlite.database import PAGES_PER_CHECKPOINT

MOST_PAGES: Final = 16_000
"""If commits come so fast that the log is never caught up with, one of them moves it after all: it must not grow for ever."""


class Mover:
    """A thread that waits to be told of a long log. ``connection`` is its own from now on."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._due = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="argosy-store-mover", daemon=True)
        self._thread.start()

    def committed(self, writer: apsw.Connection, name: str, pages: int) -> int:
        """Look at the log after a commit. For ``set_wal_hook``."""
        if pages >= MOST_PAGES:
            with suppress(apsw.Error):  # what is committed is durable; the next one tries again
                writer.wal_checkpoint(name, apsw.SQLITE_CHECKPOINT_PASSIVE)
        elif pages >= PAGES_PER_CHECKPOINT:
            self._due.set()
        return apsw.SQLITE_OK

    def close(self) -> None:
        """Return when nothing is being moved any more; the connection is closed."""
        self._closing = True
        self._due.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._closing:
                return
            with suppress(apsw.Error):  # likewise
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
