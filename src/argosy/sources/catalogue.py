"""Catalogues: what a file's id means, for callers who know their files by ids and not by URLs.

The setting ``catalogue`` says where it is written down: ``https://…/{id}``, a ``.csv``, ``.json`` or SQLite file, or the
name of an entry point of the group ``argosy.catalogues``. A file is read again once it has changed. What a catalogue says
of a file is checked like anything else that comes from outside; that of one file never hinders another.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

from argosy.core.checksum import parse
from argosy.core.names import safe_path, terminal_safe
from argosy.core.types import FileSpec
from argosy.errors import ArgosyError, LocalError, UsageError
from argosy.sources.http import check
from argosy.sources.table import CsvTable, JsonTable, SqliteTable, Table

log = logging.getLogger(__name__)

GROUP: Final = "argosy.catalogues"
PLACE: Final = "{id}"
SHOWN: Final = 80
"""Characters of an id in a message."""
LOOKUP_S: Final = 10.0
"""So long a plug-in may take."""
TABLES: Final[Mapping[str, Callable[[Path], Table]]] = {
    ".csv": CsvTable, ".json": JsonTable, ".db": SqliteTable, ".sqlite": SqliteTable, ".sqlite3": SqliteTable,
}  # fmt: skip

FileId = int | str
"""``70000`` and ``"70000"`` are the same file."""
Entry = str | Mapping[str, Any]
"""A URL, or ``url`` with any of ``mirrors``, ``name``, ``size`` and ``checksum``."""
LookUp = Callable[[Sequence[FileId]], Any]
"""What a plug-in is: a function or coroutine function of many ids, whose answer maps those it knows to their entries. A
plain function runs in a thread.
"""


class CatalogueError(LocalError):
    """The catalogue cannot be read, or says something that makes no sense."""

    code = "catalogue"


class UnknownFiles(UsageError):
    """The catalogue knows nothing of the ids ``unknown``."""

    code = "unknown_file"

    def __init__(self, unknown: Sequence[FileId]) -> None:
        shown = ", ".join(map(_shown, unknown[:5]))
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        super().__init__(
            f"the catalogue has no file {shown}{more}", hint="nothing was started; leave them out or correct them"
        )
        self.unknown = tuple(unknown)


class Catalogue(Protocol):
    """Knows files by their ids."""

    async def find(self, ids: Sequence[FileId]) -> Mapping[str, Entry]:
        """Return what is known of each, by the id's text; unknown ones are missing. Raises CatalogueError."""
        ...

    async def close(self) -> None: ...


async def files_of(catalogue: Catalogue, ids: Sequence[FileId]) -> list[FileSpec]:
    """Return the files in order, each labelled with its id. Raises UnknownFiles, or CatalogueError that names the id."""
    known = await catalogue.find(ids)
    unknown = [each for each in ids if str(each) not in known]
    if unknown:
        raise UnknownFiles(unknown)
    return [_file(each, known[str(each)]) for each in ids]


def opened(setting: str, base: Path) -> Catalogue | None:
    """Return the catalogue that the setting names, None if it is empty. A relative path is seen from ``base``.

    Raises UsageError with the code ``config`` for a setting that cannot be meant.
    """
    if not setting:
        return None
    if "://" in setting:
        return TemplateCatalogue(setting)
    table = TABLES.get(Path(setting).suffix.lower())
    if table is not None:
        return TableCatalogue(table((base / Path(setting).expanduser()).absolute()))
    return PluginCatalogue(setting, _plugin(setting))


class TemplateCatalogue:
    """Every id is a file: its text, percent-encoded, takes the place of ``{id}``."""

    def __init__(self, template: str) -> None:
        host = urlsplit(template).netloc
        if PLACE not in template or PLACE in host:
            raise UsageError(
                f"catalogue = {template!r} has no {PLACE} after its host",
                hint="https://files.example.org/{id}",
                code="config",
            )
        check(template.replace(PLACE, "0"))
        self._template = template

    async def find(self, ids: Sequence[FileId]) -> Mapping[str, Entry]:
        # "." and ".." stay as they are when encoded, and would name another folder of the server.
        return {text: self._template.replace(PLACE, quote(text, safe="")) for text in map(str, ids) if text.strip(".")}

    async def close(self) -> None:
        """There is nothing to close."""


