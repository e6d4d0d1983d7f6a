"""What S3 says is in a bucket: ListObjectsV2, page by page. Keys may be anything, so nothing here takes them for paths."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote
from xml.parsers import expat

from argosy.errors import BadResponse
from argosy.value import dataclass

DEEPEST: Final = 16
LARGEST_PAGE: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Object:
    """One object of a bucket."""

    key: str
    size: int
    etag: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the objects, and the word with which the next page is asked for; None: there is none."""

    objects: tuple[Object, ...]
    more: str | None


class _Reader:
    """Follows the elements; everything it does not know is passed over."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.text: list[str] = []
        self.about: dict[str, str] = {}
        self.objects: list[dict[str, str]] = []

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if not self.path and local != "ListBucketResult":
            raise BadResponse(f"the bucket answers {local[:40]!r} instead of a listing", code="listing")
        if len(self.path) >= DEEPEST:
            raise BadResponse("the bucket's listing is nested too deep", code="listing")
        self.path.append(local)
        self.text = []
        if self.path[1:] == ["Contents"]:
            self.objects.append({})

    def data(self, text: str) -> None:
        self.text.append(text)

    def end(self, _name: str) -> None:
        within, value = self.path[1:], "".join(self.text)
        self.path.pop()
        self.text = []
        if len(within) == 1:
            self.about[within[0]] = value
        elif len(within) == 2 and within[0] == "Contents":
            self.objects[-1][within[1]] = value


def page_of(document: bytes) -> Page:
    """Return what a page of the listing says. Raises BadResponse."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.EntityDeclHandler = _no_entities
    try:
        parser.Parse(document, True)
        encoded = reader.about.get("EncodingType", "").lower() == "url"
        objects = tuple(_object(each, encoded=encoded) for each in reader.objects)
    except (expat.ExpatError, KeyError, ValueError):
        raise BadResponse("the bucket's listing makes no sense", code="listing", retryable=True) from None
    truncated = reader.about.get("IsTruncated", "").strip().lower() == "true"
    more = reader.about.get("NextContinuationToken", "").strip()
    if truncated and not more:
        raise BadResponse("the bucket's listing breaks off", code="listing", retryable=True)
    return Page(objects, more if truncated else None)


def _object(told: dict[str, str], *, encoded: bool) -> Object:
    size = int(told["Size"])
    if size < 0:
        raise ValueError(size)
    # A key is encoded as in a form: its own plus signs are not written plainly.
    key = unquote(told["Key"].replace("+", " "), errors="strict") if encoded else told["Key"]
    return Object(key, size, told.get("ETag", "").strip() or None)


def _no_entities(*_: Any) -> None:  # noqa: ANN401 - the library's
    raise BadResponse("a listing that declares entities is not read", code="listing")
