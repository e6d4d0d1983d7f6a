"""Tables of downloads: CSV with a head, JSON, and NDJSON, by column names that people use; also what ``argosy export`` writes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from argosy.core.checksum import parse
from argosy.errors import UsageError
from argosy.lists.entry import MOST_ENTRIES, Entry, Listing, location, named, nonsense

COLUMNS: Final[Mapping[str, str]] = {
    "url": "url", "uri": "url", "source": "url", "link": "url", "href": "url", "download_url": "url",
    "urls": "urls", "mirrors": "mirrors", "mirror": "mirrors",
    "name": "name", "filename": "name", "file_name": "name", "file": "name", "out": "name", "output": "name", "path": "name",
    "directory": "directory", "dir": "directory", "folder": "directory", "target_directory": "directory",
    "checksum": "checksum", "hash": "checksum", "sha256": "sha256", "sha1": "sha1", "sha512": "sha512", "md5": "md5",
    "size": "size", "bytes": "size", "total": "size", "total_bytes": "size", "length": "size",
    "priority": "priority", "max_retries": "max_retries",
}  # fmt: skip
LISTS: Final = ("tasks", "downloads", "files", "items", "entries", "models")
"""Members of a JSON object under which a list may be."""
DEEPEST: Final = 3
SEPARATORS: Final = ",;\t|"
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet calculate a cell; the last four are the wide forms of the first."""
ESCAPED: Final = (*FORMULA, "'")
"""What is written with an apostrophe before it, as spreadsheets do, and read without."""


def read_csv(text: str, where: str) -> Listing:
    """Return a row's file for each row. Raises UsageError."""
    head = text.lstrip().partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(SEPARATORS, key=head.count))
    entries = []
    try:
        for number, row in enumerate(rows, 2):
            entries.append(
                _entry({key or "": _plain(value) for key, value in row.items() if value}, f"{where}, line {number}")
            )
            _check_count(entries, where)
    except csv.Error as error:
        raise nonsense(where, f"no CSV: {error}") from None
    return Listing("a CSV table", tuple(entries))


def _plain(cell: Any) -> Any:  # noqa: ANN401 - a text, or a list of those beyond the last column
    return cell[1:] if isinstance(cell, str) and cell[:1] == "'" and cell[1:].startswith(ESCAPED) else cell


def read_json(text: str, where: str) -> Listing:
    """Return what JSON or NDJSON names: a list of URLs or of objects, or an object that holds such a list."""
    try:
        content = json.loads(text)
    except RecursionError:
        raise nonsense(where, "JSON that is nested too deep") from None
    except ValueError:
        content = _lines(text, where)
    entries = [
        _entry(each, f"{where}, item {number}") for number, each in enumerate(_items(content, where, DEEPEST), 1)
    ]
    _check_count(entries, where)
    return Listing("JSON", tuple(entries))


def _lines(text: str, where: str) -> list[Any]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except (ValueError, RecursionError):
                raise nonsense(f"{where}, line {number}", "neither JSON nor NDJSON") from None
    return found


def _items(content: Any, where: str, depth: int) -> Iterable[Any]:  # noqa: ANN401 - JSON
    if isinstance(content, list):
        return content
    if isinstance(content, dict):
        if _is_file(content):
            return [content]
        for name in LISTS:
            if depth and isinstance(content.get(name), (list, dict)):
                return _items(content[name], where, depth - 1)
        if content and all(isinstance(value, (str, dict)) for value in content.values()):
            # {"name": "https://…"} and {"name": {"url": …}}
            return [
                {"name": name, "url": value} if isinstance(value, str) else {"name": name} | value
                for name, value in content.items()
            ]
    raise nonsense(where, "JSON that names no downloads", "a list of URLs, or of objects with a url")


def _is_file(content: Mapping[str, Any]) -> bool:
    return any(COLUMNS.get(str(key).lower()) in ("url", "urls") for key in content)


def _entry(row: Any, where: str) -> Entry:  # noqa: ANN401 - JSON
    if isinstance(row, str):
        row = {"url": row}
    if not isinstance(row, dict):
        raise nonsense(where, "neither a URL nor an object")
    known: dict[str, Any] = {}
    for key, value in row.items():
        column = COLUMNS.get(str(key).strip().lower())
        if column is not None and value not in (None, ""):
            known.setdefault(column, value)
    urls = [*_texts(known.get("url")), *_texts(known.get("urls")), *_texts(known.get("mirrors"))]
    if not urls:
        raise nonsense(
            where, "no url", f"a column called {', '.join(name for name, is_ in COLUMNS.items() if is_ == 'url')}"
        )
    try:
        return Entry(
            tuple(dict.fromkeys(map(location, urls))),
            name=named(str(known["name"])) if "name" in known else None,
            directory=str(known["directory"]) if "directory" in known else None,
            checksum=_checksum(known),
            size=_number(known.get("size")),
            priority=_number(known.get("priority")) or 0,
            max_retries=_number(known.get("max_retries")),
        )
    except UsageError as error:
        raise nonsense(where, error.message, error.hint) from None


def _checksum(known: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a checksum, or None
    for algorithm in ("sha512", "sha256", "sha1", "md5"):
        if algorithm in known:
            return parse(f"{algorithm}:{known[algorithm]}")
    return parse(str(known["checksum"])) if "checksum" in known else None


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [part for part in value.split() if part]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _number(value: object) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    text = str(value).strip()
    if not text.lstrip("-").isdigit():
        raise UsageError(f"not a number: {text[:40]!r}")
    return int(text)


def _check_count(entries: list[Entry], where: str) -> None:
    if len(entries) > MOST_ENTRIES:
        raise nonsense(where, f"more than {MOST_ENTRIES:,} files")
