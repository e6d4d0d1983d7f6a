"""``argosy.Client``: the runtime's verbs, asked of a real daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import argosy
from argosy import Client, Query, Queue, Recorded, Request, Status, StatusChanged, TransferOptions
from argosy.client import oneshot
from argosy.client.failure import Unreachable
from argosy.core.types import Task, TaskId
from argosy.errors import AuthError, IllegalTransition, Interrupted, ServerRefused, StoreError, UnknownTask, UsageError
from argosy.testing.faults import Throttle
from argosy.testing.server import FaultyServer

from .daemon import Daemon

BODY = bytes(range(256)) * 400
NEVER = "http://127.0.0.1:9/never"
NOBODY = "0" * 32


def near(service: Daemon) -> Client:
    return Client(home=service.home)


def far(service: Daemon) -> Client:
    return Client(service.url, service.token)


@pytest.fixture(params=[near, far])
async def client(request: pytest.FixtureRequest, service: Daemon) -> AsyncIterator[Client]:
    async with request.param(service) as made:
        yield made


async def test_a_download_is_awaited_like_one_of_this_process(
    client: Client, service: Daemon, server: FaultyServer
) -> None:
    handle = await client.add(server.add("/a.bin", BODY), priority=3)
    task = await handle
    assert (task.status, task.priority, task.percent) == (Status.COMPLETED, 3, 100.0)
    assert handle.path == service.folder / "a.bin"
    assert handle.path.read_bytes() == BODY
    (file,) = await client.files(task.id)
    assert (file.published, file.size) == ("a.bin", len(BODY))


async def test_a_download_that_fails_raises_what_it_failed_with(client: Client, server: FaultyServer) -> None:
    handle = await client.add(server.url("/none"))
    with pytest.raises(ServerRefused) as caught:
        await handle
    assert (caught.value.detail_code, caught.value.exit_code) == ("http_404", 5)


async def test_progress_is_told_while_it_happens(client: Client, server: FaultyServer) -> None:
    handle = await client.add(server.add("/a.bin", BODY * 10, faults=[Throttle(500_000)]))
    received = [now.received async for now in handle.progress()]
    assert received == sorted(received)
    assert len(set(received)) > 3
    assert received[-1] == 10 * len(BODY)


async def test_the_same_request_again_joins(client: Client) -> None:
    first, again = await client.add(NEVER, paused=True), await client.add(NEVER, paused=True)
    assert (first.joined, again.joined) == (False, True)
    assert first.id == again.id


async def test_an_answer_that_is_lost_adds_nothing_twice(service: Daemon) -> None:
    cut: list[bool] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A proxy on the way that gives the first request to the service, and its answer to nobody."""
        there, back = await asyncio.open_connection("127.0.0.1", service.port)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        head = head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        back.write(head + await reader.readexactly(length))
        answer = await there.read()
        if cut:
            writer.write(answer)
        cut.append(True)
        for each in (writer, back):
            each.close()

    proxy = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    async with proxy, Client(f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}", service.token) as client:
        handle = await client.add(NEVER, paused=True)
    assert len(cut) == 2
    assert not handle.joined
    assert service.request("GET", "/v1/stats").json()["total"] == 1


async def test_many_are_added_at_once_in_their_order(client: Client, service: Daemon) -> None:
    requests = [Request(f"{NEVER}{n}", paused=True, directory=service.folder / "many") for n in range(1500)]
    handles = await client.add_many(requests)
    assert [handle.seen.spec.source for handle in handles] == [f"{NEVER}{n}" for n in range(1500)]
    listed = await client.tasks(Query(limit=5000))
    assert [task.id for task in listed] == [handle.id for handle in handles]
    newest = await client.tasks(Query(newest_first=True, limit=2, text="never1"))
    assert [task.id for task in newest] == [handles[1499].id, handles[1498].id]


async def test_what_makes_no_sense_is_refused_with_words(client: Client) -> None:
    with pytest.raises(UsageError):
        await client.add("nonsense://x")
    with pytest.raises(UsageError):
        await client.add([NEVER, NEVER + "2"], name="one")
    with pytest.raises(UnknownTask):
        await client.task(NOBODY)
    with pytest.raises(UnknownTask):
        await client.resolve("ffff")
    with pytest.raises(UsageError):
        await client.apply_limits(colour="red")
    with pytest.raises(UsageError):
        await client.tasks(Query(key="x"))
    with pytest.raises(IllegalTransition):
        await client.verify((await client.add(NEVER, paused=True)).id)
    assert await client.rest(NOBODY) is None


