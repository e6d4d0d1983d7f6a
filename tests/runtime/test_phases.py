"""Commands in every phase of a download: each is answered at once, and its effect comes within seconds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from argosy import Request, Runtime, Status, TaskHandle, TransferOptions
from argosy.core.limits import Limits
from argosy.core.types import FileState
from argosy.destinations.local import LocalDestination
from argosy.errors import Interrupted
from argosy.runtime.ports import Destination
from argosy.runtime.warehouse import LocalWarehouse
from argosy.testing.faults import BEFORE_HEAD, Stall, Throttle, always
from argosy.testing.faults import Status as Answer
from argosy.testing.poll import until
from argosy.testing.server import Body, FaultyServer

SIZE = 3_000_000
BODY = Body.generated(SIZE, seed=5)
PROMPT_S = 2.0
"""Longer than any stop should take, and less than the 5 s after which it is forced."""


def is_now(runtime: Runtime, task: TaskHandle, *statuses: Status) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        found = (await runtime._machine.store.get([task.id])).get(task.id)
        return found is not None and found.status in statuses

    return look


def is_gone(runtime: Runtime, task: TaskHandle) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return task.id not in await runtime._machine.store.get([task.id])

    return look


PHASES: dict[str, Any] = {
    "connecting": [Stall(BEFORE_HEAD)],
    "head": [Stall(0)],
    "body": [Stall(1_000_000)],
    "resting": [Answer(503, when=always)],
}


async def reach(phase: str, server: FaultyServer, runtime: Runtime, *, many: bool) -> TaskHandle:
    """Return a task in that phase."""
    url = server.add("/a.bin", BODY, faults=PHASES[phase])
    urls = [url, server.add("/b.bin", BODY)] if many else url
    task = await runtime.add(urls, options=TransferOptions(connections=2))
    await asyncio.to_thread(server.wait_for_requests, 1, path="/a.bin")
    if phase == "resting" and not many:
        await until(is_now(runtime, task, Status.RETRYING))
    elif phase == "body":
        await asyncio.to_thread(server.wait_for_bytes, 900_000, path="/a.bin")
    else:
        await until(is_now(runtime, task, Status.RUNNING))
    return task


@pytest.mark.parametrize("many", [False, True], ids=["one file", "many files"])
@pytest.mark.parametrize("phase", PHASES)
async def test_a_pause_is_heeded_in_every_phase_and_the_task_goes_on_from_there(
    server: FaultyServer, real: Any, phase: str, many: bool
) -> None:
    async with real() as runtime:
        task = await reach(phase, server, runtime, many=many)
        await task.pause()
        await until(is_now(runtime, task, Status.PAUSED), PROMPT_S)
        server.set_faults("/a.bin")
        await task.resume()
        await asyncio.wait_for(task.result(), 20)
        assert not [event for event in await runtime.events() if getattr(event.event, "code", "") == "pause_timeout"]
    assert (real.out / "a.bin").read_bytes() == BODY.read()


@pytest.mark.parametrize("verb", ["cancel", "remove"])
@pytest.mark.parametrize("phase", PHASES)
async def test_a_task_given_up_in_any_phase_leaves_nothing_behind(
    server: FaultyServer, real: Any, phase: str, verb: str
) -> None:
    async with real() as runtime:
        task = await reach(phase, server, runtime, many=False)
        waiting = asyncio.create_task(task.result())
        await getattr(task, verb)()
        gone = is_gone(runtime, task) if verb == "remove" else is_now(runtime, task, Status.CANCELLED)
        await until(gone, PROMPT_S)
        with pytest.raises(Interrupted):
            await waiting
        await until(lambda: real.names() == set())
        await until(lambda: server.connections_open("/a.bin") == 0)


# -- while it is being published -----------------------------------------------------------------------


class SlowToPublish(LocalDestination):
    """Publishes when it is let."""

    def __init__(self, inner: LocalDestination, go: threading.Event, begun: threading.Event) -> None:
        super().__init__(inner.directory, flusher=inner._flusher, executor=inner._executor)
        self._go = go
        self._begun = begun

    async def publish_many(self, states: Sequence[FileState], options: TransferOptions) -> list[FileState | None]:
        self._begun.set()
        await asyncio.to_thread(self._go.wait, 20)
        return await super().publish_many(states, options)


class Docks(LocalWarehouse):
    """A warehouse of those."""

    def __init__(self, go: threading.Event, begun: threading.Event) -> None:
        super().__init__()
        self._events = go, begun

    def destination(self, directory: str) -> Destination:
        inner = super().destination(directory)
        assert isinstance(inner, LocalDestination)
        return SlowToPublish(inner, *self._events)


@pytest.mark.parametrize("verbs", [["pause"], ["pause", "resume"], ["cancel"], ["remove"], ["cancel", "remove"]])
async def test_what_is_asked_while_a_file_gets_its_name_comes_too_late_for_the_file(
    server: FaultyServer, real: Any, verbs: list[str]
) -> None:
    go, begun = threading.Event(), threading.Event()
    url = server.add("/a.bin", BODY)
    async with real(warehouse=lambda: Docks(go, begun)) as runtime:
        task = await runtime.add(url)
        await asyncio.to_thread(begun.wait, 10)
        for verb in verbs:
            await asyncio.wait_for(getattr(task, verb)(), PROMPT_S)
        assert await is_now(runtime, task, Status.COMPLETING)()
        go.set()
        await until(is_gone(runtime, task) if "remove" in verbs else is_now(runtime, task, Status.COMPLETED))
    assert real.names() == {"a.bin"}
    assert (real.out / "a.bin").read_bytes() == BODY.read()


# -- the end of the process ----------------------------------------------------------------------------


async def test_stopping_during_fifty_transfers_loses_none_of_what_came(server: FaultyServer, real: Any) -> None:
    size, count = 1_000_000, 50
    bodies = {f"{i}.bin": Body.generated(size, seed=i) for i in range(count)}
    urls = [server.add(f"/{name}", body, faults=[Throttle(400_000)]) for name, body in bodies.items()]
    limits = Limits(max_running=count, connections_per_host=count)
    options = TransferOptions(connections=1)
    async with real(limits=limits) as runtime:
        handles = await runtime.add_many([Request(url, options=options) for url in urls])
        await until(lambda: sum(gauge.received > 300_000 for gauge in _gauges(runtime)) == count, 30)
        loop = asyncio.get_running_loop()
        start = loop.time()
        await runtime.stop()
        assert loop.time() - start < 8.0
    had = server.bytes_sent()
    for path in bodies:
        server.set_faults(f"/{path}")
    async with real(limits=limits) as runtime:
        tasks = [await handle.task() for handle in [await runtime.handle(handle.id) for handle in handles]]
        assert {task.attempt for task in tasks} == {0}
        await asyncio.wait_for(runtime.idle(), 60)
    for name, body in bodies.items():
        assert (real.out / name).read_bytes() == body.read()
    assert real.names() == set(bodies)
    assert server.bytes_sent() - had < count * (size - 250_000)


def _gauges(runtime: Runtime) -> list[Any]:
    return list(runtime._machine.holdings.gauges.values())


# -- many files ----------------------------------------------------------------------------------------


async def test_a_retry_of_many_files_fetches_only_what_is_missing(server: FaultyServer, real: Any) -> None:
    names = [f"{i}.bin" for i in range(30)]
    urls = [server.add(f"/{name}", f"content of {name}".encode()) for name in names]
    server.set_faults("/7.bin", Answer(404))
    server.set_faults("/9.bin", Answer(500))
    async with real() as runtime:
        task = await runtime.add(urls, options=TransferOptions(file_retries=0), max_retries=0)
        with pytest.raises(Exception, match=r"2 of 30 files failed: .*7\.bin: .*404.*9\.bin: .*500"):
            await task
        assert real.names() == set(names) - {"7.bin", "9.bin"}
        assert (await task.task()).files_done == 28
        failed = [file.urls[0] for file in await runtime.files(task.id) if file.error is not None]
        assert failed == [urls[7], urls[9]]
        before = len(server.requests)
        server.set_faults("/7.bin")
        server.set_faults("/9.bin")
        await task.retry()
        finished = await task
    assert finished.files_done == 30
    assert {record.path for record in server.requests[before:]} == {"/7.bin", "/9.bin"}
    assert real.names() == set(names)


# -- bandwidth -----------------------------------------------------------------------------------------


async def test_a_limit_that_is_lifted_frees_a_download_that_sleeps_off_its_debt(
    server: FaultyServer, real: Any
) -> None:
    url = server.add("/a.bin", BODY)
    async with real(limits=Limits(rate="1k")) as runtime:
        task = await runtime.add(url, options=TransferOptions(connections=1))
        await until(lambda: any(gauge.throttled_by == "global" for gauge in _gauges(runtime)))
        assert (await runtime.why(task.id)).code == "throttled"
        await runtime.apply_limits(rate="off")
        await asyncio.wait_for(task.result(), 5)
    assert task.path.read_bytes() == BODY.read()
