"""One place the file can be had from: its URL, where that led, and what its server can do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from enum import IntEnum
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from argosy.core.header import Validators
from argosy.engines.curl.request import HTTP, SCHEMES, origin
from argosy.errors import BadResponse

HOPS: Final = 20
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_WIRED: Final = re.compile(r"(?:https?|s?ftp|ftps)://[!-\"$-~]+")
_HOST: Final = re.compile(r"[^/?#]*//(?:[^/?#]*@)?([^/?#]*)")
_USUAL: Final = re.compile(r"(?:https?|s?ftp|ftps)://[A-Za-z0-9.-]+(?::[0-9]{1,4})?/")
_AS_IT_IS: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""What is not touched when a URL is made fit for the wire: all of printable ASCII."""


class Proof(IntEnum):
    """How a resumed range is proven to be of the same version, strongest first; servers differ in what they know."""

    TAG = 0
    """``If-Range`` with the strong ETag."""
    DATE = 1
    """``If-Range`` with the modification time: some caches honour only this form."""
    COMPARE = 2
    """No ``If-Range``; the answer's validators, or bytes that we hold, are compared."""


class Origin:
    """A URL of the file, followed through its redirects."""

    def __init__(self, url: str) -> None:
        self.original = self.url = wired(url)
        self._seen: tuple[str, bool, str] | None = None
        self.chain: list[str] = []
        self.proof = Proof.TAG
        self.ranges: bool = True
        """False once the server has shown that its ranges cannot be used."""
        self.version: Validators | None = None
        """How this server names the version of the file; used where mirrors may name the same bytes differently."""
        self.failed = False
        self.challenged = False
        """Whether the server wants another login than Basic."""
        self._asked_again = False

    @property
    def trusted(self) -> bool:
        """Whether credentials meant for the original URL may be sent."""
        return self.url is self.original or self._facts()[1]

    @property
    def host(self) -> str:
        return self._facts()[2]

    def _facts(self) -> tuple[str, bool, str]:
        """Return the present URL, whether it is of the original's origin, and its host: looked up once for each URL."""
        if self._seen is None or self._seen[0] is not self.url:
            same = self.url is self.original or origin(self.url) == origin(self.original)
            self._seen = (self.url, same, host_of(self.url))
        return self._seen

    @property
    def is_http(self) -> bool:
        return self.url.startswith("http")

    def follow(self, asked: str, location: str | None) -> None:
        """Go where the redirect from ``asked`` points, unless we have moved on from there already.

        Raises BadResponse for a redirect that leads nowhere good.
        """
        if asked != self.url:
            return
        if not location:
            raise BadResponse("the server redirects without saying where to", code="redirect")
        target = _target(asked, location)
        scheme = urlsplit(target).scheme
        if scheme not in HTTP:
            raise BadResponse(f"a redirect to {scheme}: is not followed", code="redirect")
        if urlsplit(asked).scheme == "https" and scheme == "http":
            raise BadResponse(
                "a redirect from https to http is not followed",
                hint="fetch the http URL itself if you mean it",
                code="redirect",
            )
        self.chain.append(asked)
        if len(self.chain) > HOPS:
            raise BadResponse(
                f"more than {HOPS} redirects", hint="the server sends us in circles", code="redirect_loop"
            )
        self.url = _with_login(target, self.original) if origin(target) == origin(self.original) else target

    def arrived(self) -> None:
        """Where we are, there is the file: what led here counts no more against a later redirect."""
        self.chain, self._asked_again = [], False

    def ask_again(self, asked: str) -> bool:
        """``asked`` was refused: where a redirect led may have expired. Tell whether the original URL is worth asking.

        It is once, until the file has been seen again.
        """
        if asked == self.original:
            return False
        if asked == self.url:
            if self._asked_again:
                return False
            self.url, self.chain, self._asked_again = self.original, [], True
        return True

    def heed_challenge(self, challenges: Iterable[str]) -> bool:
        """The server refused our credentials: tell whether that is because it wants them in another form than Basic."""
        other = any(not challenge.lower().startswith(("basic", "bearer")) for challenge in challenges)
        heeding, self.challenged = other and not self.challenged, self.challenged or other
        return heeding

    def if_range(self, version: Validators) -> str | None:
        """Return the ``If-Range`` value for a resumed request, None where none may or should be sent."""
        if self.proof is Proof.TAG and version.etag is not None:
            return version.etag
        if self.proof is Proof.COMPARE:
            return None
        return version.last_modified if version.strong_date or self.proof is Proof.DATE else None

    def weaken(self, version: Validators) -> bool:
        """The server ignored this form of proof: try the next one; False if there is none left."""
        if self.proof is Proof.TAG and version.etag is not None and version.last_modified is not None:
            self.proof = Proof.DATE
        elif self.proof is not Proof.COMPARE:
            self.proof = Proof.COMPARE
        else:
            return False
        return True


def host_of(url: str) -> str:
    """Return the host of a URL, with its port, as connections are counted by."""
    place = _HOST.match(url)
    return place[1] if place else ""


def wired(url: str) -> str:
    """Return the URL as it may go over the wire: scheme in lower case, no fragment, nothing but printable ASCII."""
    if _WIRED.fullmatch(url):
        return url  # as most are
    scheme, colon, rest = url.strip().partition(":")
    host = urlsplit(url).hostname or ""
    if not host.isascii():
        with suppress(UnicodeError):  # what has no such form, no resolver knows either
            rest = rest.replace(host, host.encode("idna").decode(), 1)
    return f"{scheme.lower()}{colon}{quote(rest.partition('#')[0], safe=_AS_IT_IS)}"


def _with_login(target: str, original: str) -> str:
    """Return a target of the same origin with the credentials of the original URL, unless it has its own."""
    login = urlsplit(original).netloc.rpartition("@")[0]
    parts = urlsplit(target)
    if not login or "@" in parts.netloc:
        return target
    return parts._replace(netloc=f"{login}@{parts.netloc}").geturl()


def _target(asked: str, location: str) -> str:
    raw = quote(location.strip().encode("latin-1", "replace"), safe=_AS_IT_IS)  # header fields are bytes
    try:
        target = wired(urljoin(asked, raw))
    except ValueError:
        target = ""
    wrong = check_url(target)
    if wrong is not None:
        raise BadResponse(f"the server redirects to where nothing can be fetched: {wrong}", code="redirect")
    return target


def check_url(url: str) -> str | None:
    """Return what is wrong with the URL, None if this engine can fetch it."""
    if _USUAL.match(url):
        return None  # as with most, and told in a tenth of the time
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018 (raises for a port that is no number)
    except ValueError:
        return "this is no URL"
    if parts.scheme.lower() not in SCHEMES:
        return f"{parts.scheme or 'no scheme'}: is not fetched here"
    return None if host else "there is no host in the URL"
