"""What a fault is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from argosy.testing.server.answer import Answer
from argosy.testing.server.message import Request
from argosy.testing.server.resource import Question
from argosy.testing.server.when import always


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way in which a server misbehaves, and the requests it strikes.

    It strikes the requests for which ``when`` is true, from the one after the first ``skip`` of these on, and at
    most ``times`` of them (None: all). The faults of a path are applied one after the other, in the order given:
    first each may bend the question (what the server believes it was asked, and which version of the file it
    has), then the correct answer to that is decided, then each may bend the answer. So a fault that answers
    something else altogether, such as ``Status``, undoes what those before it did to the answer, and is itself
    bent by those after it. A fault has no state and does no I/O; write your own by overriding a method.
    """

    when: Callable[[Request], bool] = always
    skip: int = 0
    times: int | None = None

    def bend_question(self, question: Question) -> Question:
        """What the server takes the question for."""
        return question

    def bend_answer(self, question: Question, answer: Answer) -> Answer:
        """What the server answers instead of ``answer``."""
        return answer
