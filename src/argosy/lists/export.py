"""Lists written: what :mod:`argosy.lists.recognise` reads again, and other programs too."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from argosy.lists.entry import Entry
from argosy.lists.table import ESCAPED

HASH_NAMES: Final = {
    "sha1": "sha-1",
    "sha224": "sha-224",
    "sha256": "sha-256",
    "sha384": "sha-384",
    "sha512": "sha-512",
}
"""As the registry that Metalink and aria2 go by spells them (RFC 5854 §4.2.7)."""


def urls(entries: Sequence[Entry]) -> str:
    return "".join(f"{url}\n" for entry in entries for url in entry.urls[:1])


def aria2(entries: Sequence[Entry]) -> str:
    """Return an input file for ``aria2c -i``."""
    lines: list[str] = []
    for entry in entries:
        lines.append("\t".join(entry.urls))
        if entry.directory:
            lines.append(f"  dir={entry.directory}")
        if entry.name:
            lines.append(f"  out={entry.name}")
        if entry.checksum is not None:
            lines.append(
                f"  checksum={HASH_NAMES.get(entry.checksum.algorithm, entry.checksum.algorithm)}={entry.checksum.hex}"
            )
        if entry.paused:
            lines.append("  pause=true")
    return "".join(f"{line}\n" for line in lines)


def as_csv(entries: Sequence[Entry]) -> str:
    """Return a table that a spreadsheet may open: no cell of it is a formula."""
    rows = [
        (entry.urls[0], " ".join(entry.urls[1:]), entry.name or "", entry.directory or "",
         "" if entry.size is None else entry.size, entry.checksum or "", entry.priority or "")
        for entry in entries
    ]  # fmt: skip
    return "".join(map(_line, (("url", "mirrors", "name", "directory", "size", "checksum", "priority"), *rows)))


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(  # what is in the terminator is quoted
        f"'{cell}" if str(cell).startswith(ESCAPED) and not isinstance(cell, int) else cell for cell in cells
    )
    return text.getvalue().removesuffix("\r\n") + "\n"


def as_json(entries: Sequence[Entry]) -> str:
    rows = []
    for entry in entries:
        row = {
            "url": entry.urls[0], "mirrors": list(entry.urls[1:]), "name": entry.name, "directory": entry.directory,
            "size": entry.size, "checksum": None if entry.checksum is None else str(entry.checksum), "priority": entry.priority,
        }  # fmt: skip
        rows.append({name: value for name, value in row.items() if value})
    return json.dumps(rows, indent=1, ensure_ascii=True) + "\n"


def metalink(entries: Sequence[Entry]) -> str:
    """Return a Metalink 4 (RFC 5854), which names every file: one that has no name gets its URL's last part."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<metalink xmlns="urn:ietf:params:xml:ns:metalink">']
    for entry in entries:
        name = entry.name or entry.urls[0].partition("?")[0].rstrip("/").rpartition("/")[2] or "download"
        lines.append(f" <file name={quoteattr(name)}>")
        if entry.size is not None:
            lines.append(f"  <size>{entry.size}</size>")
        if entry.checksum is not None:
            kind = HASH_NAMES.get(entry.checksum.algorithm, entry.checksum.algorithm)
            lines.append(f'  <hash type="{kind}">{entry.checksum.hex}</hash>')
        lines += [f'  <url priority="{place}">{escape(url)}</url>' for place, url in enumerate(entry.urls, 1)]
        lines.append(" </file>")
    return "\n".join([*lines, "</metalink>", ""])


FORMATS: Final[Mapping[str, Callable[[Sequence[Entry]], str]]] = {
    "urls": urls, "aria2": aria2, "csv": as_csv, "json": as_json, "metalink": metalink,
}  # fmt: skip
