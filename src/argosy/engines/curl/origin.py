"""One place the file can be had from: its URL, where that led, and what its server can do."""

from __future__ import annotations

from enum import IntEnum
from typing import Final
from urllib.parse import urljoin, urlsplit

from argosy.core.header import Validators
from argosy.engines.curl.request import SCHEMES, origin
from argosy.errors import BadResponse

HOPS: Final = 20


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
        self.original = url
        self.url = url
        self.chain: list[str] = []
        self.proof = Proof.TAG
        self.ranges: bool = True
        """False once the server has shown that its ranges cannot be used."""
        self.failed = False
        self._started_over = False

    @property
    def trusted(self) -> bool:
        """Whether credentials meant for the original URL may be sent."""
        return origin(self.url) == origin(self.original)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def follow(self, location: str | None) -> None:
        """Go where a redirect points. Raises BadResponse for one that leads nowhere good."""
        if not location:
            raise BadResponse("the server redirects without saying where to", code="redirect")
        target = urljoin(self.url, location.strip())
        scheme = urlsplit(target).scheme.lower()
        if scheme not in ("http", "https"):
            raise BadResponse(f"a redirect to {scheme or 'nowhere'}: is not followed", code="redirect")
        if urlsplit(self.url).scheme == "https" and scheme == "http":
            raise BadResponse(
                "a redirect from https to http is not followed", hint="fetch the http URL itself if you mean it", code="redirect"
            )
        self.chain.append(self.url)
        if len(self.chain) > HOPS:
            raise BadResponse(f"more than {HOPS} redirects", hint="the server sends us in circles", code="redirect_loop")
        self.url = target.split("#")[0]

    def start_over(self) -> bool:
        """Forget where redirects led, once: a signed target may have expired. False if that cannot help."""
        redirected = self.url != self.original and not self._started_over
        if redirected:
            self.url, self.chain, self._started_over = self.original, [], True
        return redirected

    def if_range(self, validators: Validators) -> str | None:
        """Return the ``If-Range`` value for a resumed request, None where none may or should be sent."""
        if self.proof is Proof.TAG and validators.etag is not None:
            return validators.etag
        if self.proof is Proof.COMPARE:
            return None
        return validators.last_modified if validators.strong_date or self.proof is Proof.DATE else None

    def weaken(self, validators: Validators) -> bool:
        """The server ignored this form of proof: try the next one; False if there is none left."""
        if self.proof is Proof.TAG and validators.etag is not None and validators.last_modified is not None:
            self.proof = Proof.DATE
        elif self.proof is not Proof.COMPARE:
            self.proof = Proof.COMPARE
        else:
            return False
        return True


def check_url(url: str) -> str | None:
    """Return what is wrong with the URL, None if this engine can fetch it."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in SCHEMES:
        return f"{parts.scheme or 'no scheme'}: is not fetched here"
    return None if parts.hostname else "there is no host in the URL"
