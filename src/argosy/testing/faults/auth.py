"""Files that want to know who asks."""

from __future__ import annotations

from dataclasses import dataclass

from argosy.testing.server.answer import Answer
from argosy.testing.server.correct import message
from argosy.testing.server.fault import Fault
from argosy.testing.server.message import Request
from argosy.testing.server.resource import Question


@dataclass(frozen=True, slots=True)
class RequireBasic(Fault):
    """Answers 401 unless the request carries these credentials by Basic authentication (RFC 7617)."""

    user: str
    password: str
    refuse_with: int = 401

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if question.request.credentials == (self.user, self.password):
            return answer
        return _refused(question.request, self.refuse_with, 'Basic realm="faulty"')


@dataclass(frozen=True, slots=True)
class RequireBearer(Fault):
    """Answers 401 unless the request carries this bearer token (RFC 6750)."""

    token: str
    refuse_with: int = 401

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if question.request.header("Authorization") == f"Bearer {self.token}":
            return answer
        return _refused(question.request, self.refuse_with, 'Bearer realm="faulty"')


@dataclass(frozen=True, slots=True)
class RequireCookie(Fault):
    """Answers 403 unless the request carries this cookie."""

    name: str
    value: str
    refuse_with: int = 403

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        sent = (question.request.header("Cookie") or "").split(";")
        if f"{self.name}={self.value}" in {cookie.strip() for cookie in sent}:
            return answer
        return _refused(question.request, self.refuse_with, None)


@dataclass(frozen=True, slots=True)
class RequireHeader(Fault):
    """Answers 403 unless the request carries this header with this value."""

    name: str
    value: str
    refuse_with: int = 403

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if question.request.header(self.name) == self.value:
            return answer
        return _refused(question.request, self.refuse_with, None)


def _refused(request: Request, status: int, challenge: str | None) -> Answer:
    refused = message(request, status, b"Not for you.\n")
    return refused if challenge is None or status != 401 else refused.with_header("WWW-Authenticate", challenge)
