"""The catalogue of models: a TOML file that says which there are, where they come from and which are essential.

``[models."org/name"]`` with ``url`` (and ``mirrors``, ``checksum``, ``size``, ``filename``), or ``files`` (a list of tables
with the same), or ``source`` (``hf:org/name``, with ``include`` and ``exclude``); and any of ``directory``, ``priority``,
``essential``. Whatever is wrong in it is said with the line or the key: nobody downloads gigabytes by a file misread.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

from argosy.core.checksum import parse
from argosy.core.model import LARGEST_PRIORITY, Model
from argosy.core.names import from_url, safe_path
from argosy.core.sizes import parse_size
from argosy.core.types import FileSpec
from argosy.errors import ArgosyError, UsageError
from argosy.sources.http import check
from argosy.value import dataclass

NAME: Final = "models.toml"
LARGEST_BYTES: Final = 16 * 1024 * 1024
LONGEST_ID: Final = 500
_TOP: Final = ("models", "directory")
_FILE: Final = ("url", "mirrors", "checksum", "size", "filename")
_SOURCE: Final = ("source", "include", "exclude")
_ANY: Final = ("directory", "priority", "essential")
T = TypeVar("T")


class ModelCatalogueError(UsageError):
    """The catalogue of models cannot be read, or says something that makes no sense."""

    code = "model_catalogue"


class UnknownModel(UsageError):
    """Neither the catalogue nor any source knows what was asked for."""

    code = "unknown_model"


@dataclass(frozen=True, slots=True)
class Shelf:
    """All models of a catalogue."""

    path: Path
    models: Mapping[str, Model]

    def unknown(self, name: str) -> UnknownModel:
        """Return the error that says there is no such model."""
        near = get_close_matches(name, self.models, n=3)
        if near:
            hint = f"did you mean {' or '.join(map(repr, near))}?"
        elif self.models:
            hint = "'argosy models' lists those there are"
        else:
            hint = f"write what it is, as in hf:org/name, or list it in {self.path}"
        return UnknownModel(f"there is no model {name[:200]!r} in the catalogue", hint=hint)

    def in_order(self) -> list[Model]:
        """Return the models as they are to be fetched: essential ones first, then by priority."""
        return sorted(self.models.values(), key=lambda model: (-model.rank, model.id))


def read(path: Path, base: Path, *, needed: bool) -> Shelf:
    """Return the catalogue ``path``; models that name no folder get one below ``base``. An absent file is an empty
    catalogue, unless it is ``needed``. Raises ModelCatalogueError.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        if not needed:
            return Shelf(path, {})
        raise ModelCatalogueError(
            f"there is no catalogue of models at {path}", hint="write it, or correct the setting 'models'"
        ) from None
    except OSError as error:
        raise ModelCatalogueError(f"cannot read {path}: {error.strerror or error}") from None
    if len(data) > LARGEST_BYTES:
        raise ModelCatalogueError(f"{path} is larger than {LARGEST_BYTES:,} bytes", hint="is it a catalogue of models?")
    return Shelf(path, parsed(data, path, base))


def parsed(data: bytes, path: Path, base: Path) -> dict[str, Model]:
    """Return the models that the text of the file ``path`` describes. Raises ModelCatalogueError."""
    try:
        written = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ModelCatalogueError(f"{path}, line {line}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ModelCatalogueError(
            f"{path} is not TOML: {error}", hint='a model is written as [models."name"] with its url below'
        ) from None
    top = _Table(str(path), (), written)
    top.allow(_TOP)
    folder = Path(top.text("directory") or base).expanduser()
    models = top.table("models")
    return {name: _model(models.table(name), name, path.parent / folder) for name in models.values}


def _model(table: _Table, name: str, base: Path) -> Model:
    if not 0 < len(name) <= LONGEST_ID or not name.isprintable() or name != name.strip():
        raise table.wrong(f"a model's name has 1 to {LONGEST_ID} characters that can be seen")
    kinds = [key for key in ("url", "files", "source") if key in table.values]
    if len(kinds) != 1:
        raise table.wrong("a model has one of url, files and source, and no other", hint="the rest belongs to it")
    allowed = {"url": _FILE, "files": ("files",), "source": _SOURCE}[kinds[0]]
    table.allow((*allowed, *_ANY))
    directory = table.text("directory")
    source = table.text("source")
    folder = "" if source and not directory else str(base / _expanded(directory, table, name))
    return Model(
        name, folder, _files(table, kinds[0]), source, table.texts("include"), table.texts("exclude"),
        table.number("priority", LARGEST_PRIORITY), table.flag("essential"),
    )  # fmt: skip


