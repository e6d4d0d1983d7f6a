"""What an answer means for the bytes we hold: the one place that decides whether they may be combined.

Everything an HTTP server may say to a request, ranged or not, becomes one of a few verdicts. The rules are RFC 9110's
(13.1.5, 14.4, 15.3.7, 15.5.17), and one of our own: bytes are combined only if they provably belong to the same
version; when in doubt, nothing is spliced.
"""

from __future__ import annotations

from dataclasses import field
from typing import Final

from argosy.core.header import (
    ContentRange,
    Match,
    Unsatisfied,
    Validators,
    parse_content_length,
    parse_content_range,
    read_validators,
)
from argosy.core.retry import parse_retry_after
from argosy.errors import ArgosyError, AuthError, BadResponse, NetworkError, ServerBusy, ServerRefused
from argosy.value import dataclass

BUSY: Final = frozenset({408, 425, 429})
CAP_ENCODINGS: Final = 1
"""More than one content coding on a file that was asked for as it is, is an attack or a mistake."""
HTML: Final = ("text/html", "application/xhtml+xml")
PAGES: Final = frozenset({"html", "htm", "xhtml", "php", "asp", "aspx", "jsp", "cgi", ""})
"""Name endings under which a web page is no surprise."""
ALWAYS_PAGES: Final = frozenset({"html", "htm", "xhtml"})
"""And under which it is none even if another size was promised."""
PACKED: Final = frozenset({"gz", "tgz", "z", "bz2", "xz", "zst", "br", "zip", "svgz", "whl", "7z"})


