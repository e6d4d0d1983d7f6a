"""Of one reader of the bus and many readers of it: order, once, coalesced, bounded."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from argosy.bus.local import Bus
from argosy.core.events import DownloadMetrics, DownloadProgress, Lasting, StatusChanged, Warned
from argosy.core.types import Status
from argosy.service.live import feed as feed_module
from argosy.service.live.allowance import Allowance
from argosy.service.live.feed import Feed
from argosy.service.live.filter import Facts, Filter
from argosy.service.live.item import Batch
from argosy.service.live.mailbox import Lost, Mailbox
from argosy.service.live.press import Press
from argosy.store.memory import MemoryStore
from argosy.testing.clock import FakeClock
from argosy.testing.poll import until

A, B = "a" * 32, "b" * 32
EVERYTHING = Filter()


def changed(task_id: str = A, to: Status | None = Status.RUNNING) -> StatusChanged:
    return StatusChanged(task_id, Status.SCHEDULED, to, "test")


def progress(task_id: str, received: int) -> DownloadProgress:
    return DownloadProgress(task_id, received, None, 0.04, 0.0, None)


class Stage:
    """A log, a bus on it, and a feed that reads the bus."""

    def __init__(self) -> None:
        self.log = MemoryStore()
        self.bus = Bus(self.log)
        self.feed = Feed(self.bus, FakeClock())
        self.press = Press(self.feed, self.log)

    def mailbox(self, wanted: Filter = EVERYTHING, after: int | None = None) -> Mailbox:
        return Mailbox(self.feed, self.press, wanted, after)

    async def tell(self, *events: Lasting) -> None:
        await self.bus.tell(await self.log.log(events, 0.0))
        await self.heard()

    async def heard(self) -> None:
        await until(lambda: self.feed.last == self.bus.last)

    async def show(self, *events: DownloadProgress | DownloadMetrics) -> None:
        """An edition with these comes out."""
        for event in events:
            self.bus.show(event)
        before = self.feed.edition
        await until(lambda: self.feed.edition > before)

    def purge(self, upto: int) -> None:
        self.log._all.events = [event for event in self.log._all.events if event.seq > upto]


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    stage = Stage()
    await stage.bus.open()
    stage.feed.open()
    reading = asyncio.create_task(stage.feed.run())
    yield stage
    stage.feed.close()
    await asyncio.wait([reading])


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as made:
        yield made


async def drain(mailbox: Mailbox) -> list[Any]:
    """What the mailbox has: numbers of logged events, (task, bytes) of progress, and what was lost."""
    told: list[Any] = []
    while (found := await mailbox.take()) is not None:
        if isinstance(found, Lost):
            told.append(found)
        else:
            told += [item.seq or (item.task_id, getattr(item.inner, "downloaded", None)) for item in found.items]
    return told


async def test_events_come_in_order_and_once(stage: Stage) -> None:
    with stage.mailbox() as mailbox:
        await stage.tell(*[changed()] * 3)
        assert await drain(mailbox) == [1, 2, 3]
        await stage.tell(changed())
        assert await drain(mailbox) == [4]
        assert await drain(mailbox) == []


async def test_those_who_stand_at_the_same_place_are_given_the_same_batch(stage: Stage) -> None:
    with stage.mailbox() as one, stage.mailbox() as other, stage.mailbox(Filter(tasks=frozenset([B]))) as third:
        await stage.tell(changed(A))
        await stage.show(progress(A, 1))
        first = await one.take()
        assert isinstance(first, Batch)
        assert await other.take() is first
        assert await third.take() is None


async def test_a_client_starts_with_the_past_and_goes_on_with_the_present(stage: Stage) -> None:
    await stage.tell(*[changed()] * 1300)
    stage.feed._recent.clear()
    stage.feed.since = stage.feed.last
    with stage.mailbox(after=200) as mailbox:
        first = await mailbox.take()
        await stage.tell(changed(), changed())
        assert isinstance(first, Batch)
        assert [item.seq for item in first.items] + await drain(mailbox) == list(range(201, 1303))


async def test_what_the_log_had_before_the_bus_told_it_does_not_come_twice(stage: Stage) -> None:
    await stage.tell(changed())
    untold = await stage.log.log([changed(), changed()], 0.0)
    stage.feed._recent.clear()
    stage.feed.since = stage.feed.last
    with stage.mailbox(after=0) as mailbox:
        assert await drain(mailbox) == [1, 2, 3]
        await stage.bus.tell(untold)
        await stage.tell(changed())
        assert await drain(mailbox) == [4]


async def test_the_feed_keeps_a_bounded_past_and_the_log_has_what_was_before(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "RECENT", 50)
    with stage.mailbox() as slow:
        for _ in range(40):
            await stage.tell(*[changed()] * 10)
            assert len(stage.feed._recent) <= 101
        assert stage.feed.since > 200
        assert await drain(slow) == list(range(1, 401))


async def test_of_progress_only_the_newest_of_each_task_comes(stage: Stage) -> None:
    with stage.mailbox() as mailbox:
        await stage.show(progress(A, 1), progress(B, 1), progress(A, 2))
        await stage.show(progress(A, 3))
        assert await drain(mailbox) == [(B, 1), (A, 3)]


async def test_progress_of_a_thousand_tasks_again_and_again_is_kept_within_bounds(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "NEWEST", 100)
    with stage.mailbox() as mailbox:
        for turn in range(3):
            await stage.show(*(progress(f"{number:032}", turn) for number in range(500)))
            assert len(stage.feed._newest) == 100
        assert len(await drain(mailbox)) == 100


async def test_progress_stands_before_the_status_change_that_came_after_it(stage: Stage) -> None:
    with stage.mailbox() as mailbox:
        await stage.tell(changed())
        stage.bus.show(progress(A, 7))
        await stage.tell(changed(to=Status.PAUSED))
        assert await drain(mailbox) == [1, (A, 7), 2]


async def test_who_knows_the_new_status_is_not_shown_progress_from_before(stage: Stage) -> None:
    with stage.mailbox() as slow:
        await stage.tell(*[changed()] * 499)
        await stage.show(progress(A, 7))
        await stage.tell(changed(to=Status.PAUSED), changed(B))
        assert await drain(slow) == [*range(1, 502)]


async def test_a_task_that_nobody_asked_for_wakes_nobody(stage: Stage) -> None:
    with stage.mailbox(Filter(tasks=frozenset([B]))) as mailbox:
        assert await mailbox.take() is None
        mailbox.bell.clear()
        await stage.tell(changed(A))
        await stage.show(progress(A, 1))
        assert not mailbox.bell.is_set()
        assert mailbox.cursor == 1
        await stage.tell(changed(B))
        assert mailbox.bell.is_set()
        assert await drain(mailbox) == [2]


async def test_a_log_that_forgets_what_nobody_here_asked_for_is_no_loss(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "RECENT", 10)
    with stage.mailbox(Filter(tasks=frozenset([B]))) as mailbox:
        await drain(mailbox)
        await stage.tell(*[changed(A)] * 100)
        stage.purge(60)
        await stage.tell(changed(B))
        assert await drain(mailbox) == [101]


@pytest.mark.parametrize("wanted", [EVERYTHING, Filter(tasks=frozenset([A])), Filter(tasks=frozenset([A, B]))])
async def test_who_comes_back_to_a_log_that_has_forgotten_is_told_so_and_goes_on_from_now(
    stage: Stage, wanted: Filter
) -> None:
    await stage.tell(*[changed()] * 30)
    stage.purge(20)
    stage.feed._recent.clear()
    stage.feed.since = stage.feed.last
    with stage.mailbox(wanted, after=10) as mailbox:
        assert await drain(mailbox) == [Lost(10, 30)]
        await stage.tell(changed())
        assert await drain(mailbox) == [31]
    with stage.mailbox(wanted, after=20) as mailbox:
        assert await drain(mailbox) == list(range(21, 32))


async def test_a_number_that_the_log_has_never_given_is_not_believed(stage: Stage) -> None:
    await stage.tell(changed())
    with stage.mailbox(after=1000) as mailbox:
        assert await drain(mailbox) == [Lost(1000, 1)]


async def test_an_empty_log_that_once_had_more_has_forgotten_all(stage: Stage) -> None:
    await stage.tell(*[changed()] * 5)
    stage.purge(5)
    stage.feed._recent.clear()
    stage.feed.since = stage.feed.last
    with stage.mailbox(after=3) as mailbox:
        assert await drain(mailbox) == [Lost(3, 5)]


async def test_a_hole_in_the_log_is_a_loss_to_all_who_had_not_come_so_far(stage: Stage) -> None:
    with stage.mailbox() as everything, stage.mailbox(Filter(tasks=frozenset([B]))) as narrow:
        await drain(everything)
        await drain(narrow)
        await stage.log.log([changed()] * 10, 0.0)
        stage.purge(6)
        await stage.bus.catch_up()
        await until(lambda: stage.feed.last == 10)
        assert await drain(everything) == [Lost(0, 10)]
        assert await drain(narrow) == [Lost(0, 10)]


async def test_metrics_that_have_not_changed_come_again_only_when_somebody_has_come(stage: Stage) -> None:
    with stage.mailbox() as first:
        await stage.show(DownloadMetrics(1, 2, 3.0))
        assert len(await drain(first)) == 1
        stage.bus.show(DownloadMetrics(1, 2, 3.0))
        await stage.show(progress(A, 1))
        assert await drain(first) == [(A, 1)]
        with stage.mailbox() as second:
            await stage.show(DownloadMetrics(1, 2, 3.0))
            assert len(await drain(second)) == 1


async def test_progress_is_made_only_while_somebody_is_there_to_see_it(stage: Stage) -> None:
    heard = [stage.bus.heard]
    with stage.mailbox():
        heard.append(stage.bus.heard)
    assert [*heard, stage.bus.heard] == [False, True, False]
    assert len(stage.feed.audience) == 0


async def test_an_event_is_shown_with_what_applies_to_it_and_no_more(stage: Stage) -> None:
    with stage.mailbox() as mailbox:
        await stage.tell(Warned("odd", "a\nb\udc80"))
        await stage.show(progress(A, 1))
        batch = await mailbox.take()
    assert isinstance(batch, Batch)
    shown = json.loads(f"[{batch.json}]")
    assert [sorted(event) for event in shown] == [["at", "event", "payload", "seq", "version"], ["event", "payload"]]
    assert shown[1]["payload"]["instantaneous_speed"] == 0.0
    frames = batch.server_sent.decode().split("\n\n")
    assert frames[0].startswith("event: runtime_warning\nid: 1\ndata: {")
    assert frames[1].startswith("event: download_progress\ndata: {")
    assert frames[2:] == [""]


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_happens_in_whatever_order_every_client_has_each_event_once(seed: int) -> None:
    chance = random.Random(seed)
    async with staged() as stage:
        clients: list[tuple[Mailbox, list[Any], int]] = []
        for _ in range(300):
            match chance.randrange(6):
                case 0:
                    await stage.bus.tell(await stage.log.log([changed()] * chance.randrange(1, 4), 0.0))
                case 1:
                    await stage.log.log([changed()], 0.0)  # another process, which tells nobody here
                case 2:
                    await stage.bus.catch_up()
                case 3:
                    stage.bus.show(progress(chance.choice((A, B)), chance.randrange(100)))
                case 4:
                    after = chance.choice((None, 0, stage.feed.last, max(0, stage.feed.last - 5)))
                    begin = stage.feed.last if after is None else after
                    clients.append((stage.mailbox(after=after), [], begin))
                case _:
                    if clients:
                        mailbox, told, _ = chance.choice(clients)
                        found = await mailbox.take()
                        told += [] if found is None else [found]
        await stage.bus.catch_up()
        await stage.heard()
        for mailbox, told, begin in clients:
            while (found := await mailbox.take()) is not None:
                told.append(found)
            seqs = [item.seq for batch in told for item in batch.items if item.seq is not None]
            assert seqs == list(range(begin + 1, stage.feed.last + 1))
            mailbox.close()


KNOWN = {A: Facts("example.org:443", "https://example.org/Täter.bin".casefold(), ""), B: Facts("b:80", "", "film.mp4")}


@pytest.mark.parametrize(
    ("wanted", "event", "admitted"),
    [
        (EVERYTHING, changed(), True),
        (EVERYTHING, DownloadMetrics(0, 0, 0.0), True),
        (EVERYTHING, Warned("x", "y"), True),
        (Filter(tasks=frozenset([B])), changed(A), False),
        (Filter(tasks=frozenset([B])), changed(B), True),
        (Filter(tasks=frozenset([B])), Warned("x", "y", B), True),
        (Filter(tasks=frozenset([B])), Warned("x", "y"), False),
        (Filter(tasks=frozenset([B])), DownloadMetrics(0, 0, 0.0), False),
        (Filter(statuses=frozenset([Status.FAILED])), changed(), False),
        (Filter(statuses=frozenset([Status.SCHEDULED])), changed(), True),
        (Filter(statuses=frozenset([Status.RUNNING])), changed(), True),
        (Filter(statuses=frozenset([Status.RUNNING])), progress(A, 1), True),
        (Filter(statuses=frozenset([Status.FAILED])), progress(A, 1), False),
        (Filter(statuses=frozenset([Status.FAILED])), Warned("x", "y", A), True),
        (Filter(host="example.org:443"), progress(A, 1), True),
        (Filter(host="example.org:443"), progress(B, 1), False),
        (Filter(text="TÄTER"), changed(A), True),
        (Filter(text="Film"), changed(B), True),
        (Filter(text="film"), changed(A), False),
        (Filter(text="film"), changed("c" * 32, None), True),
        (Filter(types=frozenset(["download_progress"])), changed(), False),
        (Filter(types=frozenset(["download_progress"])), progress(A, 1), True),
        (Filter(types=frozenset(["download_metrics"])), DownloadMetrics(0, 0, 0.0), True),
        (Filter(tasks=frozenset([A]), types=frozenset(["download_progress"])), progress(B, 1), False),
    ],
)
def test_a_filter_lets_through_what_all_its_conditions_hold_for(wanted: Filter, event: Any, admitted: bool) -> None:
    assert wanted.admits(event, KNOWN) is admitted


def test_an_allowance_is_spent_and_comes_back_with_time() -> None:
    allowance = Allowance(2.0, 3, 10.0)
    assert [allowance.spend(10.0) for _ in range(4)] == [True, True, True, False]
    assert [allowance.spend(11.0) for _ in range(3)] == [True, True, False]
    assert not allowance.spend(5.0)
