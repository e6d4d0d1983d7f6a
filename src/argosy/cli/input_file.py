"""Lists of URLs: one a line, with aria2's additions.

::

    # a comment
    https://example.org/a.bin
    https://example.org/b.bin<TAB>https://mirror.example/b.bin
      out=renamed.bin
      dir=data
      checksum=sha-256=9f86…

Further URLs on a line, after TABs, are mirrors of the same bytes. An indented line belongs to the URL above it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from argosy.cli.kinds import url
from argosy.core.checksum import Checksum, parse
from argosy.errors import LocalError, UsageError

KEYS = ("out", "dir", "checksum")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file to fetch: ``urls`` has at least one, the others are mirrors."""

    urls: tuple[str, ...]
    out: str | None = None
    directory: str | None = None
    checksum: Checksum | None = None


def read(name: str) -> list[Entry]:
    """Return the entries of the file ``name``, or of standard input for ``-``."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not a list of URLs: it is not text") from None
    except OSError as error:
        raise LocalError(f"cannot read the list {name}: {error.strerror}") from error
    return parse_list(text, "standard input" if name == "-" else name)


def parse_list(text: str, name: str = "the list") -> list[Entry]:
    """Return the entries in order; UsageError names the line that makes no sense."""
    entries: list[Entry] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            if line[0] in " \t":
                entries[-1] = _with_option(entries[-1], line.strip())
            else:
                entries.append(Entry(tuple(url(part) for part in line.split("\t") if part.strip())))
        except IndexError:
            raise UsageError(f"{name}, line {number}: an indented line belongs to the URL above it") from None
        except UsageError as error:
            raise UsageError(f"{name}, line {number}: {error.message}", hint=error.hint) from None
    return entries


def _with_option(entry: Entry, text: str) -> Entry:
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or key not in KEYS:
        raise UsageError(f"no option of a list: {text[:80]!r}", hint=f"known are {', '.join(f'{k}=' for k in KEYS)}")
    match key:
        case "out":
            return replace(entry, out=value)
        case "dir":
            return replace(entry, directory=value)
        case _:
            return replace(entry, checksum=parse(value))