@dataclass(frozen=True, slots=True)
class Head:
    """The status and the fields of an answer; field names in lower case, repeated fields in order."""

    status: int
    fields: dict[str, list[str]] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        values = self.fields.get(name)
        return values[0] if values else None

    @property
    def content_type(self) -> str | None:
        value = self.get("content-type")
        return value.split(";")[0].strip().lower() if value else None

    @property
    def encodings(self) -> tuple[str, ...]:
        """Content codings other than ``identity``, in the order in which they were applied."""
        listed = ",".join(self.fields.get("content-encoding", []))
        return tuple(name for part in listed.split(",") if (name := part.strip().lower()) not in ("", "identity"))

    def retry_after_s(self, now: float) -> float | None:
        value = self.get("retry-after")
        return None if value is None else parse_retry_after(value, now)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the request asked for: bytes from ``first`` (to ``last``, inclusive); ``ranged`` False: no Range field."""

    first: int = 0
    last: int | None = None
    ranged: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """What we hold of the file already, and which version it is of."""

    validators: Validators = field(default_factory=Validators)
    content_type: str | None = None
    held: int = 0
    """Bytes held that would be lost by a restart."""

    @property
    def any(self) -> bool:
        """Whether an answer has described the file before."""
        return self.held > 0 or self.validators != Validators()


@dataclass(frozen=True, slots=True)
class Take:
    """The body holds the bytes from ``first`` (perhaps earlier than asked) to ``last`` of ``total``.

    ``proven``: the validators say it is the version that we hold. Otherwise the caller has to compare bytes that it
    holds with the same bytes of the body before it adds any.
    """

    first: int
    last: int | None
    total: int | None
    validators: Validators
    proven: bool


@dataclass(frozen=True, slots=True)
class Whole:
    """The body is the whole file from its first byte. ``same``: of the version that we hold a part of."""

    total: int | None
    validators: Validators
    same: Match


@dataclass(frozen=True, slots=True)
class Different:
    """The body belongs to another version than what we hold: use neither this body nor what is held."""

    why: str


@dataclass(frozen=True, slots=True)
class AllHeld:
    """416 with ``*/N``: there is nothing beyond the ``total`` bytes that we hold."""

    total: int


@dataclass(frozen=True, slots=True)
class Untouched:
    """304: what we have is what the server has."""


@dataclass(frozen=True, slots=True)
class Unranged:
    """The range in the answer cannot be trusted: ask again without one, from the beginning."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """There are no bytes to be had this way."""

    error: ArgosyError


Verdict = Take | Whole | Different | AllHeld | Untouched | Unranged | Refused


def judge(head: Head, asked: Asked, known: Known, *, now: float) -> Verdict:
    """Return what the answer means. Total: every status and every nonsense has a verdict."""
    try:
        match head.status:
            case 200:
                return _whole(head, known)
            case 206:
                return _partial(head, asked, known)
            case 304:
                return Untouched()
            case 416 if asked.ranged:
                return _beyond(head, asked, known)
    except BadResponse as error:
        return Refused(error)
    return Refused(refusal(head, now=now))


def _whole(head: Head, known: Known) -> Verdict:
    validators = _validators(head, parse_content_length(head.fields.get("content-length", [])))
    if "transfer-encoding" in head.fields:  # RFC 9112 6.3: chunked wins over a length
        validators = _validators(head, None)
    return Whole(validators.length, validators, known.validators.matches(validators) if known.any else Match.SAME)


def _partial(head: Head, asked: Asked, known: Known) -> Verdict:
    if not asked.ranged:
        raise BadResponse("a part was sent although the whole was asked for", code="bad_range")
    if known.held and known.content_type not in HTML and head.content_type in HTML:
        return Refused(web_page())
    if (head.content_type or "").startswith("multipart/"):
        return Unranged("several parts were sent although one was asked for")
    given = parse_content_range(head.get("content-range") or "") if _single(head, "content-range") else None
    if not isinstance(given, ContentRange):
        return Unranged(f"the range of the answer is invalid: {head.get('content-range')!r}")
    length = parse_content_length(head.fields.get("content-length", []))
    if length is not None and "transfer-encoding" not in head.fields and length != given.length:
        return Unranged("the answer's length and its range disagree")
    if given.first > asked.first:
        return Unranged(f"asked for bytes from {asked.first}, the answer begins at {given.first}")
    validators = _validators(head, given.total)
    same = known.validators.matches(validators) if known.any else Match.SAME
    if same is Match.DIFFERENT:
        return Different(_difference(known.validators, validators))
    if given.total is not None and given.total < known.held:
        return Different(f"{known.held:,} bytes are held of what has {given.total:,} now")
    return Take(given.first, given.last, given.total, validators, proven=same is Match.SAME)


def _beyond(head: Head, asked: Asked, known: Known) -> Verdict:
    given = parse_content_range(head.get("content-range") or "")
    total = given.total if isinstance(given, Unsatisfied) else None
    length = known.validators.length
    if not known.held:
        return Unranged("the server finds no byte of the range that was asked for")
    if length is None and (total == known.held or (total is None and asked.first == known.held)):
        return AllHeld(known.held)
    if total is None or total == length:
        return Unranged("the server refuses a range within the file")
    return Different(f"what is held does not fit into the {total:,} bytes that the server has now")


def _single(head: Head, name: str) -> bool:
    return len(set(head.fields.get(name, []))) == 1


def _validators(head: Head, length: int | None) -> Validators:
    return read_validators(
        etag=head.get("etag"), last_modified=head.get("last-modified"), date=head.get("date"), length=length
    )


def _difference(mine: Validators, theirs: Validators) -> str:
    if mine.length is not None and theirs.length is not None and mine.length != theirs.length:
        return f"its length changed from {mine.length} to {theirs.length}"
    return "its ETag changed" if mine.etag != theirs.etag else "its modification time changed"


def refusal(head: Head, *, now: float) -> ArgosyError:
    """Return the error that a status without usable bytes means."""
    status = head.status
    text = f"the server answered {status}{_phrase(status)}"
    match status:
        case 401 | 403 | 407:
            hint = "give credentials (--user, --netrc, --header), or a fresh link if this one has expired"
            return AuthError(text, hint=hint, code=f"http_{status}")
        case 404 | 410:
            return ServerRefused(text, hint="check the URL; the file may have moved", code=f"http_{status}")
        case _ if status in BUSY or 500 <= status <= 599:
            wish = head.retry_after_s(now)
            return ServerBusy(text, retry_after_s=wish, hint="it is tried again by itself", code=f"http_{status}")
        case _ if 400 <= status <= 499:
            return ServerRefused(text, code=f"http_{status}")
    return BadResponse(f"{text}, which holds no file", code="no_content")


def web_page() -> NetworkError:
    """Return the error for a web page in place of a file that we hold a part of: a portal, a login, an error page."""
    return NetworkError(
        "a web page came instead of the file",
        hint="log in to the network or the site, then go on; what is held is kept",
        code="html_instead",
    )


def is_unexpected_page(head: Head, name: str, *, promised: bool) -> bool:
    """Tell whether a web page came where the name, or what is ``promised`` of the file, means another kind of file."""
    if head.content_type not in HTML or head.get("content-disposition"):
        return False
    ending = _ending(name)
    return ending not in PAGES or (promised and ending not in ALWAYS_PAGES)


def decoding(head: Head, name: str) -> str | None:
    """Return the content coding that must be undone to get the file, None if the bytes are the file.

    A compressed file is often labelled with its own compression: ``x.tar.gz`` with ``gzip`` is kept as it is.
    Raises BadResponse for a coding that was not asked for and cannot be undone.
    """
    encodings = head.encodings
    if not encodings or (_ending(name) in PACKED and len(encodings) <= CAP_ENCODINGS):
        return None
    if len(encodings) > CAP_ENCODINGS or encodings[0] not in ("gzip", "x-gzip", "deflate"):
        listed = ", ".join(encodings)[:80]
        raise BadResponse(f"the file came encoded as {listed}, which was not asked for", code="decode")
    return encodings[0]


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def _phrase(status: int) -> str:
    phrases = {
        401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 407: "Proxy Authentication Required",
        408: "Request Timeout", 410: "Gone", 416: "Range Not Satisfiable", 425: "Too Early", 429: "Too Many Requests",
        451: "Unavailable For Legal Reasons", 500: "Internal Server Error", 502: "Bad Gateway",
        503: "Service Unavailable", 504: "Gateway Timeout",
    }  # fmt: skip
    return f" {phrases[status]}" if status in phrases else ""
