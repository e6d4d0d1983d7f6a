"""The live channels of the real daemon: who may listen, what clients cost, and what survives its death."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from argosy.service.daemon.listener import STALL_MS, listen
from argosy.service.description import asyncapi
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

from .channel import frame, say
from .conftest import BODY
from .daemon import Daemon

COUNT = 300


def talk(service: Daemon) -> connect:
    return connect(f"ws://127.0.0.1:{service.port}/ws", additional_headers={"Authorization": f"Bearer {service.token}"})


def resident_kib(service: Daemon) -> int:
    lines = Path(f"/proc/{service.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


async def subscribed(service: Daemon) -> ClientConnection:
    talking = await talk(service)
    await say(talking, type="subscribe")
    await frame(talking, "snapshot")
    return talking


async def follow(service: Daemon, told: list[int], cursor: int = 0) -> None:
    """Note the number of each event, until the connection ends."""
    async with talk(service) as talking:
        await say(talking, type="subscribe", after=cursor)
        async for message in talking:
            read = json.loads(message)
            if read["type"] == "events":
                told += [event["seq"] for event in read["events"] if "seq" in event]


async def test_who_has_no_token_is_told_nothing(service: Daemon) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{service.port}/ws", additional_headers=headers)
        assert refused.value.response.status_code in {401, 403}
    for path in ("/v1/events", "/v1/log", f"/v1/tasks/{'0' * 32}/events", "/asyncapi.json"):
        assert service.request("GET", path, token=None).status == 401


async def test_the_system_cuts_off_who_takes_nothing_for_minutes(tmp_path: Path) -> None:
    with closing(listen("127.0.0.1", 0, tmp_path / "socket", {})) as listeners:
        listening = listeners.sockets[0]
        with socket.create_connection(listening.getsockname()[:2]), listening.accept()[0] as taken:
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == STALL_MS


async def test_the_description_is_served(service: Daemon) -> None:
    assert service.request("GET", "/asyncapi.json").json() == asyncapi.document()


async def test_a_client_of_a_daemon_that_dies_misses_nothing(service: Daemon, server: FaultyServer) -> None:
    told: list[int] = []
    for turn in range(3):
        seen = len(told)
        following = asyncio.create_task(follow(service, told, told[-1] if told else 0))
        for number in range(4):
            service.add(server.add(f"/{turn}-{number}.bin", BODY))
        await until(partial(_more_than, told, seen))
        service.kill9()
        with suppress(ConnectionClosed):
            await asyncio.wait_for(following, 20)
        service.restart()
    following = asyncio.create_task(follow(service, told, told[-1]))
    await until(lambda: _all_complete(service), 30)
    last = service.request("GET", "/v1/log?limit=1000").json()["seq"]
    await until(lambda: told[-1] == last)
    following.cancel()
    await asyncio.wait([following])  # it says goodbye; cancelled twice it would leave its transport to the collector
    assert told == list(range(1, last + 1))


def _more_than(told: list[int], seen: int) -> bool:
    return len(told) > seen


def _all_complete(service: Daemon) -> bool:
    tasks = service.request("GET", "/v1/tasks").json()["tasks"]
    return {task["status"] for task in tasks} == {"completed"}


async def test_a_daemon_that_is_stopped_says_goodbye_first(service: Daemon, slow: str) -> None:
    async with await subscribed(service) as talking:
        service.add(slow)
        stopping = asyncio.create_task(asyncio.to_thread(service.stop))
        closing = await frame(talking, "closing")
        assert closing["retryable"]
        with pytest.raises(ConnectionClosed) as closed:
            await _to_the_end(talking)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert await stopping == 0


async def _to_the_end(talking: ClientConnection) -> Any:
    while True:
        await talking.recv()


async def test_idle_clients_cost_a_hundred_kilobytes_each_at_most_and_a_storm_of_them_passes(
    service: Daemon, server: FaultyServer
) -> None:
    warm = await subscribed(service)
    before = resident_kib(service)
    for _ in range(3):
        clients = await asyncio.gather(*(subscribed(service) for _ in range(COUNT)))
        assert resident_kib(service) - before < COUNT * 100
        for talking in clients:
            talking.transport.abort()
    task_id = service.add(server.add("/after.bin", BODY))
    events: list[Any] = []
    while not any(event["payload"].get("to") == "completed" for event in events):
        events = (await frame(warm, "events"))["events"]
    assert service.task(task_id)["status"] == "completed"
    await warm.close()
