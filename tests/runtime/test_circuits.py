"""A host that fails every task: all of them leave it alone, one at a time tries it, and it comes back by itself."""

from __future__ import annotations

import threading
from typing import Any

from argosy import Request, Status
from argosy.core.breaker import BACKLOG, TOLERATED
from argosy.core.limits import Limits
from argosy.errors import ServerBusy
from argosy.store.port import Store
from argosy.testing.clock import FakeClock
from argosy.testing.engine import Play
from argosy.testing.faults import Status as Answers
from argosy.testing.poll import until
from argosy.testing.scripted import Scripted
from argosy.testing.server import FaultyServer
from argosy.testing.server.when import When

TASKS = 500
SLOTS = 8
CONTENT = bytes(range(256)) * 2048
BUSY = Play(fail_at=0, error=ServerBusy("503 Service Unavailable", code="http_503"))


async def test_five_hundred_tasks_do_not_hammer_a_host_that_is_down_and_all_arrive_once_it_is_up(
    real: Any, server: FaultyServer
) -> None:
    clock, down = FakeClock(), threading.Event()
    down.set()
    with FaultyServer(faults=[Answers(503, when=When("down", lambda _: down.is_set()))]) as host:
        urls = [host.add(f"/{number}.bin", b"here") for number in range(TASKS)]
        others = [server.add(f"/{number}.bin", b"well") for number in range(5)]
        limits = Limits(max_running=SLOTS, connections_per_host=SLOTS)
        async with real(clock=clock, limits=limits) as runtime:
            handles = await runtime.add_many([Request(url, max_retries=50) for url in (*urls, *others)])

            async def rests() -> bool:
                reason = await runtime.why(handles[TASKS - 1].id)
                return bool(reason.code == "host_failing" and not runtime._machine.holdings.tasks)

            await until(rests)
            for handle in handles[TASKS:]:
                await handle  # those of another host do not wait behind five hundred that may not start
            asked = len(host.requests)
            assert asked <= TOLERATED + SLOTS
            pause_s = BACKLOG.first_s
            for trial in range(1, 5):
                clock.advance(pause_s)
                await until(lambda trial=trial: len(host.requests) == asked + trial)  # type: ignore[misc]
                await until(rests)
                pause_s *= 2
            assert len(host.requests) == asked + 4
            down.clear()

            async def all_here() -> bool:
                if not runtime._machine.holdings.tasks:
                    clock.advance(5)
                return bool((await runtime.counts())[Status.COMPLETED] == len(handles))

            await until(all_here, 60)


async def test_bytes_that_flow_bring_a_host_back_long_before_the_file_is_whole(
    scripted: Scripted, store: Store
) -> None:
    clock, hold, down = FakeClock(), threading.Event(), threading.Event()
    down.set()
    limits = Limits(max_running=2, connections_per_host=64)
    async with scripted(
        lambda url, _: BUSY if down.is_set() else Play(CONTENT, hold=hold), store=store, clock=clock, limits=limits
    ) as runtime:
        handles = await runtime.add_many([Request(f"http://h/{number}") for number in range(TOLERATED + 5)])

        async def rests() -> bool:
            return (await runtime.why(handles[-1].id)).code == "host_failing" and not runtime._machine.holdings.tasks

        await until(rests)
        down.clear()
        clock.advance(BACKLOG.first_s)
        await until(lambda: len(runtime._machine.holdings.tasks) == 1)

        async def another_joins() -> bool:
            clock.advance(0.5)
            return len(runtime._machine.holdings.tasks) == 2

        await until(another_joins)
        hold.set()


async def test_a_foreground_command_with_a_single_link_is_never_held_up(scripted: Scripted, store: Store) -> None:
    clock = FakeClock()
    async with scripted(
        lambda _, call: BUSY if call < 10 else Play(CONTENT), store=store, clock=clock, session=True
    ) as runtime:
        handle = await runtime.add("http://h/a.bin", max_retries=20)

        async def done() -> bool:
            assert not (await runtime.why(handle.id)).code.startswith("host_")
            if not runtime._machine.holdings.tasks:
                clock.advance(5)
            return (await handle.task()).status is Status.COMPLETED

        await until(done)
