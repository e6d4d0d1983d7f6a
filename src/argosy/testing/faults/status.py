"""Other answers than the file: errors, redirects, pages."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http.client import responses

from argosy.testing.server.answer import Answer
from argosy.testing.server.body import Body
from argosy.testing.server.correct import WITHOUT_CONTENT, message
from argosy.testing.server.fault import Fault
from argosy.testing.server.resource import Question

PORTAL_PAGE = b"<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body>Please log in.</body></html>\n"


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """Answers this status with a short text, or ``body``; ``retry_after`` is sent as it is: ``120``, a date, garbage.

    204 and 304 carry nothing unless a ``body`` is given, which breaks the protocol.
    """

    code: int
    retry_after: int | str | None = None
    body: bytes | None = None
    content_type: str = "text/plain"

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        body = self.body
        if body is None:
            name = responses.get(self.code, "Unknown")
            body = b"" if self.code in WITHOUT_CONTENT else f"{self.code} {name}\n".encode()
        told = message(question.request, self.code, body, self.content_type)
        return told if self.retry_after is None else told.with_header("Retry-After", str(self.retry_after))


@dataclass(frozen=True, slots=True)
class Redirect(Fault):
    """Redirects to ``to`` as it is written (absolute, relative, other server); several give several Locations.

    None leaves the Location out.
    """

    to: str | tuple[str, ...] | None
    code: int = 302

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        locations = (self.to,) if isinstance(self.to, str) else self.to or ()
        return message(question.request, self.code, b"Moved.\n").with_header("Location", *locations)


@dataclass(frozen=True, slots=True)
class RedirectLoop(Fault):
    """Redirects to where the client already is, without end; ``growing`` makes each URL a new one."""

    growing: bool = False
    code: int = 302

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        target = _hop_target(question, _hop(question) + 1) if self.growing else question.request.target
        return Redirect(target, self.code).bend_answer(question, answer)


@dataclass(frozen=True, slots=True)
class RedirectHops(Fault):
    """Redirects ``count`` times from the path to itself (``?hop=1``, ``?hop=2``, …), then answers rightly."""

    count: int
    code: int = 302

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        hop = _hop(question)
        if hop >= self.count:
            return answer
        return Redirect(_hop_target(question, hop + 1), self.code).bend_answer(question, answer)


@dataclass(frozen=True, slots=True)
class HtmlPage(Fault):
    """Answers a small HTML page with status 200, as a captive portal does.

    With ``as_range`` a range is answered 206 with the page under the Content-Range that was asked.
    """

    as_range: bool = False
    page: bytes = PORTAL_PAGE

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        page = message(question.request, 200, self.page, "text/html; charset=utf-8")
        content_range = answer.header("Content-Range")
        if not self.as_range or answer.span is None or content_range is None:
            return page
        return replace(page.with_header("Content-Range", content_range), status=206, span=answer.span)


@dataclass(frozen=True, slots=True)
class OtherBody(Fault):
    """Sends these bytes under the headers of the file, Content-Length alone made true."""

    body: Body | bytes

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return answer.with_payload(Body.of(self.body))


@dataclass(frozen=True, slots=True)
class LyingHead(Fault):
    """Answers HEAD with another length, and if given another ETag, than GET would."""

    length: int
    etag: str | None = None

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if question.request.method != "HEAD":
            return answer
        lie = answer.with_header("Content-Length", str(self.length))
        return lie if self.etag is None else lie.with_header("ETag", self.etag)


def _hop(question: Question) -> int:
    match = re.search(r"\bhop=(\d+)", question.request.query)
    return int(match[1]) if match else 0


def _hop_target(question: Question, hop: int) -> str:
    return f"{question.request.target.partition('?')[0]}?hop={hop}"
