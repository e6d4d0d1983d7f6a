"""Streams of events that break, fall silent, run over, or go on where they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from argosy.bus.local import Event, Gap
from argosy.client import subscription
from argosy.client.address import Address
from argosy.client.failure import Unreachable
from argosy.client.subscription import Subscription
from argosy.client.transport import Transport
from argosy.core.events import DownloadProgress, Recorded
from argosy.errors import AuthError, BadResponse, StoreError

from .scripted import Scripted, changed, event, hanging_up, progressed, refusing, saying, snapshot, streaming


@pytest.fixture
async def subscribing() -> AsyncIterator[Callable[..., Subscription]]:
    transports: list[Transport] = []

    def make(server: Scripted, **given: Any) -> Subscription:
        transports.append(Transport(Address(server.url, "t")))
        return Subscription(transports[-1], "/v1/events", **given)

    yield make
    for transport in transports:
        await transport.close()


async def taken(events: Subscription, number: int) -> list[Event]:
    return [await asyncio.wait_for(anext(events), 20) for _ in range(number)]


def numbers(events: list[Event]) -> list[int]:
    return [event.seq for event in events if isinstance(event, Recorded)]


async def test_a_broken_stream_goes_on_where_it_broke(subscribing: Callable[..., Subscription]) -> None:
    lost: list[Exception] = []
    first = streaming(snapshot(4), changed(5), changed(6))
    again = streaming(changed(6), changed(7), then="open")
    async with Scripted([first, hanging_up, again]) as server, subscribing(server, lost=lost.append) as events:
        assert numbers(await taken(events, 3)) == [5, 6, 7]
        assert [asked.headers.get("last-event-id") for asked in server.asked] == [None, "6", "6"]
    assert len(lost) == 1


async def test_a_stream_that_breaks_before_any_event_goes_on_from_its_snapshot(
    subscribing: Callable[..., Subscription],
) -> None:
    async with Scripted([streaming(snapshot(4)), streaming(changed(5), then="open")]) as server:
        async with subscribing(server) as events:
            assert numbers(await taken(events, 1)) == [5]
        assert server.asked[1].headers["last-event-id"] == "4"


async def test_what_was_asked_for_from_a_number_on_is_asked_for_so(subscribing: Callable[..., Subscription]) -> None:
    async with Scripted([streaming(changed(3), then="open")]) as server:
        async with subscribing(server, after=2) as events:
            assert numbers(await taken(events, 1)) == [3]
            assert events.cursor == 3
        assert server.asked[0].headers["last-event-id"] == "2"


async def test_what_the_log_no_longer_has_is_a_gap(subscribing: Callable[..., Subscription]) -> None:
    reset = event("reset", {"type": "reset", "reason": "too old"})
    say = streaming(reset, snapshot(90), changed(91), then="open")
    async with Scripted([say]) as server, subscribing(server, after=2) as events:
        gap, then = await taken(events, 2)
        assert gap == Gap(3, 90)
        assert numbers([then]) == [91]


async def test_a_stream_that_is_silent_for_too_long_is_given_up(
    subscribing: Callable[..., Subscription], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "SILENCE_S", 0.2)
    answers = [streaming(snapshot(1), changed(2), then="open"), streaming(changed(3), then="open")]
    async with Scripted(answers) as server, subscribing(server) as events:
        assert numbers(await taken(events, 2)) == [2, 3]


async def test_a_slow_listener_costs_no_memory_and_misses_nothing_lasting(
    subscribing: Callable[..., Subscription],
) -> None:
    flood = [changed(n) + progressed(n) for n in range(2, 1000)]
    last = 999

    async def say(asked: Any, writer: asyncio.StreamWriter) -> None:
        known = int(asked.headers.get("last-event-id", "1"))
        await streaming(snapshot(1), *flood[known - 1 :], then="open")(asked, writer)

    async with Scripted([say]) as server, subscribing(server, buffer=10) as events:
        seen: list[int] = []
        while not seen or seen[-1] < last:
            assert len(events._queue) <= 10
            seen += numbers(await taken(events, 1))
    assert seen == list(range(2, 1000))
    assert len(server.asked) > 1


async def test_of_progress_only_the_newest_counts(subscribing: Callable[..., Subscription]) -> None:
    say = streaming(snapshot(1), *(progressed(n) for n in range(100)), changed(2), then="open")
    async with Scripted([say]) as server, subscribing(server) as events:
        while len(events._queue) < 2:
            await asyncio.sleep(0)
        first, second = await taken(events, 2)
    assert isinstance(first, DownloadProgress)
    assert first.downloaded == 99
    assert numbers([second]) == [2]


async def test_who_has_no_patience_hears_that_the_service_is_gone(subscribing: Callable[..., Subscription]) -> None:
    async with Scripted([streaming(snapshot(1)), hanging_up]) as server, subscribing(server, patience_s=0.5) as events:
        with pytest.raises(Unreachable):
            await taken(events, 1)


async def test_a_token_that_is_not_good_is_no_broken_stream(subscribing: Callable[..., Subscription]) -> None:
    async with Scripted([refusing(401, "unauthorized")]) as server:
        with pytest.raises(AuthError):
            await subscribing(server).__aenter__()
        assert len(server.asked) == 1


async def test_who_answers_with_something_else_is_told_apart(subscribing: Callable[..., Subscription]) -> None:
    async with Scripted([saying({})]) as server:
        with pytest.raises(BadResponse, match="stream"):
            await subscribing(server).__aenter__()


@pytest.mark.parametrize("nonsense", ["event: snapshot\ndata: {\n\n", event("task_status_changed", {"payload": {}})])
async def test_a_stream_that_makes_no_sense_is_said_to(subscribing: Callable[..., Subscription], nonsense: str) -> None:
    async with Scripted([streaming(snapshot(1), nonsense, then="open")]) as server:
        with pytest.raises(BadResponse):
            await taken(subscribing(server), 1)


async def test_a_service_that_closes_for_good_is_believed(subscribing: Callable[..., Subscription]) -> None:
    closing = event("closing", {"type": "closing", "code": "revoked", "reason": "no more", "retryable": False})
    async with Scripted([streaming(snapshot(1), closing)]) as server:
        with pytest.raises(StoreError, match="no more"):
            await taken(subscribing(server), 1)


async def test_a_service_that_stops_for_a_moment_is_come_back_to(subscribing: Callable[..., Subscription]) -> None:
    closing = event("closing", {"type": "closing", "code": "stopping", "reason": "later", "retryable": True})
    answers = [streaming(snapshot(1), closing), streaming(changed(2), then="open")]
    async with Scripted(answers) as server, subscribing(server) as events:
        assert numbers(await taken(events, 1)) == [2]


async def test_waiting_for_an_event_can_end_by_the_clock(subscribing: Callable[..., Subscription]) -> None:
    async with Scripted([streaming(snapshot(1), then="open")]) as server, subscribing(server) as events:
        assert await events.within(0.05) is None


async def test_closing_ends_the_iteration(subscribing: Callable[..., Subscription]) -> None:
    async with Scripted([streaming(snapshot(1), then="open")]) as server, subscribing(server) as events:
        listening = asyncio.create_task(anext(events, None))
        await asyncio.sleep(0)
        events.close()
        assert await listening is None