async def test_each_verb_answers_for_each_task(client: Client) -> None:
    one = (await client.add(NEVER, paused=True)).id
    outcomes = await client.pause([one, NOBODY, one])
    assert [outcome.changed for outcome in outcomes] == [False, False, False]
    assert isinstance(outcomes[1].error, UnknownTask)
    with pytest.raises(UnknownTask):
        outcomes[1].require()
    await client.apply_limits(window=an_hour_far_off())
    for verb, status in (
        (client.resume, Status.PENDING), (client.pause, Status.PAUSED), (client.start, Status.PENDING),
        (client.cancel, Status.CANCELLED), (client.retry, Status.PENDING),
    ):  # fmt: skip
        (outcome,) = await verb([one])
        assert outcome.changed
        assert outcome.require() is not None
        assert (await client.task(one)).status is status
    (outcome,) = await client.prioritise([one], priority=9, queue=Queue.AUTOMATIC)
    assert outcome.task is not None
    assert (outcome.task.priority, outcome.task.queue) == (9, Queue.AUTOMATIC)
    (outcome,) = await client.move_to_top([one])
    assert outcome.task is not None
    assert outcome.task.queue is Queue.INTERACTIVE
    assert (await client.pause_all(), await client.resume_all(), await client.start_all()) == (1, 1, 0)
    (outcome,) = await client.remove([one])
    assert outcome.task is None
    assert await client.tasks() == []


def an_hour_far_off() -> str:
    hour = (datetime.now().astimezone(UTC).hour + 12) % 24
    return f"{hour:02}:00-{hour:02}:30"


async def test_a_task_waits_for_its_time_and_says_so(client: Client) -> None:
    start = datetime.now(UTC) + timedelta(hours=1)
    handle = await client.add(NEVER, start_at=start)
    reason = await client.why(handle.id)
    assert reason.code == "start_time"
    assert reason.until == pytest.approx(start.timestamp(), abs=0.01)


async def test_a_task_goes_on_by_other_means(client: Client, server: FaultyServer) -> None:
    handle = await client.add(NEVER, paused=True, options=TransferOptions(limit_bps=1000), name="a.bin")
    task = await client.update(handle.id, urls=[server.add("/a.bin", BODY)], options=TransferOptions(), max_retries=1)
    assert (task.spec.options.limit_bps, task.max_retries) == (None, 1)
    await handle.resume()
    assert (await handle).status is Status.COMPLETED
    assert handle.path.name == "a.bin"


async def test_a_paused_and_a_removed_task_end_the_wait(client: Client, slow: str) -> None:
    handle = await client.add(slow)
    waiting = asyncio.create_task(handle.result())
    while (await handle.task()).status is not Status.RUNNING:
        await asyncio.sleep(0.02)
    await handle.pause()
    with pytest.raises(Interrupted):
        await waiting
    resting = [asyncio.create_task(client.rest(handle.id)) for _ in range(20)]
    assert {task.status for task in await asyncio.gather(*resting) if task} == {Status.PAUSED}
    await handle.resume()
    gone = asyncio.create_task(client.rest(handle.id))
    await asyncio.sleep(0)
    await handle.remove()
    assert await gone is None


async def test_events_are_heard_and_replayed(client: Client, server: FaultyServer) -> None:
    async with client.subscribe() as events:
        handle = await client.add(server.add("/a.bin", BODY))
        heard: list[Recorded] = []
        while not heard or statuses(heard)[-1] is not Status.COMPLETED:
            event = await events.within(20)
            assert event is not None
            heard += [event] if isinstance(event, Recorded) else []
    logged = await client.events(task_id=handle.id)
    assert statuses(heard) == statuses(logged)
    assert await client.events() == logged == heard
    assert await client.latest() == logged[-1].seq
    async with client.subscribe(after=0, task_id=handle.id) as replayed:
        assert [await replayed.within(20) for _ in logged] == logged


def statuses(events: Sequence[Recorded]) -> list[Status | None]:
    return [event.event.to for event in events if isinstance(event.event, StatusChanged)]


async def test_idle_is_when_nothing_runs_or_waits(client: Client, server: FaultyServer) -> None:
    await client.idle()
    handles = [await client.add(server.add(f"/{n}.bin", BODY)) for n in range(3)]
    await client.idle()
    assert {(await handle.task()).status for handle in handles} == {Status.COMPLETED}
    assert (await client.counts())[Status.COMPLETED] == 3


class Looking(Client):
    """Lets it be known that a task was looked at."""

    looked: asyncio.Event

    async def task(self, task_id: TaskId) -> Task:
        found = await super().task(task_id)
        self.looked.set()
        return found