def _expanded(directory: str, table: _Table, name: str) -> Path:
    """Return the folder of the model's files, seen from that of all models."""
    return Path(directory).expanduser() if directory else Path(*table.made("", lambda: safe_path(name)))


def _files(table: _Table, kind: str) -> tuple[FileSpec, ...]:
    if kind == "source":
        return ()
    if kind == "url":
        return (_file(table),)
    tables = table.tables("files")
    for each in tables:
        each.allow(_FILE)
    files = tuple(map(_file, tables))
    paths = [file.path for file in files]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise table.wrong(f"two files are called {twice!r}", hint="give each a filename of its own", key="files")
    return files


def _file(table: _Table) -> FileSpec:
    urls = (table.text("url", needed=True), *table.texts("mirrors"))
    for key, each in zip(("url", *("mirrors",) * len(urls)), urls, strict=False):
        table.made(key, lambda url=each: check(url))  # type: ignore[misc]
    name = table.text("filename") or from_url(urls[0])
    if not name:
        raise table.wrong("the link names no file", hint="write a filename beside it", key="url")
    checksum = table.text("checksum")
    return FileSpec(
        urls,
        path="/".join(table.made("filename", lambda: safe_path(name))),
        size=table.size("size"),
        checksum=table.made("checksum", lambda: parse(checksum)) if checksum else None,
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the file, which knows what it is called there."""

    path: str
    place: tuple[str, ...]
    values: Mapping[str, Any]

    def wrong(self, why: str, *, hint: str = "", key: str = "") -> ModelCatalogueError:
        place = ".".join(f'"{part}"' if "." in part or "/" in part else part for part in (*self.place, key) if part)
        return ModelCatalogueError(f"{self.path}: {place}: {why}", hint=hint or "correct it there")

    def allow(self, keys: Sequence[str]) -> None:
        for key in self.values:
            if key not in keys:
                near = get_close_matches(key, keys, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(keys)}"
                raise self.wrong("there is no such key here", hint=hint, key=key)

    def made(self, key: str, make: Callable[[], T]) -> T:
        """Return what ``make`` makes of the key's value."""
        try:
            return make()
        except ArgosyError as error:
            raise self.wrong(error.message, hint=error.hint, key=key) from None

    def text(self, key: str, *, needed: bool = False) -> str:
        value = self.values.get(key)
        if value is None and not needed:
            return ""
        if not isinstance(value, str) or not value:
            raise self.wrong("a text is needed" if value is not None else "it is missing", key=key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.values.get(key, ())
        if isinstance(values, str) or not all(isinstance(each, str) and each for each in _listed(values, self, key)):
            raise self.wrong('a list of texts is needed, such as ["one", "two"]', key=key)
        return tuple(values)

    def number(self, key: str, most: int) -> int:
        value = self.values.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > most:
            raise self.wrong(f"a whole number from -{most:,} to {most:,} is needed", key=key)
        return value

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong("true or false is needed", key=key)
        return value

    def size(self, key: str) -> int | None:
        """Return bytes: a number, or a text such as ``"1.5GiB"``."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise self.wrong("bytes are needed: a number", key=key)
        return self.made(key, lambda: parse_size(str(value)))

    def table(self, key: str) -> _Table:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(
                "a table is needed", hint=f"write [{'.'.join((*self.place, key))}] above its keys", key=key
            )
        return _Table(self.path, (*self.place, key), value)

    def tables(self, key: str) -> list[_Table]:
        values = _listed(self.values.get(key), self, key)
        if not values or not all(isinstance(each, dict) for each in values):
            raise self.wrong("a list of files is needed, each with its url", key=key)
        return [_Table(self.path, (*self.place, f"{key}[{index}]"), each) for index, each in enumerate(values)]


def _listed(value: Any, table: _Table, key: str) -> Sequence[Any]:  # noqa: ANN401 - whatever was written
    if not isinstance(value, (list, tuple)):
        raise table.wrong("a list is needed", key=key)
    return value
