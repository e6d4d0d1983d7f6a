"""Columns that line up, cut to the terminal's width, whatever script the names are in."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Sequence

from argosy.cli.face import Face, speaks_unicode
from argosy.core.names import terminal_safe

GAP = "  "
NARROWEST = 12


def cells(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def cut(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` columns; what is left out of the middle is an ellipsis, the ending stays."""
    if cells(text) <= width:
        return text
    mark = "…" if speaks_unicode("stdout") else "~"
    tail = _fitting(text[::-1], max(0, width // 3))[::-1]
    return _fitting(text, max(0, width - 1 - cells(tail))) + mark + tail


def _fitting(text: str, width: int) -> str:
    used = 0
    for at, char in enumerate(text):
        used += cells(char)
        if used > width:
            return text[:at]
    return text


def columns() -> int:
    return shutil.get_terminal_size((100, 24)).columns


def lines(rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), stretch: int | None = None,
          width: int | None = None) -> list[str]:  # fmt: skip
    """Return ``rows`` aligned. Columns in ``right`` are flush right; column ``stretch`` gives way if it is too wide.

    ``width`` None: nothing is cut, as for a pipe.
    """
    rows = [[terminal_safe(cell) for cell in row] for row in rows]
    if not rows:
        return []
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    if width is not None and stretch is not None:
        others = sum(widths) - widths[stretch] + len(GAP) * (len(widths) - 1)
        widths[stretch] = max(NARROWEST, min(widths[stretch], width - others))
        rows = [[cut(cell, widths[at]) if at == stretch else cell for at, cell in enumerate(row)] for row in rows]
    return [
        GAP.join(_padded(cell, widths[at], flush_right=at in right) for at, cell in enumerate(row)).rstrip()
        for row in rows
    ]


def _padded(text: str, width: int, *, flush_right: bool) -> str:
    space = " " * (width - cells(text))
    return space + text if flush_right else text + space


def show(face: Face, head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = (),
         stretch: int | None = None) -> None:  # fmt: skip
    """Print the rows under their heads; on a terminal they fit its width. A column without a word is left out."""
    width = columns() if sys.stdout.isatty() else None
    told = [at for at in range(len(head)) if at == stretch or any(row[at] for row in rows)]
    head, rows = [head[at] for at in told], [[row[at] for at in told] for row in rows]
    right = [told.index(at) for at in right if at in told]
    stretch = None if stretch is None else told.index(stretch)
    heading, *body = lines([head, *rows], right=right, stretch=stretch, width=width)
    face.say(face.style(heading, sys.stdout, bold=True))
    for line in body:
        face.say(line)
