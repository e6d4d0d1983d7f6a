"""Bodies whose length is not what the head says (RFC 9112, 6 and 7)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from argosy.testing.server.answer import Answer, Break
from argosy.testing.server.answer import Chunked as ChunkedTransfer
from argosy.testing.server.body import EMPTY, Body
from argosy.testing.server.fault import Fault
from argosy.testing.server.resource import Question


@dataclass(frozen=True, slots=True)
class ContentLength(Fault):
    """Sends this Content-Length, or one header for each of several; ``{length}`` stands for the true one.

    ``ContentLength(("{length}", "7"))`` contradicts itself, ``"12abc"``, ``"-5"``, ``"+5"``, ``"6, 7"`` and 20 digits
    are no lengths.
    """

    text: str | tuple[str, ...]

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        texts = (self.text,) if isinstance(self.text, str) else self.text
        return answer.with_header("Content-Length", *(text.format(length=answer.payload.size) for text in texts))


@dataclass(frozen=True, slots=True)
class ContentLengthOff(Fault):
    """Content-Length is ``by_bytes`` too large, or too small if negative, and at least 0.

    The connection is closed after the body, unless ``keep_open``: then a client waits for bytes that never come, or
    finds the rest of the body where the next answer should be.
    """

    by_bytes: int
    keep_open: bool = False

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        claimed = max(0, answer.payload.size + self.by_bytes)
        return replace(answer.with_header("Content-Length", str(claimed)), close=not self.keep_open)


@dataclass(frozen=True, slots=True)
class ExtraBytes(Fault):
    """Sends ``data`` after the body, beyond a true Content-Length, and keeps the connection open."""

    data: bytes

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return replace(answer, payload=answer.payload + self.data)


@dataclass(frozen=True, slots=True)
class Chunked(Fault):
    """Sends the body in chunks, without Content-Length, or rightly or wrongly with it (``with_length``)."""

    chunk_bytes: int = 1 << 16
    with_length: str | None = None
    trailer: bytes = b""

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        chunked = _chunked(answer, ChunkedTransfer(self.chunk_bytes, trailer=self.trailer))
        if self.with_length is None:
            return chunked
        return chunked.with_header("Content-Length", self.with_length.format(length=answer.payload.size))


@dataclass(frozen=True, slots=True)
class ChunkedUnfinished(Fault):
    """Sends every chunk but the last, empty one, and closes: the body is whole, but nothing says so.

    With ``keep_bytes`` only so many bytes of the body are sent, in whole chunks.
    """

    keep_bytes: int | None = None
    chunk_bytes: int = 1 << 16

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        chunked = _chunked(answer, ChunkedTransfer(self.chunk_bytes, last_chunk=False))
        return replace(chunked, payload=answer.payload.cut(0, self.keep_bytes), close=True)


@dataclass(frozen=True, slots=True)
class BadChunkSize(Fault):
    """Writes ``text`` where the size of chunk number ``chunk`` belongs: ``FFFFFFFFFFFFFFF4``, ``-1``, ``xyz``."""

    text: str
    chunk: int = 1
    chunk_bytes: int = 1 << 16

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        transfer = ChunkedTransfer(self.chunk_bytes, bad_size=self.text, bad_chunk=self.chunk)
        return replace(_chunked(answer, transfer), close=True)


@dataclass(frozen=True, slots=True)
class CloseDelimited(Fault):
    """Answers as HTTP/1.0 without a length; the end of the connection is the end of the body.

    With ``keep_bytes`` the connection ends after so many bytes, and no client can tell.
    """

    keep_bytes: int | None = None

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        bare = answer.without("Content-Length").with_header("Connection", "close")
        return replace(bare, version="HTTP/1.0", payload=answer.payload.cut(0, self.keep_bytes), close=True)


@dataclass(frozen=True, slots=True)
class EmptyBody(Fault):
    """Sends no body and says so truthfully: Content-Length 0, everything else in the head as it was."""

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return answer.with_payload(EMPTY)


@dataclass(frozen=True, slots=True)
class RawAnswer(Fault):
    """Writes exactly these bytes instead of head and body, then closes (by RST if ``reset``)."""

    data: Body | bytes
    reset: bool = False

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        data = Body.of(self.data)
        ending = Break(data.size, reset=True) if self.reset else None
        return Answer(answer.status, payload=data, has_head=False, ending=ending, close=True)


def _chunked(answer: Answer, transfer: ChunkedTransfer) -> Answer:
    framed = answer.without("Content-Length").with_header("Transfer-Encoding", "chunked")
    return replace(framed, transfer=transfer)