async def test_who_begins_to_wait_while_another_stops_is_not_left_without_news(
    service: Daemon, server: FaultyServer
) -> None:
    async with Looking(service.url, service.token) as client:
        client.looked = asyncio.Event()
        task = await (await client.add(server.add("/a.bin", BODY)))

        async def come(turns: int) -> Task | None:
            await client.looked.wait()
            for _ in range(turns):
                await asyncio.sleep(0)
            return await client.rest(task.id)

        for turns in range(12):
            client.looked.clear()
            assert tuple(await asyncio.gather(client.rest(task.id), come(turns))) == (task, task)


async def test_a_damaged_file_is_found_and_made_whole(client: Client, server: FaultyServer) -> None:
    handle = await client.add(server.add("/a.bin", BODY))
    await handle
    handle.path.write_bytes(b"x" + BODY[1:])
    report = await client.verify(handle.id)
    assert not report.ok
    assert report.files[0].damaged
    assert (await client.verify(handle.id, repair=True)).ok
    assert handle.path.read_bytes() == BODY


async def test_limits_are_changed_and_taken_back(client: Client) -> None:
    changed = await client.apply_limits(max_running=7, host_rates={"a": "1M", "b": "2M"})
    assert (changed.max_running, dict(changed.host_rates)) == (7, {"a": "1M", "b": "2M"})
    await client.apply_limits(host_rates={"b": "3M"})
    assert dict((await client.limits()).host_rates) == {"b": "3M"}
    assert await client.apply_limits() == await client.limits()


# -- who is asked --------------------------------------------------------------------------------------


async def test_where_no_service_runs_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARGOSY_URL", raising=False)
    with pytest.raises(StoreError, match="no service runs") as caught:
        Client(home=tmp_path)
    assert caught.value.detail_code == "no_service"


async def test_a_wrong_token_is_refused(service: Daemon) -> None:
    async with Client(service.url, "nonsense") as client:
        with pytest.raises(AuthError):
            await client.tasks()
        with pytest.raises(AuthError):
            await client.subscribe().__aenter__()
        with pytest.raises(AuthError):
            await client.rest(NOBODY)


async def test_a_socket_is_an_address_too(service: Daemon) -> None:
    async with Client(f"unix:{service.socket}", service.token) as client:
        assert client.here
        assert await client.tasks() == []


async def test_a_folder_named_over_a_loopback_address_is_the_services(service: Daemon, server: FaultyServer) -> None:
    async with far(service) as client:
        assert not client.here
        handle = await client.add(server.add("/a.bin", BODY), directory="study")
        await handle
    assert handle.path == service.folder / "study" / "a.bin"


async def test_who_waits_hears_that_the_service_is_gone_when_patience_ends(service: Daemon) -> None:
    lost: list[argosy.ArgosyError] = []
    async with Client(service.url, service.token, patience_s=0.5, lost=lost.append) as client:
        handle = await client.add(NEVER, start_at=datetime.now(UTC) + timedelta(hours=1))
        waiting = asyncio.create_task(client.rest(handle.id))
        while not service.request("GET", "/v1/stats").json()["counts"].get("pending"):
            await asyncio.sleep(0.01)
        await asyncio.to_thread(service.kill9)
        with pytest.raises(Unreachable):
            await waiting
    assert lost


async def test_who_waits_goes_on_when_the_service_is_back(service: Daemon, server: FaultyServer, slow: str) -> None:
    async with Client(service.url, service.token) as client:
        handle = await client.add(slow)
        waiting = asyncio.create_task(handle.result())
        await asyncio.to_thread(server.wait_for_bytes, 100_000)
        await asyncio.to_thread(service.kill9)
        server.set_faults("/slow.bin")
        await asyncio.to_thread(service.restart)
        assert (await asyncio.wait_for(waiting, 40)).status is Status.COMPLETED


async def test_closing_the_client_ends_the_waits_and_nothing_else(service: Daemon) -> None:
    client = Client(service.url, service.token)
    handle = await client.add(NEVER, start_at=datetime.now(UTC) + timedelta(hours=1))
    waiting = asyncio.create_task(client.rest(handle.id))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(StoreError) as caught:
        await waiting
    assert caught.value.detail_code == "stopped"
    assert service.task(handle.id)["status"] == "pending"
    await client.close()


def test_one_download_in_one_line(service: Daemon, server: FaultyServer) -> None:
    path = oneshot.get(server.add("/a.bin", BODY), server=service.url, token=service.token)
    assert path.read_bytes() == BODY


async def test_one_download_in_one_line_is_awaited_within_a_loop(service: Daemon) -> None:
    with pytest.raises(UsageError, match="loop"):
        oneshot.get(NEVER, server=service.url, token=service.token)


async def test_no_secret_is_shown(service: Daemon) -> None:
    async with Client(service.url, service.token) as client:
        assert service.token not in repr(client) + repr(vars(client))
