"""Heads that break the syntax, or never end (RFC 9112, 2 to 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from argosy.testing.server.answer import Answer
from argosy.testing.server.body import EMPTY, ENDLESS, Body, Bytes, Repeated
from argosy.testing.server.fault import Fault
from argosy.testing.server.resource import Question


@dataclass(frozen=True, slots=True)
class WithHeader(Fault):
    """Sends this value of a header instead of the right one, or several; None leaves the header out."""

    name: str
    value: str | tuple[str, ...] | None

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if self.value is None:
            return answer.without(self.name)
        values = (self.value,) if isinstance(self.value, str) else self.value
        return answer.with_header(self.name, *values)


@dataclass(frozen=True, slots=True)
class StatusLine(Fault):
    """Writes this instead of the status line: ``HTTP/1.2 200 OK``, ``ICY 200 OK``, garbage."""

    line: bytes

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return replace(answer, status_line=self.line)


@dataclass(frozen=True, slots=True)
class NoHead(Fault):
    """Writes the body alone and closes, as HTTP/0.9 did."""

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return replace(answer, has_head=False, close=True)


@dataclass(frozen=True, slots=True)
class RawHeader(Fault):
    """Writes this line among the headers: without a colon, with a NUL, folded (beginning with a space)."""

    line: bytes

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return replace(answer, header_lines=answer.header_lines + (self.line + b"\r\n"))


@dataclass(frozen=True, slots=True)
class HeaderFlood(Fault):
    """Sends ``lines`` headers of about ``line_bytes`` each; None is without end."""

    lines: int | None = None
    line_bytes: int = 100

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        name = b"X-Flood: "
        line = name + b"a" * max(1, self.line_bytes - len(name) - 2) + b"\r\n"
        flood = Repeated(line, ENDLESS if self.lines is None else self.lines)
        return replace(answer, header_lines=answer.header_lines + flood)


@dataclass(frozen=True, slots=True)
class LongHeader(Fault):
    """Sends one header of ``value_bytes``; None is without end."""

    value_bytes: int | None = None

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        value = Repeated(b"a", ENDLESS if self.value_bytes is None else self.value_bytes)
        return replace(answer, header_lines=answer.header_lines + Bytes(b"X-Long: ") + value + b"\r\n")


@dataclass(frozen=True, slots=True)
class InterimAnswers(Fault):
    """Sends ``count`` informational answers before the real one; None is without end and without a real one."""

    count: int | None = 1
    status: int = 103
    headers: bytes = b""
    """Header lines of each, with their line ends."""

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        unit = b"HTTP/1.1 %d Interim\r\n%s\r\n" % (self.status, self.headers)
        storm: Body = EMPTY if self.count == 0 else Repeated(unit, ENDLESS if self.count is None else self.count)
        return replace(answer, preface=answer.preface + storm)
