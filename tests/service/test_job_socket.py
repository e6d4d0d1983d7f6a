"""One job over a WebSocket, as the download contract has it, through whatever cuts it."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from argosy import config
from argosy.runtime.clock import SystemClock
from argosy.runtime.manager import Runtime
from argosy.service.jobs.contract import JobMessage
from argosy.service.jobs.downloads import Downloads
from argosy.service.jobs.watch import Watch
from argosy.service.live.live import Live
from argosy.service.results.link import Links
from argosy.service.security.secret import Secrets
from argosy.testing import faults
from argosy.testing.poll import until as until_async
from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon, until
from .test_jobs import got, initiate, status_of

SHAPE = TypeAdapter(JobMessage)


def watched(service: Daemon, job_id: str, **more: Any) -> ClientConnection:
    headers = more.pop("additional_headers", {"Authorization": f"Bearer {service.token}"})
    url = f"{service.url.replace('http', 'ws')}/ws/download/{job_id}"
    connection: ClientConnection = connect(url, additional_headers=headers, open_timeout=10, **more)
    return connection


def told(connection: ClientConnection) -> Iterator[dict[str, Any]]:
    """Every message until the service closes."""
    while True:
        try:
            yield json.loads(connection.recv(timeout=30))
        except ConnectionClosed:
            return


def code_of(connection: ClientConnection) -> int | None:
    return connection.protocol.close_code


def test_the_messages_are_those_of_the_contract_and_the_last_says_that_it_is_done(
    service: Daemon, server: FaultyServer
) -> None:
    urls = [server.add(f"/{i}.bin", BODY, faults=[faults.Throttle(200_000)]) for i in range(3)]
    job = initiate(service, *urls)
    headers = {"Authorization": f"Bearer {service.token}"}
    with connect(job["websocket_url"], additional_headers=headers) as connection:
        messages = list(told(connection))
        assert code_of(connection) == 1000
    *under_way, last = messages
    assert under_way
    assert {message["type"] for message in under_way} == {"progress"}
    for message in messages:
        assert message["job_id"] == job["job_id"]
        assert message["total"] == 3
        assert 0 <= message["completed"] <= 3
        assert message["current_file"] in {None, *urls}
        assert 0 <= message["progress_percent"] <= 100
        assert message["progress"]["completed"] == message["completed"]
        assert len(message["results"]) == 3
        SHAPE.validate_python(message)
        assert set(message) <= {field.name for field in fields(JobMessage)}
    assert under_way[0]["snapshot"] is True
    shown = [message["progress_percent"] for message in messages]
    assert shown == sorted(shown)
    assert (last["type"], last["status"], last["completed"], last["progress_percent"]) == (
        "completed",
        "completed",
        3,
        100,
    )
    assert [got(service, each["download_url"]).body for each in last["results"]] == [BODY] * 3


def test_a_client_that_comes_after_the_end_is_told_all_of_it(service: Daemon, server: FaultyServer) -> None:
    job_id = initiate(service, server.add("/a.bin", BODY))["job_id"]
    until(lambda: status_of(service, job_id)["status"] == "completed")
    with watched(service, job_id) as connection:
        first, last = told(connection)
        assert code_of(connection) == 1000
    assert (first["type"], first["snapshot"], first["progress_percent"]) == ("progress", True, 100)
    assert (last["type"], last["results"][0]["status"]) == ("completed", "completed")


def test_a_job_that_fails_says_so(service: Daemon, server: FaultyServer) -> None:
    job_id = initiate(service, server.url("/none.bin"))["job_id"]
    with watched(service, job_id) as connection:
        *_, last = told(connection)
    assert last["type"] == last["status"] == "failed"
    assert "404" in last["results"][0]["error"]


def test_progress_comes_at_most_fifteen_times_a_second(service: Daemon, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY[:1000] * 600, faults=[faults.Throttle(200_000)])
    job_id = initiate(service, url)["job_id"]
    with watched(service, job_id) as connection:
        started = [message for message in told(connection) if message["status"] == "processing"]
    seconds = 600_000 / 200_000
    assert 5 <= len(started) <= 15 * seconds + 5


def test_a_client_that_was_cut_off_begins_with_how_it_is_now(service: Daemon, slow: str) -> None:
    job_id = initiate(service, slow)["job_id"]
    until(lambda: status_of(service, job_id)["status"] == "processing")
    with watched(service, job_id) as connection:
        assert json.loads(connection.recv(timeout=10))["status"] == "processing"
        connection.socket.shutdown(socket.SHUT_RDWR)
    service.request("POST", f"/v1/download/{job_id}/pause")
    until(lambda: status_of(service, job_id)["status"] == "paused")
    with watched(service, job_id) as again:
        first = json.loads(again.recv(timeout=10))
        assert (first["snapshot"], first["status"]) == (True, "paused")


def test_a_pause_is_told_and_ends_nothing(service: Daemon, slow: str) -> None:
    job_id = initiate(service, slow)["job_id"]
    with watched(service, job_id) as connection:
        messages = told(connection)
        until(lambda: next(messages)["status"] == "processing")
        service.request("POST", f"/v1/download/{job_id}/pause")
        until(lambda: next(messages)["status"] == "paused")
        service.request("POST", f"/v1/download/{job_id}/resume")
        until(lambda: next(messages)["status"] == "processing")
        service.request("POST", f"/v1/download/{job_id}/cancel")
        *_, last = messages
        assert last["type"] == "cancelled"
        assert code_of(connection) == 1000


def test_an_unknown_job_is_closed_with_a_code_of_its_own(service: Daemon) -> None:
    with watched(service, "0" * 32) as connection:
        (message,) = told(connection)
        assert code_of(connection) == 4404
    assert (message["type"], message["code"]) == ("error", "unknown_task")


def test_a_job_that_is_removed_is_closed_likewise(service: Daemon, slow: str) -> None:
    job_id = initiate(service, slow)["job_id"]
    with watched(service, job_id) as connection:
        messages = told(connection)
        next(messages)
        assert service.request("DELETE", f"/v1/tasks/{job_id}").status < 300
        *_, last = messages
        assert last["type"] == "error"
        assert code_of(connection) == 4404


def test_a_stopping_service_says_goodbye(service: Daemon, slow: str) -> None:
    job_id = initiate(service, slow)["job_id"]
    with watched(service, job_id) as connection:
        messages = told(connection)
        next(messages)
        assert service.process is not None
        service.process.send_signal(signal.SIGTERM)
        list(messages)
        assert code_of(connection) == 1012
    service.stop()


def test_a_daemon_that_is_killed_loses_no_watcher_for_good(service: Daemon, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY[:1000] * 1500, faults=[faults.Throttle(400_000)])
    job_id = initiate(service, url)["job_id"]
    with watched(service, job_id) as connection:
        messages = told(connection)
        until(lambda: next(messages)["progress_percent"] > 0)
        service.kill9()
        list(messages)
    service.restart()
    with watched(service, job_id) as connection:
        *_, last = told(connection)
    assert last["type"] == "completed"


@pytest.mark.parametrize("shown", [None, "wrong"])
def test_nobody_watches_without_a_token(service: Daemon, slow: str, shown: str | None) -> None:
    job_id = initiate(service, slow)["job_id"]
    headers = {} if shown is None else {"Authorization": f"Bearer {shown}"}
    with pytest.raises(InvalidStatus) as refused:
        watched(service, job_id, additional_headers=headers)
    assert refused.value.response.status_code == 401


def test_a_page_shows_its_token_as_a_subprotocol(service: Daemon, slow: str) -> None:
    job_id = initiate(service, slow)["job_id"]
    offered = [Subprotocol("argosy"), Subprotocol(f"argosy.bearer.{service.token}")]
    with watched(service, job_id, additional_headers={}, subprotocols=offered) as connection:
        assert connection.subprotocol == "argosy"
        assert json.loads(connection.recv(timeout=10))["job_id"] == job_id


def test_a_page_of_another_site_does_not_get_in(service: Daemon, slow: str) -> None:
    job_id = initiate(service, slow)["job_id"]
    headers = {"Authorization": f"Bearer {service.token}", "Origin": "https://evil.example"}
    with pytest.raises(InvalidStatus) as refused:
        watched(service, job_id, additional_headers=headers)
    assert refused.value.response.status_code == 403


def test_what_a_client_says_changes_nothing_until_it_says_too_much(service: Daemon, slow: str) -> None:
    job_id = initiate(service, slow)["job_id"]
    with watched(service, job_id) as connection:
        connection.send('{"type":"ping"}')
        assert json.loads(connection.recv(timeout=10))["job_id"] == job_id
        with pytest.raises(ConnectionClosed):
            _chatter(connection)
        assert code_of(connection) == 1008


class Held:
    """A client that takes everything, or nothing any more once ``stuck``."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.stuck = False
        self.closed: int | None = None

    async def receive(self) -> str | bytes | None:
        await asyncio.Event().wait()
        return None

    async def send(self, text: str) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.told.append(json.loads(text))

    async def close(self, code: int, reason: str) -> None:
        self.closed = code


