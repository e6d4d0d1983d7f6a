"""A request as the server read it, and the small syntax of HTTP around it (RFC 9110, RFC 9112)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import unquote, urlsplit

Headers = tuple[tuple[str, str], ...]


class MalformedRequest(Exception):
    """The client sent something that is not an HTTP/1 request."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Bytes ``start`` up to ``end`` (excluded) of a resource; never empty."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start

    def content_range(self, total: int | str) -> str:
        """The value of Content-Range which describes this span truthfully."""
        return f"bytes {self.start}-{self.end - 1}/{total}"


@dataclass(frozen=True, slots=True)
class Request:
    """One request: what was asked, and its place among the others."""

    method: str
    target: str
    version: str = "HTTP/1.1"
    headers: Headers = ()
    connection: int = 1
    """Which connection it came on, counted from 1 in the order the server accepted them."""
    number: int = 1
    """Which request for this path it is, counted from 1."""
    in_flight: int = 0
    """How many other requests for this path are being answered with success right now."""
    received: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def path(self) -> str:
        """The decoded path: ``/a b`` for ``/a%20b?x=1`` and for ``http://host/a%20b``."""
        return unquote(self._split[0]) or "/"

    @property
    def query(self) -> str:
        return self._split[1]

    @property
    def _split(self) -> tuple[str, str]:
        if self.target.startswith("/"):  # urlsplit would take "//a/b" for a host
            path, _, query = self.target.partition("?")
            return path, query
        parts = urlsplit(self.target)
        return parts.path, parts.query

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def without(self, name: str) -> Request:
        """The same request as if the header had not been sent."""
        return replace(self, headers=tuple(item for item in self.headers if item[0].lower() != name.lower()))

    @property
    def range(self) -> str | None:
        return self.header("Range")

    @property
    def if_range(self) -> str | None:
        return self.header("If-Range")

    @property
    def agent(self) -> str | None:
        return self.header("User-Agent")

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password of Basic authentication, if it was sent and can be read."""
        scheme, _, token = (self.header("Authorization") or "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return user, password

    @property
    def first_byte(self) -> int | None:
        """Where the asked range begins; None without a range, for a suffix and for several ranges."""
        match = _ONE_RANGE.fullmatch(self.range or "")
        return int(match[1]) if match and match[1] else None

    @property
    def keeps_alive(self) -> bool:
        """Whether the client expects the connection to stay open (RFC 9112, 9.3)."""
        wish = (self.header("Connection") or "").lower()
        return wish == "keep-alive" if self.version == "HTTP/1.0" else wish != "close"


_REQUEST_LINE = re.compile(r"([A-Z]+) ([^ ]+) (HTTP/1\.[01])")
_ONE_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE)


class Unsatisfiable:
    """The range lies beyond the resource: 416."""


UNSATISFIABLE = Unsatisfiable()


def asked_span(text: str | None, size: int) -> Span | Unsatisfiable | None:
    """What a Range header asks of ``size`` bytes; None means the whole (none, several or malformed ranges)."""
    match = _ONE_RANGE.fullmatch(text or "")
    if not match or match[0].endswith("=-"):
        return None
    first, last = match[1], match[2]
    if not first:
        return _suffix(int(last), size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        return UNSATISFIABLE
    return Span(int(first), min(int(last) + 1, size) if last else size)


def _suffix(length: int, size: int) -> Span | Unsatisfiable | None:
    if length == 0:
        return UNSATISFIABLE
    return Span(max(0, size - length), size) if size else None


def parse_head(head: bytes) -> Request:
    """The request line and headers as a request; raises ``MalformedRequest``."""
    first, *lines = head.decode("latin-1").split("\r\n")
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise MalformedRequest(first)
    pairs = (line.partition(":") for line in lines if line)
    headers = tuple((name.strip(), value.strip()) for name, _, value in pairs)
    return Request(match[1], match[2], match[3], headers)


def http_date(moment: datetime) -> str:
    """``Sun, 06 Nov 1994 08:49:37 GMT``."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def parse_http_date(text: str) -> datetime | None:
    """The moment ``text`` names, None if it is not a date."""
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