class TableCatalogue:
    """A file with a row for each id, looked at in a thread of its own."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="argosy-catalogue")

    async def find(self, ids: Sequence[FileId]) -> Mapping[str, Entry]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._find, tuple(ids))

    def _find(self, ids: Sequence[FileId]) -> Mapping[str, Entry]:
        try:
            return self._table.find(ids)
        except (OSError, ValueError) as error:
            log.error("catalogue.unreadable", extra={"path": str(self._table.path), "error": str(error)})  # noqa: TRY400 - a person's file, not our bug
            raise CatalogueError("the catalogue cannot be read", hint="the service's log says why") from error

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._table.close)
        self._thread.shutdown()


class PluginCatalogue:
    """Somebody's function, which has ``patience_s`` to answer."""

    def __init__(self, name: str, look_up: LookUp, *, patience_s: float = LOOKUP_S) -> None:
        self._name = name
        self._look_up = look_up
        self._patience_s = patience_s

    async def find(self, ids: Sequence[FileId]) -> Mapping[str, Entry]:
        try:
            async with asyncio.timeout(self._patience_s):
                found = await self._ask(tuple(ids))
            return {str(each): entry for each, entry in found.items()}
        except TimeoutError:
            raise CatalogueError(
                f"the catalogue did not answer within {self._patience_s:g} s", hint="try again later", retryable=True
            ) from None
        except Exception as error:
            log.exception("catalogue.plugin_failed", extra={"plugin": self._name})
            raise CatalogueError("the catalogue failed", hint="the service's log says why") from error

    async def _ask(self, ids: Sequence[FileId]) -> Mapping[FileId, Entry]:
        if inspect.iscoroutinefunction(self._look_up):
            found: Mapping[FileId, Entry] = await self._look_up(ids)
        else:
            found = await asyncio.to_thread(self._look_up, ids)
        return found

    async def close(self) -> None:
        """There is nothing to close."""


def _plugin(name: str) -> LookUp:
    found = tuple(entry_points(group=GROUP, name=name))
    if not found:
        known = ", ".join(sorted(entry_points(group=GROUP).names)) or "none is installed"
        raise UsageError(
            f"catalogue = {name!r} is neither a URL, nor a .csv, .json or .db file, nor a plug-in",
            hint=known,
            code="config",
        )
    look_up: LookUp = found[0].load()
    return look_up


def _file(file_id: FileId, entry: object) -> FileSpec:
    """Return the file that an entry describes. Raises CatalogueError, which names the id."""
    try:
        return _described(file_id, {"url": entry} if isinstance(entry, str) else entry)
    except (ArgosyError, ValueError, TypeError, KeyError) as error:
        why = error.message if isinstance(error, ArgosyError) else "it is not a file's description"
        raise CatalogueError(f"what the catalogue says of file {_shown(file_id)} makes no sense: {why}") from None


def _described(file_id: FileId, entry: object) -> FileSpec:
    if not isinstance(entry, Mapping):
        raise TypeError(entry)
    mirrors = entry.get("mirrors") or ()
    urls = (entry["url"], *(mirrors.split() if isinstance(mirrors, str) else mirrors))
    for url in urls:
        check(url)
    name, size, checksum = entry.get("name"), entry.get("size"), entry.get("checksum")
    if size in (None, ""):
        size = None
    elif int(size) < 0:
        raise ValueError(size)
    return FileSpec(
        urls,
        path="/".join(safe_path(str(name))) if name else None,
        size=None if size is None else int(size),
        checksum=parse(checksum) if checksum else None,
        label=json.dumps(file_id),
    )


def _shown(file_id: FileId) -> str:
    return terminal_safe(json.dumps(file_id, ensure_ascii=False)[:SHOWN])
