"""Which kind of list something is, told by its content."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from argosy.lists import command, metalink, queue, table, urls
from argosy.lists.entry import LARGEST_BYTES, Listing, nonsense

_CURL: Final = re.compile(r"\s*(?:\$\s+)?curl(?:\.exe)?\s")
_COOKIES: Final = re.compile(
    r"# (?:Netscape )?HTTP Cookie File|(?:#HttpOnly_)?\.?[\w.-]+\t(?:TRUE|FALSE)\t/\S*\t(?:TRUE|FALSE)\t\d+\t"
)
_HEAD: Final = re.compile(r"""["']?[\w .-]+["']?(?:[,;\t|]["']?[\w .-]+["']?)*""")
DESCRIPTION: Final = (
    "URLs one a line (with aria2's options), Metalink, CSV, JSON, curl commands, or a database with DOWNLOAD_QUEUE"
)


def read_file(path: Path, where: str | None = None) -> Listing:
    """Return what the file lists. Raises UsageError, and OSError if it cannot be read."""
    where = where or str(path)
    with path.open("rb") as file:
        head = file.read(len(queue.MAGIC))
        if head == queue.MAGIC:
            return queue.read(path, where)
        data = head + file.read(LARGEST_BYTES)
    return read(data, where)


def read(data: bytes, where: str) -> Listing:
    """Return what ``data`` lists; ``where`` is what it is called in errors. Raises UsageError."""
    if len(data) > LARGEST_BYTES:
        raise nonsense(where, f"longer than {LARGEST_BYTES:,} bytes", "cut it into several lists")
    if data.startswith(queue.MAGIC):
        return _read_database(data, where)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return metalink.read(data.lstrip(b"\xef\xbb\xbf \t\r\n"), where)
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise nonsense(where, "neither text nor anything else that is known", f"known: {DESCRIPTION}") from None
    if _COOKIES.match(text):
        raise nonsense(
            where, "a browser's cookies, which name no download", "send them along: --cookies FILE, with URLs or a list"
        )
    if _CURL.match(text):
        return command.read(text, where)
    if text.lstrip()[:1] in ("{", "["):
        return table.read_json(text, where)
    if _is_csv(text):
        return table.read_csv(text, where)
    return urls.read(text, where)


def _read_database(data: bytes, where: str) -> Listing:
    """Read a database that came through a pipe."""
    with TemporaryDirectory(prefix="argosy-") as folder:
        path = Path(folder, "queue.db")
        path.write_bytes(data)
        return queue.read(path, where)


def _is_csv(text: str) -> bool:
    """Tell whether the first line is a table's head: words without a URL, one of which is a column of URLs."""
    first = text.lstrip().partition("\n")[0].strip()
    if "://" in first or first.startswith("#") or not _HEAD.fullmatch(first):
        return False
    words = (word.strip(" \"'").lower() for word in re.split(r"[,;\t|]", first))
    return any(table.COLUMNS.get(word) in ("url", "urls") for word in words)