@asynccontextmanager
async def watching(home: Path, socket: Held, *, stall_s: float = 5.0) -> AsyncIterator[Runtime]:
    """A paused job, watched with a heartbeat that does not take its time."""
    settings, clock = config.load(home, {}), SystemClock()
    async with AsyncExitStack() as parts:
        runtime = await parts.enter_async_context(Runtime(settings=settings, directory=home))
        live = await parts.enter_async_context(Live(runtime, clock, heartbeat_s=0.05, stall_s=stall_s))
        downloads = await parts.enter_async_context(Downloads(runtime, settings, Secrets("t", b"k"), clock))
        job = await runtime.add("http://127.0.0.1:1/x", paused=True)
        line = parts.enter_context(live.connected("job"))
        watch = Watch(
            job.id, live, line, socket, downloads.views, downloads.results, runtime.live_progress,
            lambda: Links(b"k", "http://x", clock.epoch(), 60), clock.steady,
        )  # fmt: skip
        running = asyncio.create_task(watch.run())
        yield runtime
        running.cancel()
        await asyncio.wait([running])


async def test_a_job_that_rests_is_told_of_now_and_then(tmp_path: Path) -> None:
    client = Held()
    async with watching(tmp_path, client):
        await until_async(lambda: len(client.told) >= 4)
    assert {message["type"] for message in client.told} == {"progress"}
    assert {message["status"] for message in client.told} == {"paused"}
    assert ["snapshot" in message for message in client.told[:2]] == [True, False]


async def test_a_client_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    client = Held()
    async with watching(tmp_path, client, stall_s=0.1):
        await until_async(lambda: client.told)
        client.stuck = True
        await until_async(lambda: client.closed == 1013)


def _chatter(connection: ClientConnection) -> None:
    for _ in range(10_000):
        connection.send("x" * 1000)
