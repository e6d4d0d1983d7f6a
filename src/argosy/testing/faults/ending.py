"""Connections that end too early, and connections refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

from argosy.testing.faults.status import Status
from argosy.testing.server.answer import BEFORE_HEAD, Answer, Break
from argosy.testing.server.fault import Fault
from argosy.testing.server.resource import Question


@dataclass(frozen=True, slots=True)
class Cut(Fault):
    """Ends the connection after ``after_bytes`` of the body of each answer, by FIN, or by RST if ``reset``.

    An answer not longer than that is sent whole, and its connection ends too. Over TLS a FIN is preceded by a
    close_notify, unless ``close_notify`` is false: then only the length tells that bytes are missing.
    """

    after_bytes: int
    reset: bool = False
    close_notify: bool = True

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        at = min(max(0, self.after_bytes), answer.payload.size)
        return replace(answer, ending=Break(at, self.reset, self.close_notify))


@dataclass(frozen=True, slots=True)
class HangUp(Fault):
    """Ends the connection instead of answering, by FIN, or by RST if ``reset``."""

    reset: bool = False

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return replace(answer, ending=Break(BEFORE_HEAD, self.reset))


@dataclass(frozen=True, slots=True)
class CloseAfter(Fault):
    """Answers rightly and closes the connection without a word, which a client may just be about to use again."""

    announce: bool = False

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return replace(answer.with_header("Connection", "close") if self.announce else answer, close=True)


@dataclass(frozen=True, slots=True)
class ConnectionLimit(Fault):
    """Answers at most ``count`` requests for the path at a time; one more gets ``status``, or an RST if ``reset``."""

    count: int
    status: int = 503
    reset: bool = False

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if question.request.in_flight < self.count:
            return answer
        refused = Status(self.status).bend_answer(question, answer)
        return replace(refused, ending=Break(BEFORE_HEAD, reset=True)) if self.reset else refused
