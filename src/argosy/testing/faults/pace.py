"""Answers that come late, slowly or never to their end."""

from __future__ import annotations

from dataclasses import dataclass, replace

from argosy.testing.server.answer import Answer, Pace
from argosy.testing.server.fault import Fault
from argosy.testing.server.resource import Question

THROTTLE_PIECES_PER_S = 50


@dataclass(frozen=True, slots=True)
class Delay(Fault):
    """Answers rightly, after ``seconds``."""

    seconds: float

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return replace(answer, delay_s=answer.delay_s + self.seconds)


@dataclass(frozen=True, slots=True)
class Stall(Fault):
    """Falls silent after ``after_bytes`` of the body: 0 is right after the head, ``BEFORE_HEAD`` before any byte.

    It goes on after ``seconds``; None is not before the server stops or ``FaultyServer.release`` is called.
    """

    after_bytes: int = 0
    seconds: float | None = None

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return answer.with_pause(self.after_bytes, self.seconds)


@dataclass(frozen=True, slots=True)
class Drip(Fault):
    """Sends ``piece_bytes`` of the body every ``interval_s``."""

    interval_s: float
    piece_bytes: int = 1

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        return replace(answer, pace=Pace(self.piece_bytes, self.interval_s))


@dataclass(frozen=True, slots=True)
class Throttle(Fault):
    """Sends ``bytes_per_s`` to each connection.

    ``when=on_connection(1)`` makes one connection slow among fast ones, ``when=beginning_at(a, b)`` one part of a file.
    """

    bytes_per_s: float

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        piece_bytes = max(1, int(self.bytes_per_s / THROTTLE_PIECES_PER_S))
        return replace(answer, pace=Pace(piece_bytes, piece_bytes / self.bytes_per_s))
