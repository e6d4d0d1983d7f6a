"""Files with a row for each id: CSV and JSON, held in memory until they change, and SQLite, asked each time."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

COLUMNS: Final = ("id", "url", "name", "size", "checksum")
"""Of a CSV without a head, in order; with one, whatever it has of these and ``mirrors``."""
BUSY_S: Final = 2.0
LARGEST_INTEGER: Final = 2**63 - 1
Row = str | Mapping[str, Any]
Stamp = tuple[int, int, int, int]


class Table(Protocol):
    """Used by one thread."""

    path: Path

    def find(self, ids: Sequence[int | str]) -> Mapping[str, Row]:
        """Return the rows there are, by the id's text. Raises OSError or ValueError."""
        ...

    def close(self) -> None: ...


class _Held(ABC):
    """A file that is read whole, once for each of its versions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: Stamp | None = None
        self._rows: Mapping[str, Row] = {}

    def find(self, ids: Sequence[int | str]) -> Mapping[str, Row]:
        stamp = stamp_of(self.path)
        if stamp != self._stamp:
            self._rows = self._read()
            self._stamp = stamp  # taken before reading: what changes meanwhile is read again
        return {text: self._rows[text] for text in map(str, ids) if text in self._rows}

    @abstractmethod
    def _read(self) -> Mapping[str, Row]: ...

    def close(self) -> None:
        self._rows = {}


class CsvTable(_Held):
    """``id,url[,name,size,checksum]``, with or without those words as its first line."""

    def _read(self) -> Mapping[str, Row]:
        rows: dict[str, Row] = {}
        names: Sequence[str] = COLUMNS
        for line, words in enumerate(self._lines()):
            if line == 0 and "id" in map(str.lower, words):
                names = [word.lower() for word in words]
            else:
                row = dict(zip(names, words, strict=False))
                rows[row.get("id", "")] = row
        return rows

    def _lines(self) -> list[list[str]]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                return [[word.strip() for word in line] for line in csv.reader(file, strict=True) if line]
        except csv.Error as error:
            raise ValueError(str(error)) from error


class JsonTable(_Held):
    """``{id: url}`` or ``{id: {"url": …}}``."""

    def _read(self) -> Mapping[str, Row]:
        rows = json.loads(self.path.read_bytes())
        if not isinstance(rows, dict):
            raise ValueError("it is not a JSON object")  # noqa: TRY004 - it is what was written that is wrong
        return rows


class SqliteTable:
    """The table ``files`` with at least the columns ``id`` and ``url``. Nothing is ever written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def find(self, ids: Sequence[int | str]) -> Mapping[str, Row]:
        try:
            return self._found(self._open(), ids)
        except sqlite3.Error as error:
            self.close()
            raise ValueError(str(error)) from error

    def _open(self) -> sqlite3.Connection:
        """Return the connection to the file that stands under the name now."""
        stamp = stamp_of(self.path)
        if self._database is None or stamp[:2] != self._file:
            self.close()
            self._database = sqlite3.connect(
                f"file:{quote(str(self.path))}?mode=ro", uri=True, timeout=BUSY_S, check_same_thread=False
            )
            self._database.row_factory = sqlite3.Row
            self._file = stamp[:2]
        return self._database

    def _found(self, database: sqlite3.Connection, ids: Sequence[int | str]) -> Mapping[str, Row]:
        rows: dict[str, Row] = {}
        for each in ids:
            asked = str(each) if isinstance(each, int) and abs(each) > LARGEST_INTEGER else each
            row = database.execute("SELECT * FROM files WHERE id = ?", (asked,)).fetchone()
            if row is not None:
                rows[str(each)] = {name.lower(): row[name] for name in row.keys()}  # noqa: SIM118 - iterating gives values
        return rows

    def close(self) -> None:
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
        self._database = None


def stamp_of(path: Path) -> Stamp:
    """Return what differs between two versions of a file: another file, another time, another size. Raises OSError."""
    found = os.stat(path)  # noqa: PTH116 - as it is told
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
