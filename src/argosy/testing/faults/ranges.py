"""Answers to a range that are not the range asked for. Requests without a range are answered rightly."""

from __future__ import annotations

from dataclasses import dataclass, replace

from argosy.testing.server.answer import Answer
from argosy.testing.server.body import Body, Bytes, Flipped
from argosy.testing.server.correct import partial, unsatisfiable
from argosy.testing.server.fault import Fault
from argosy.testing.server.message import Span
from argosy.testing.server.resource import Question


@dataclass(frozen=True, slots=True)
class IgnoreRanges(Fault):
    """Answers 200 and the whole file to a range, while Accept-Ranges promises ranges unless ``advertise`` is false."""

    advertise: bool = True

    def bend_question(self, question: Question) -> Question:
        return replace(question, request=question.request.without("Range"))

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return answer if self.advertise else answer.without("Accept-Ranges")


@dataclass(frozen=True, slots=True)
class WholeAsPartial(Fault):
    """Answers 206 with the whole file as ``bytes 0-(N-1)/N``, whatever range was asked."""

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return _with_span(question, answer, 0, question.resource.body.size)


@dataclass(frozen=True, slots=True)
class StartEarlier(Fault):
    """Answers 206 from the last multiple of ``block_bytes`` before the asked byte, and says so: a block cache."""

    block_bytes: int = 4096

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if answer.span is None:
            return answer
        start = answer.span.start // self.block_bytes * self.block_bytes
        return _with_span(question, answer, start, answer.span.end)


@dataclass(frozen=True, slots=True)
class StartLater(Fault):
    """Answers 206 from ``by_bytes`` after the asked byte, and says so: a hole."""

    by_bytes: int = 1

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if answer.span is None:
            return answer
        start = min(answer.span.start + self.by_bytes, answer.span.end - 1)
        return _with_span(question, answer, start, answer.span.end)


@dataclass(frozen=True, slots=True)
class EndEarlier(Fault):
    """Answers 206 with at most ``max_bytes`` of the asked range, and says so."""

    max_bytes: int

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if answer.span is None:
            return answer
        return _with_span(question, answer, answer.span.start, min(answer.span.end, answer.span.start + self.max_bytes))


@dataclass(frozen=True, slots=True)
class EndLater(Fault):
    """Answers 206 with ``by_bytes`` more than asked, and says so."""

    by_bytes: int

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if answer.span is None:
            return answer
        end = min(answer.span.end + self.by_bytes, question.resource.body.size)
        return _with_span(question, answer, answer.span.start, end)


@dataclass(frozen=True, slots=True)
class NoContentRange(Fault):
    """Answers 206 without Content-Range, with the asked bytes, or with the ``whole`` file."""

    whole: bool = False

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if answer.span is None:
            return answer
        bare = answer.without("Content-Range")
        return bare.with_payload(question.resource.body) if self.whole else bare


@dataclass(frozen=True, slots=True)
class ContentRange(Fault):
    """Answers 206 with the asked bytes and this Content-Range, true or not.

    ``{first}``, ``{last}`` and ``{total}`` in ``text`` stand for the true numbers: ``octets {first}-{last}/{total}``.
    """

    text: str

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if answer.span is None:
            return answer
        span, total = answer.span, question.resource.body.size
        return answer.with_header("Content-Range", self.text.format(first=span.start, last=span.end - 1, total=total))


@dataclass(frozen=True, slots=True)
class UnknownTotal(Fault):
    """Answers 206 with ``Content-Range: bytes a-b/*``, which is allowed."""

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return answer.with_header("Content-Range", answer.span.content_range("*")) if answer.span else answer


@dataclass(frozen=True, slots=True)
class Multipart(Fault):
    """Answers 206 with the asked bytes as the one part of a multipart/byteranges message."""

    boundary: str = "FAULTY_BOUNDARY"

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if answer.span is None:
            return answer
        content_range = answer.span.content_range(question.resource.body.size)
        part_head = (
            f"\r\n--{self.boundary}\r\nContent-Type: {question.resource.content_type}\r\n"
            f"Content-Range: {content_range}\r\n\r\n"
        )
        payload = Bytes(part_head.encode()) + answer.payload + f"\r\n--{self.boundary}--\r\n".encode()
        typed = answer.without("Content-Range").with_header(
            "Content-Type", f"multipart/byteranges; boundary={self.boundary}"
        )
        return typed.with_payload(payload)


@dataclass(frozen=True, slots=True)
class ShiftedBytes(Fault):
    """Answers 206 described truthfully, but with the bytes that lie ``by_bytes`` further on in the file.

    Beyond the end of the file it goes on at the beginning.
    """

    by_bytes: int = 1

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if answer.span is None:
            return answer
        body = question.resource.body
        return replace(answer, payload=_wrapped(body, answer.span.start + self.by_bytes, answer.span.length))


@dataclass(frozen=True, slots=True)
class FlippedByte(Fault):
    """Sends the byte at ``offset`` of the file with every bit turned over, in whole and partial answers."""

    offset: int

    def bend_question(self, question: Question) -> Question:
        rotten = Flipped(question.resource.body, self.offset)
        return replace(question, resource=replace(question.resource, body=rotten))


@dataclass(frozen=True, slots=True)
class RefuseRanges(Fault):
    """Answers 416 to every range; ``total`` is what it claims as the size of the file, None is the truth."""

    total: int | str | None = None

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        if question.request.range is None:
            return answer
        refused = unsatisfiable(question)
        return refused if self.total is None else refused.with_header("Content-Range", f"bytes */{self.total}")


def _with_span(question: Question, answer: Answer, start: int, end: int) -> Answer:
    """``answer`` with another span, truthfully described; an answer without a span stays."""
    if answer.span is None:
        return answer
    other = partial(question, Span(start, end))
    described = answer.with_header("Content-Range", other.header("Content-Range") or "")
    return replace(described.with_payload(other.payload), span=other.span)


def _wrapped(body: Body, start: int, length: int) -> Body:
    start %= body.size
    end = start + length
    return body.cut(start, end) if end <= body.size else body.cut(start) + body.cut(0, end - body.size)
