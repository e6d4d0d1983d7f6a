"""One connection from its first request to its end."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from argosy.testing.server.answer import Answer, Break
from argosy.testing.server.connection import ClientGone, Connection
from argosy.testing.server.correct import correct_answer, message
from argosy.testing.server.delivery import deliver, steps
from argosy.testing.server.fault import Fault
from argosy.testing.server.log import Log, Outcome
from argosy.testing.server.message import MalformedRequest, Request, parse_head
from argosy.testing.server.resource import Question
from argosy.testing.server.site import Site


@dataclass(frozen=True, slots=True)
class Conversation:
    """The requests of one connection and their answers, one after the other."""

    connection: Connection
    number: int
    site: Site
    log: Log
    released: asyncio.Event

    async def run(self) -> None:
        """Answers every request until one side ends the connection; it is closed afterwards."""
        try:
            while (request := await self._next_request()) is not None and await self._exchange(request):
                pass
        except ClientGone:
            pass
        except MalformedRequest:
            await self._refuse_syntax()
        finally:
            await self.connection.close()

    async def _next_request(self) -> Request | None:
        head = await self.connection.read_head()
        if head is None:
            return None
        request = replace(parse_head(head), connection=self.number, received=datetime.now(UTC))
        length = request.header("Content-Length") or "0"
        if not length.isdecimal():
            raise MalformedRequest(length)
        await self.connection.discard(int(length))
        return request

    async def _exchange(self, request: Request) -> bool:
        """Answers one request; whether the connection goes on."""
        found = self.site.arrive(request)
        if found is None:
            answer = message(request, 404, b"No such file.\n")
        else:
            request, answer = found[0].request, bent_answer(*found)
        order = self.log.begin(request, answer)
        outcome = Outcome.LEFT
        try:
            with self.log.counted(request.path), self._in_flight(request, answer):
                ending = await self._send(request, answer, order)
            outcome = Outcome.CUT if ending else Outcome.ANSWERED
        finally:
            self.log.end(order, outcome)
        if ending is not None:
            await self._break_off(ending)
        return ending is None and request.keeps_alive and not answer.close

    def _in_flight(self, request: Request, answer: Answer) -> contextlib.AbstractContextManager[None]:
        return self.site.in_flight(request.path) if answer.status < 400 else contextlib.nullcontext()

    async def _send(self, request: Request, answer: Answer, order: int) -> Break | None:
        if not request.keeps_alive:
            answer = answer.with_header("Connection", "close")
        with_payload = request.method != "HEAD" or not answer.has_head
        return await deliver(
            self.connection,
            steps(answer, with_payload=with_payload),
            sent=lambda count: self.log.add_bytes(order, count),
            released=self.released,
        )

    async def _break_off(self, ending: Break) -> None:
        if ending.reset:
            await self.connection.reset()
        elif ending.close_notify:
            await self.connection.close()
        else:
            await self.connection.drop()

    async def _refuse_syntax(self) -> None:
        refusal = message(Request("GET", "/"), 400, b"Not HTTP/1.\n").with_header("Connection", "close")
        with contextlib.suppress(ClientGone):
            await deliver(
                self.connection, steps(refusal, with_payload=True), sent=lambda _: None, released=self.released
            )


def bent_answer(question: Question, faults: list[Fault]) -> Answer:
    """The correct answer to the question as the faults bend it, bent by the faults."""
    for fault in faults:
        question = fault.bend_question(question)
    answer = correct_answer(question)
    for fault in faults:
        answer = fault.bend_answer(question, answer)
    return answer
