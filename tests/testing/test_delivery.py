"""How an answer is cut into steps, without a socket."""

from __future__ import annotations

from argosy.testing.server.answer import BEFORE_HEAD, Answer, Break, Pace, Pause
from argosy.testing.server.body import Body
from argosy.testing.server.delivery import Beat, Send, Step, steps


def told(plan: list[Step]) -> list[bytes | Step]:
    return [bytes(step.block) if isinstance(step, Send) else step for step in plan]


def body_steps(answer: Answer) -> list[bytes | Step]:
    plan = list(steps(answer, with_payload=True))
    heads = [step for step in plan if isinstance(step, Send) and not step.in_body]
    return told([step for step in plan if step not in heads])


LETTERS = Answer(200, payload=Body.of(b"abcdef"))


def test_an_answer_is_its_head_and_its_body() -> None:
    plan = told(list(steps(LETTERS, with_payload=True)))
    assert b"".join(step for step in plan if isinstance(step, bytes)) == b"HTTP/1.1 200 OK\r\n\r\nabcdef"


def test_without_payload_only_what_belongs_to_the_head_happens() -> None:
    answer = LETTERS.with_pause(0, 1).with_pause(3, 2)
    plan = told(list(steps(answer, with_payload=False)))
    assert plan[-1] == Pause(0, 1)
    assert b"".join(step for step in plan if isinstance(step, bytes)) == b"HTTP/1.1 200 OK\r\n\r\n"


def test_pauses_happen_at_their_places_in_order() -> None:
    answer = LETTERS.with_pause(4, 2).with_pause(6, 3).with_pause(1, 1).with_pause(7, 9)
    assert body_steps(answer) == [b"a", Pause(1, 1), b"bcd", Pause(4, 2), b"ef", Pause(6, 3)]


def test_nothing_follows_a_break() -> None:
    ending = Break(2)
    answer = Answer(200, payload=LETTERS.payload, ending=ending).with_pause(2, 1).with_pause(5, 1)
    assert body_steps(answer) == [b"ab", Pause(2, 1), ending]
    early = Answer(200, payload=LETTERS.payload, ending=Break(BEFORE_HEAD), delay_s=3)
    assert list(steps(early, with_payload=True)) == [Pause(BEFORE_HEAD, 3), Break(BEFORE_HEAD)]


def test_a_paced_body_goes_out_in_pieces_with_a_beat_between() -> None:
    answer = Answer(200, payload=LETTERS.payload, pace=Pace(4, 0.5), ending=Break(5))
    assert body_steps(answer) == [b"abcd", Beat(0.5), b"e", Break(5)]


def test_a_large_body_goes_out_in_bounded_pieces() -> None:
    plan = [
        step
        for step in steps(Answer(200, payload=Body.generated(3 << 20)), with_payload=True)
        if isinstance(step, Send)
    ]
    assert max(len(step.block) for step in plan) == 1 << 18
    assert sum(len(step.block) for step in plan if step.in_body) == 3 << 20
