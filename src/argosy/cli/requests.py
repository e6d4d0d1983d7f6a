"""From what somebody typed to what the runtime is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from argosy.cli.kinds import typed_url, url
from argosy.cli.options import transfer_options
from argosy.core.names import safe_path
from argosy.core.types import FileSpec, Queue
from argosy.errors import LocalError, UsageError
from argosy.lists.entry import LARGEST_BYTES, Entry, Listing
from argosy.runtime.admission import Request

Place = Callable[[str | None, str | None, str | None], tuple[str | None, str | None]]


def asked(
    urls: Sequence[str],
    given: dict[str, Any],
    note: Callable[[str], None],
    *,
    queue: Queue,
    elsewhere: bool = False,
    **extra: Any,
) -> list[Request]:
    """Return the requests that URLs and options stand for, in order; ``note`` is told what is not quite as it was written.
    UsageError says what does not go together.

    ``elsewhere``: folders are those of another machine, and none of ours.
    """
    place = _place_elsewhere if elsewhere else _places()
    entries = [Entry((typed(text, note),)) for text in urls]
    if given["input_file"] is not None:
        listing = listed(given["input_file"])
        entries += listing.entries
        for remark in listing.remarks:
            note(remark)
    if not entries:
        raise UsageError("no URL was given", hint="give URLs, or a list of them with -i FILE")
    options = transfer_options(given)
    single = {name: given[name] for name in ("output", "checksum", "size", "mirrors") if given[name]}
    if single and len(entries) > 1:
        flags = ", ".join(f"--{name.rstrip('s') if name == 'mirrors' else name}" for name in single)
        raise UsageError(
            f"{flags} belongs to one file, and {len(entries)} were named",
            hint="a list read with -i can say out=, dir= and checksum= for each",
        )
    common = {
        "queue": queue, "options": options, "max_retries": given["retries"], "engine": given["engine"],
        "include": given["include"], "exclude": given["exclude"], **extra,
    }  # fmt: skip
    if given["together"]:
        return [_together(entries, given, common, place)]
    return [_alone(entry, given, common, place) for entry in entries]


def typed(text: str, note: Callable[[str], None]) -> str:
    """Return the URL that somebody typed; ``note`` is told if its scheme was missing."""
    found, completed = typed_url(text)
    if completed:
        note(f"taking {text} as {found}")
    return found


def listed(name: str) -> Listing:
    """Return what the file ``name`` lists, or standard input for ``-``. Raises UsageError, LocalError."""
    from argosy.lists.recognise import read, read_file  # noqa: PLC0415 - half a dozen formats that a URL is not in

    try:
        if name == "-":
            return read(sys.stdin.buffer.read(LARGEST_BYTES + 1), "standard input")
        return read_file(Path(name))
    except OSError as error:
        raise LocalError(
            f"cannot read the list {name}: {error.strerror}", hint="check its name, and whether you may read it"
        ) from error


def _alone(entry: Entry, given: dict[str, Any], common: dict[str, Any], place: Place) -> Request:
    source = url(entry.urls[0])
    directory, name = place(given["directory"], entry.directory, given["output"] or entry.name)
    own: dict[str, Any] = {"options": entry.over(common["options"])}
    own["max_retries"] = common["max_retries"] if entry.max_retries is None else entry.max_retries
    own["paused"] = common.get("paused", False) or entry.paused
    own["priority"] = common.get("priority", 0) or entry.priority
    return Request(
        source=source,
        directory=None if "://" not in source and not (given["directory"] or entry.directory) else directory,
        name=name,
        mirrors=(*map(url, entry.urls[1:]), *map(url, given["mirrors"])),
        checksum=given["checksum"] or entry.checksum,
        size=given["size"] or entry.size,
        pieces=entry.pieces,
        **common | own,
    )


def _together(entries: Sequence[Entry], given: dict[str, Any], common: dict[str, Any], place: Place) -> Request:
    """Return all entries as one task. Files of their own folders lie below the task's."""
    directory, _ = place(given["directory"], None, None)
    if len(entries) == 1 and given["output"]:
        raise UsageError("-o does not go with --together", hint="leave --together out")
    if not any(entry.name or entry.directory or entry.checksum or entry.size or entry.urls[1:] for entry in entries):
        return Request(source=[url(entry.urls[0]) for entry in entries], directory=directory, **common)
    files = tuple(
        FileSpec(tuple(map(url, entry.urls)), _path(entry), entry.size, entry.checksum, pieces=entry.pieces)
        for entry in entries
    )
    return Request(source=(), directory=directory, files=files, **common)


def _path(entry: Entry) -> str | None:
    if entry.name is None:
        if entry.directory:
            raise UsageError("with --together, dir= needs out= too", hint="or leave --together out")
        return None
    return "/".join(safe_path(f"{entry.directory}/{entry.name}" if entry.directory else entry.name))


def _places() -> Place:
    """Return what gives the folder, absolute, and the file's name if it was given: ``-o`` may name both. A list names few
    folders, many times.
    """
    here = Path.cwd()

    @cache
    def absolute(folder: str) -> str:
        return str(_absolute(here, folder))

    def place(folder: str | None, own_folder: str | None, output: str | None) -> tuple[str, str | None]:
        directory = absolute(own_folder or folder or ".")
        _check(output)
        if output is None:
            return directory, None
        named = _absolute(Path(directory), output)
        if output.endswith("/") or named.is_dir():
            return str(named), None
        return str(named.parent), named.name

    return place


def _place_elsewhere(folder: str | None, own_folder: str | None, output: str | None) -> tuple[str | None, str | None]:
    """Return the folder as it was written (None: the one that is usual there), and the file's name, folders and all."""
    directory = own_folder or folder
    _check(output)
    if output is not None and output.endswith("/"):
        return f"{directory}/{output}" if directory else output, None
    return directory, output


def _check(output: str | None) -> None:
    if output == "-":
        raise UsageError("what is in the queue cannot go to standard output", hint="'argosy get -o -' can")


def _absolute(base: Path, path: str) -> Path:
    """Return ``path`` seen from ``base``, without ``..``; links stay as they were named."""
    return Path(os.path.normpath(base / Path(path).expanduser()))
