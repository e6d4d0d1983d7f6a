"""How an answer goes onto the wire: first as a pure list of steps, then as I/O."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from argosy.testing.server.answer import BEFORE_HEAD, Answer, Break, Pause
from argosy.testing.server.connection import Connection

PIECE_BYTES = 1 << 18
"""The largest single write: small enough that a body is counted and cut promptly, large enough to be fast."""


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    block: memoryview
    in_body: bool


@dataclass(frozen=True, slots=True)
class Beat:
    """Wait until the next piece is due, so many seconds after the last one was."""

    interval_s: float


Step = Send | Pause | Beat | Break


def steps(answer: Answer, *, with_payload: bool) -> Iterator[Step]:
    """What to do, in order; nothing follows a ``Break``."""
    if answer.delay_s:
        yield Pause(BEFORE_HEAD, answer.delay_s)
    marks: list[Pause | Break] = sorted(
        (*answer.pauses, *((answer.ending,) if answer.ending else ())), key=lambda mark: mark.at
    )
    yield from (early := _due(marks, BEFORE_HEAD))
    if _breaks(early):
        return
    for block in answer.head().blocks():
        yield Send(block, in_body=False)
    if not with_payload:
        yield from _due(marks, 0)
        return
    yield from _body_steps(answer, marks)


def _body_steps(answer: Answer, marks: list[Pause | Break]) -> Iterator[Step]:
    sent = 0
    for piece in _pieces(answer):
        if answer.pace and sent:
            yield Beat(answer.pace.interval_s)
        end = sent + len(piece)
        rest = piece
        while sent < end:
            yield from (now := _due(marks, sent))
            if _breaks(now):
                return
            length = min(marks[0].at, end) - sent if marks else end - sent
            yield Send(rest[:length], in_body=True)
            rest, sent = rest[length:], sent + length
    yield from _due(marks, sent)


def _pieces(answer: Answer) -> Iterator[memoryview]:
    limit = min(PIECE_BYTES, answer.pace.piece_bytes) if answer.pace else PIECE_BYTES
    for block in answer.transfer.encode(answer.payload.blocks()):
        for start in range(0, len(block), limit):
            yield block[start : start + limit]


def _due(marks: list[Pause | Break], place: int) -> list[Pause | Break]:
    """Takes from ``marks`` what happens at or before ``place``, up to the first break."""
    due: list[Pause | Break] = []
    while marks and marks[0].at <= place and not _breaks(due):
        due.append(marks.pop(0))
    return due


def _breaks(marks: Iterable[Step]) -> bool:
    return any(isinstance(mark, Break) for mark in marks)


async def deliver(
    connection: Connection,
    plan: Iterable[Step],
    *,
    sent: Callable[[int], None],
    released: asyncio.Event,
) -> Break | None:
    """Does the steps; answers the break at which the connection must end, if there was one.

    ``sent`` is told of every piece of the body. Raises ``ClientGone``.
    """
    loop = asyncio.get_running_loop()
    due = loop.time()
    for step in plan:
        match step:
            case Send(block, in_body):
                await connection.send(block)
                if in_body:
                    sent(len(block))
            case Pause(_, seconds):
                await connection.pause(seconds, released if seconds is None else None)
                due = loop.time()
            case Beat(interval_s):
                # A client that reads slowly owes nothing and is owed nothing: no burst makes up for lost beats.
                due = max(due, loop.time() - interval_s) + interval_s
                await connection.pause(max(0.0, due - loop.time()))
            case Break():
                return step
    return None
