"""Metalink 4 (RFC 5854) and the older version 3: mirrors, sizes and checksums of files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

from argosy.core.checksum import ALGORITHMS, Checksum, parse
from argosy.core.names import safe_path
from argosy.core.pieces import Pieces, checked
from argosy.errors import UnsafePath, UsageError
from argosy.lists.entry import MOST_ENTRIES, Entry, Listing, nonsense

NAMESPACES: Final = frozenset({"urn:ietf:params:xml:ns:metalink", "http://www.metalinker.org/"})
DEEPEST: Final = 32
LEAST_WANTED: Final = 999_999
"""The priority of a URL that states none (RFC 5854 §4.2.14)."""
FETCHED: Final = ("http://", "https://", "ftp://", "ftps://", "sftp://")


class _Pieces:
    def __init__(self, attributes: dict[str, str]) -> None:
        self.kind = attributes.get("type", "")
        self.length = attributes.get("length", "")
        self.hashes: list[str] = []


class _File:
    def __init__(self, name: str, line: int) -> None:
        self.name = name
        self.line = line
        self.size: int | None = None
        self.hashes: list[Checksum] = []
        self.pieces: list[_Pieces] = []
        self.urls: list[tuple[int, int, str]] = []
        """Priority (lower first), order, URL."""


class _Reader:
    """Follows the elements; everything it does not know is passed over."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self._parser = parser
        self.files: list[_File] = []
        self._path: list[str] = []
        self._attributes: list[dict[str, str]] = []
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if not self._path and (local != "metalink" or (namespace and namespace not in NAMESPACES)):
            raise UsageError(f"a {local!r} document is no Metalink")
        if len(self._path) >= DEEPEST:
            raise UsageError("it is nested too deep")
        self._path.append(local)
        self._attributes.append(attributes)
        self._text = []
        if local == "file":
            if len(self.files) >= MOST_ENTRIES:
                raise UsageError(f"it names more than {MOST_ENTRIES:,} files")
            self.files.append(_File(attributes.get("name", ""), self._parser.CurrentLineNumber))
        elif local == "pieces" and self.files:
            self.files[-1].pieces.append(_Pieces(attributes))

    def data(self, text: str) -> None:
        self._text.append(text)

    def end(self, _name: str) -> None:
        local, attributes = self._path.pop(), self._attributes.pop()
        text = "".join(self._text).strip()
        self._text = []
        if not self.files or "file" not in self._path:
            return
        file = self.files[-1]
        if local == "size" and text.isdigit():
            file.size = int(text)
        elif local == "hash" and "pieces" in self._path:
            file.pieces[-1].hashes.append(text)
        elif local == "hash":
            file.hashes += _hash(attributes.get("type", ""), text)
        elif local == "url" and text.lower().startswith(FETCHED):
            file.urls.append((_priority(attributes), len(file.urls), text))


def read(data: bytes, where: str) -> Listing:
    """Return the files, each with its mirrors in the order the document prefers. Raises UsageError."""
    parser = expat.ParserCreate(namespace_separator=" ")
    reader = _Reader(parser)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.EntityDeclHandler = _no_entities
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise nonsense(where, f"no Metalink: {error}") from None
    except UsageError as error:
        raise nonsense(f"{where}, line {parser.CurrentLineNumber}", error.message) from None
    entries: list[Entry] = []
    remarks: list[str] = []
    for file in reader.files:
        if file.urls:
            entries.append(_entry(file, where, remarks))
        else:
            remarks.append(f"{file.name[:80] or 'a file'} has no URL that can be fetched")
    return Listing("a Metalink", tuple(entries), tuple(remarks))


def _no_entities(*_: object) -> None:
    raise UsageError("a Metalink that declares entities is not read")


def _entry(file: _File, where: str, remarks: list[str]) -> Entry:
    try:
        name = "/".join(safe_path(file.name)) if file.name else None
    except UnsafePath as error:
        raise nonsense(f"{where}, line {file.line}", error.message) from None
    strongest = max(file.hashes, key=lambda found: ALGORITHMS.index(found.algorithm), default=None)
    urls = tuple(url for *_, url in sorted(file.urls))
    return Entry(urls, name, checksum=strongest, size=file.size, pieces=_pieces(file, remarks))


def _pieces(file: _File, remarks: list[str]) -> Pieces | None:
    """Return the pieces that are told by the strongest hash; what is wrong with others is a remark."""
    found: Pieces | None = None
    for each in file.pieces:
        try:
            length = int(each.length) if each.length.isdigit() else 0
            pieces = checked(each.kind, length, each.hashes, file.size)
        except UsageError as error:
            remarks.append(f"{file.name[:80] or 'a file'}: left aside: {error.message}")
            continue
        if found is None or ALGORITHMS.index(found.algorithm) < ALGORITHMS.index(pieces.algorithm):
            found = pieces
    return found


def _hash(kind: str, text: str) -> Iterator[Checksum]:
    try:
        yield parse(f"{kind}:{text}")
    except UsageError:
        return  # of a kind that is not known here


def _priority(attributes: dict[str, str]) -> int:
    """Return the URL's place: version 4 counts from 1, the best; version 3 prefers up to 100, the best."""
    if attributes.get("priority", "").isdigit():
        return int(attributes["priority"])
    if attributes.get("preference", "").isdigit():
        return 101 - min(100, int(attributes["preference"]))
    return LEAST_WANTED
