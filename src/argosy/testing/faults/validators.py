"""ETags and dates that mislead, and files that change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from argosy.testing.server.body import Body
from argosy.testing.server.fault import Fault
from argosy.testing.server.message import http_date
from argosy.testing.server.resource import AUTO, LONG_AGO, Question, Resource, quoted


@dataclass(frozen=True, slots=True)
class FlipETag(Fault):
    """Gives the same bytes another ETag with every request; with ``every=k``, after each k requests."""

    every: int = 1

    def bend_question(self, question: Question) -> Question:
        return _with_etag(question, f'"flip-{(question.request.number - 1) // self.every}"')


@dataclass(frozen=True, slots=True)
class NewETag(Fault):
    """Gives the same bytes this ETag, quoted if it is not: with ``when=after(k)`` it changes while segments run."""

    tag: str

    def bend_question(self, question: Question) -> Question:
        return _with_etag(question, quoted(self.tag))


@dataclass(frozen=True, slots=True)
class WeakETag(Fault):
    """The ETag is weak, and as such never matches an If-Range."""

    def bend_question(self, question: Question) -> Question:
        etag = question.resource.etag
        return _with_etag(question, etag and f"W/{etag.removeprefix('W/')}")


@dataclass(frozen=True, slots=True)
class UnquotedETag(Fault):
    """The ETag comes without quotes, which is not a valid entity-tag."""

    def bend_question(self, question: Question) -> Question:
        etag = question.resource.etag
        return _with_etag(question, etag and etag.replace('"', ""))


@dataclass(frozen=True, slots=True)
class NoETag(Fault):
    """There is no ETag, only the date."""

    def bend_question(self, question: Question) -> Question:
        return _with_etag(question, None)


@dataclass(frozen=True, slots=True)
class NoValidators(Fault):
    """There is neither ETag nor Last-Modified."""

    def bend_question(self, question: Question) -> Question:
        return replace(question, resource=replace(question.resource, etag=None, last_modified=None))


@dataclass(frozen=True, slots=True)
class ModifiedJustNow(Fault):
    """Last-Modified is the very second of Date, so that it is no strong validator (RFC 9110, 8.8.2.2)."""

    def bend_question(self, question: Question) -> Question:
        now = http_date(question.request.received)
        return replace(question, resource=replace(question.resource, last_modified=now))


@dataclass(frozen=True, slots=True)
class IgnoreIfRange(Fault):
    """Answers 206 of the version it has now, whatever version If-Range names."""

    def bend_question(self, question: Question) -> Question:
        return replace(question, request=question.request.without("If-Range"))


@dataclass(frozen=True, slots=True)
class ChangeFile(Fault):
    """Has another version of the file: with ``when=after(k)``, the file changes after k requests."""

    body: Body | bytes
    etag: str | None = AUTO
    last_modified: datetime | str | None = LONG_AGO

    def bend_question(self, question: Question) -> Question:
        new = Resource.of(self.body, etag=self.etag, last_modified=self.last_modified)
        old = question.resource
        changed = replace(old, body=new.body, etag=new.etag, last_modified=new.last_modified)
        return replace(question, resource=changed)


@dataclass(frozen=True, slots=True)
class ChangeWhileSending(Fault):
    """Sends bytes of ``body`` instead from ``offset`` of the file on, under the old headers: overwritten in place.

    ``body`` has the same size as the file.
    """

    body: Body | bytes
    offset: int

    def bend_question(self, question: Question) -> Question:
        old, new = question.resource.body, Body.of(self.body)
        if old.size != new.size:
            raise ValueError(f"the new version has {new.size} bytes, the file {old.size}")
        spliced = old.cut(0, self.offset) + new.cut(self.offset)
        return replace(question, resource=replace(question.resource, body=spliced))


def _with_etag(question: Question, etag: str | None) -> Question:
    return replace(question, resource=replace(question.resource, etag=etag))
