"""WebSockets: subscriptions, cursors, and what happens to clients that are slow, rude or cut off."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from argosy.core.events import Warned
from argosy.core.types import Status
from argosy.service.description import asyncapi
from argosy.service.live.frame import Closing
from argosy.testing.engine import Play
from argosy.testing.poll import until

from .channel import Channel, channel, frame, logged, say, stream


@pytest.fixture
def held() -> Play:
    """A download that stays at its first piece."""
    return Play(content=b"x" * 4096, piece=1024, hold=threading.Event())


async def last(runtime: Any) -> int:
    number: int = await runtime.store.last_seq()
    return number


async def test_the_first_answer_is_the_tasks_as_they_are_and_then_what_changes(tmp_path: Path, held: Play) -> None:
    async with channel(tmp_path, held) as made, made.talk() as talking:
        task_id = await made.add()
        await until(lambda: made.runtime.live_progress(task_id))
        await say(talking, type="subscribe")
        snapshot = await frame(talking)
        assert snapshot["type"] == "snapshot"
        assert [task["id"] for task in snapshot["tasks"]] == [task_id]
        assert snapshot["complete"]
        before = snapshot["seq"]
        await made.runtime.pause([task_id])
        seqs = await logged(talking, await last(made.runtime))
        assert seqs == list(range(before + 1, seqs[-1] + 1))


async def test_what_happens_between_the_snapshot_and_the_first_event_is_not_missed(tmp_path: Path, held: Play) -> None:
    async with channel(tmp_path, held) as made:
        for _ in range(10):
            async with made.talk() as talking:
                adding = asyncio.gather(*(made.add(f"{random.random()}") for _ in range(5)))
                await say(talking, type="subscribe")
                snapshot = await frame(talking, "snapshot")
                known = {task["id"] for task in snapshot["tasks"]}
                added = set(await adding)
                while not added <= known:
                    told = await frame(talking, "events")
                    known |= {event["payload"].get("task_id") for event in told["events"]}


async def test_a_client_that_knows_where_it_was_goes_on_from_there_without_a_snapshot(tmp_path: Path) -> None:
    async with channel(tmp_path) as made:
        (await (await made.runtime.handle(await made.add())).result())
        end = await last(made.runtime)
        async with made.talk() as talking:
            await say(talking, type="subscribe", after=2)
            assert await frame(talking) == {"type": "subscribed", "subscription": "main", "seq": 2}
            assert await logged(talking, end) == list(range(3, end + 1))


async def test_a_cursor_older_than_the_log_is_answered_with_reset_and_a_snapshot(tmp_path: Path) -> None:
    async with channel(tmp_path) as made:
        await (await made.runtime.handle(await made.add())).result()
        await made.runtime.store.purge(finished_before=9e12, statuses=frozenset([Status.COMPLETED]), limit=1000)
        kept = await made.add("kept.bin")
        made.live.feed._recent.clear()
        made.live.feed.since = made.live.feed.last
        async with made.talk() as talking:
            await say(
                talking,
                type="subscribe",
                after=1,
                status=["completed", "pending", "running", "scheduled", "completing"],
            )
            assert (await frame(talking))["type"] == "reset"
            snapshot = await frame(talking)
            assert [task["id"] for task in snapshot["tasks"]] == [kept]
        assert made.live.resets == 1


async def test_a_client_that_is_cut_off_again_and_again_misses_nothing_and_is_told_nothing_twice(
    tmp_path: Path,
) -> None:
    chance = random.Random(4)
    async with channel(tmp_path, Play(content=b"x" * 3000, piece=1000, pause_s=0.002)) as made:

        async def work() -> None:
            for number in range(60):
                await made.add(f"{number}.bin")
                await asyncio.sleep(0.01)

        working = asyncio.create_task(work())
        told: list[int] = []
        cursor = 0
        while not working.done() or cursor < await last(made.runtime):
            talking = await made.talk()
            try:
                await say(talking, type="subscribe", after=cursor)
                async with asyncio.timeout(chance.uniform(0.005, 0.15)):
                    while True:
                        message = json.loads(await talking.recv())
                        if message["type"] == "events":
                            told += [event["seq"] for event in message["events"] if "seq" in event]
                            cursor = message["seq"]
            except TimeoutError:
                talking.transport.abort()
            assert not working.done() or working.exception() is None
        assert told == list(range(1, told[-1] + 1))
        assert told[-1] == await last(made.runtime)


async def test_subscriptions_have_names_and_filters_of_their_own(tmp_path: Path, held: Play) -> None:
    async with channel(tmp_path, held) as made, made.talk() as talking:
        one, other = await made.add("one.bin"), await made.add("other.mp4")
        await say(talking, type="subscribe", subscription="one", tasks=[one])
        await say(talking, type="subscribe", subscription="films", text="MP4", types=["task_status_changed"])
        assert [task["id"] for task in (await frame(talking, "snapshot"))["tasks"]] == [one]
        assert [task["id"] for task in (await frame(talking, "snapshot"))["tasks"]] == [other]
        await made.runtime.cancel([one, other])
        seen: dict[str, set[str]] = {"one": set(), "films": set()}
        while not all(seen.values()):
            told = await frame(talking, "events")
            seen[told["subscription"]] |= {
                event["payload"]["task_id"] for event in told["events"] if event["payload"].get("to") == "cancelled"
            }
        assert seen == {"one": {one}, "films": {other}}
        await say(talking, type="unsubscribe", subscription="one")
        await frame(talking, "unsubscribed")
        assert len(made.live.feed.audience) == 1


async def test_a_filter_by_text_does_not_tell_what_is_secret_in_an_address(tmp_path: Path, held: Play) -> None:
    async with channel(tmp_path, held) as made, made.talk() as talking:
        task_id = await made.add("file.bin?token=opensesame&part=7")
        # A snapshot may miss a task that is just being started; then an event tells it.
        await until(lambda: task_id in made.runtime._machine.holdings.tasks)
        for text, found in (("opensesame", []), ("PART=7", [task_id])):
            await say(talking, type="subscribe", subscription=text, text=text)
            assert [task["id"] for task in (await frame(talking, "snapshot"))["tasks"]] == found
        await made.runtime.cancel([task_id])
        ends = False
        while not ends:
            told = await frame(talking, "events")
            assert told["subscription"] == "PART=7"
            ends = any(event["payload"].get("to") == "cancelled" for event in told["events"])
        await say(talking, type="ping")
        assert (await frame(talking, "pong"))["type"] == "pong"


async def test_a_snapshot_says_when_it_is_not_complete_and_active_tasks_go_first(tmp_path: Path, held: Play) -> None:
    async with channel(tmp_path, held) as made, made.talk() as talking:
        ids = [await made.add(f"{number}.bin") for number in range(8)]
        await until(lambda: len(made.runtime._machine.holdings.tasks) == 4)
        await say(talking, type="subscribe", limit=5)
        snapshot = await frame(talking)
        assert not snapshot["complete"]
        assert len(snapshot["tasks"]) == 5
        assert [task["id"] for task in snapshot["tasks"][:4]] == ids[3::-1]


async def test_a_ping_is_answered_and_heartbeats_say_how_far_everything_was_told(tmp_path: Path) -> None:
    async with channel(tmp_path, heartbeat_s=0.1) as made, made.talk() as talking:
        await say(talking, type="ping", id="here?")
        assert await frame(talking, "pong") == {"type": "pong", "id": "here?"}
        await say(talking, type="subscribe", tasks=["f" * 32])
        await (await made.runtime.handle(await made.add())).result()
        end = await last(made.runtime)
        await until(lambda: made.live.feed.last == end)
        while (await frame(talking, "heartbeat"))["seq"] < end:
            pass


async def test_a_goodbye_comes_before_the_service_stops(tmp_path: Path) -> None:
    async with channel(tmp_path) as made, made.talk() as talking, await stream(made.port) as streamed:
        await say(talking, type="subscribe")
        await frame(talking, "snapshot")
        await streamed.block("snapshot")
        await made.live.farewell(Closing("stopping", "an update", retryable=True))
        closing = await frame(talking)
        assert closing == {"type": "closing", "code": "stopping", "reason": "an update", "retryable": True}
        with pytest.raises(ConnectionClosed) as closed:
            await frame(talking)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "an update")
        assert (await streamed.block())["event"] == "closing"
        with pytest.raises(EOFError):
            await streamed.block()
        assert made.live.connections == 0


async def test_a_client_that_goes_leaves_nothing_behind(tmp_path: Path) -> None:
    async with channel(tmp_path) as made:
        for leave in ("close", "abort"):
            clients = [await made.talk() for _ in range(50)]
            for talking in clients:
                await say(talking, type="subscribe")
                await frame(talking, "snapshot")
            assert made.live.kinds == {"websocket": 50}
            for talking in clients:
                if leave == "close":
                    await talking.close()
                else:
                    talking.transport.abort()
            await until(lambda: made.live.connections == 0 and not len(made.live.feed.audience))


async def test_two_hundred_clients_that_all_come_back_at_once_ask_the_store_a_few_times(
    tmp_path: Path, held: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with channel(tmp_path, held) as made:
        await made.add()
        asked: list[object] = []
        find = made.runtime.store.find

        async def counted(query: Any) -> Any:
            asked.append(query)
            return await find(query)

        monkeypatch.setattr(made.runtime.store, "find", counted)

        async def come() -> int:
            async with made.talk() as talking:
                await say(talking, type="subscribe")
                return len((await frame(talking, "snapshot"))["tasks"])

        assert set(await asyncio.gather(*(come() for _ in range(200)))) == {1}
        assert len(asked) <= 40


# -- rude clients ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        "", "{", "null", "[]", "12", '"subscribe"', "{}", '{"type":"drop table"}', "[" * 30_000, '{"a":' * 10_000,
        '{"type":"subscribe","after":-1}', '{"type":"subscribe","after":1e400}', '{"type":"subscribe","after":"1"}',
        '{"type":"subscribe","tasks":["../../etc/passwd"]}', '{"type":"subscribe","tasks":[1]}',
        '{"type":"subscribe","status":["nice"]}', '{"type":"subscribe","limit":100000}',
        '{"type":"subscribe","subscription":""}', '{"type":"subscribe","surprise":1}',
        '{"type":"ping","id":"' + "x" * 1000 + '"}', b"\x00\xff", "\ud800".encode("utf-16", "surrogatepass"),
        '{"type":"subscribe","host":"' + "h" * 500 + '"}',
        json.dumps({"type": "subscribe", "tasks": [f"{number:032x}" for number in range(1001)]}),
    ],
)  # fmt: skip
async def test_a_message_that_makes_no_sense_is_refused_and_nothing_else_changes(
    tmp_path: Path, message: str | bytes
) -> None:
    async with channel(tmp_path) as made, made.talk() as talking:
        await talking.send(message)
        refused = await frame(talking)
        assert (refused["type"], refused["code"]) == ("error", "bad_frame")
        await say(talking, type="ping")
        assert (await frame(talking))["type"] == "pong"


async def closed_with(talking: ClientConnection) -> int:
    async def to_the_end() -> None:
        while True:
            await frame(talking)

    with pytest.raises(ConnectionClosed) as closed:
        await to_the_end()
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def test_who_goes_on_making_no_sense_is_shown_the_door(tmp_path: Path) -> None:
    async with channel(tmp_path) as made, made.talk() as talking:
        for _ in range(20):
            await talking.send("{")
        assert await closed_with(talking) == 1008


async def test_who_sends_without_end_is_shown_the_door(tmp_path: Path) -> None:
    async with channel(tmp_path) as made, made.talk() as talking:
        for _ in range(400):
            await say(talking, type="ping")
        assert await closed_with(talking) == 1008


async def test_only_so_many_subscriptions_are_kept(tmp_path: Path) -> None:
    async with channel(tmp_path) as made, made.talk() as talking:
        for number in range(33):
            await say(talking, type="subscribe", subscription=str(number), snapshot=False)
        assert (await frame(talking, "error"))["code"] == "too_many"
        assert len(made.live.feed.audience) == 32


async def test_a_message_in_two_fragments_is_one_message(tmp_path: Path) -> None:
    async with channel(tmp_path) as made, made.talk() as talking:
        await talking.send(iter(['{"type":', '"ping"}']))
        assert (await frame(talking))["type"] == "pong"


@pytest.mark.parametrize("sent", [b"x" * 100_000, "x" * 70_000, ["x" * 60_000, "x" * 60_000], [b""] * 3000])
async def test_a_message_that_is_too_large_ends_the_connection(tmp_path: Path, sent: Any) -> None:
    async with channel(tmp_path) as made, made.talk() as talking:
        with suppress(ConnectionClosed):
            await talking.send(iter(sent) if isinstance(sent, list) else sent)
        assert await closed_with(talking) == 1009
        await until(lambda: made.live.connections == 0)


@dataclass
class Raw:
    """A WebSocket by hand, after its handshake."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    plain: socket.socket

    def transport(self) -> asyncio.Transport:
        return cast(asyncio.Transport, self.writer.transport)


async def raw(made: Channel, *, buffer: int | None = None) -> Raw:
    plain = socket.socket()
    if buffer is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", made.port))
    reader, writer = await asyncio.open_connection(sock=plain, limit=1024)
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{made.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return Raw(reader, writer, plain)


def masked(opcode: int, text: bytes) -> bytes:
    size = bytes((0x80 | len(text),)) if len(text) < 126 else struct.pack("!BH", 0xFE, len(text))
    return bytes((0x80 | opcode,)) + size + bytes(4) + text


async def test_the_head_of_a_frame_of_a_gigabyte_is_enough_to_be_refused(tmp_path: Path) -> None:
    async with channel(tmp_path) as made:
        rude = await raw(made)
        rude.writer.write(struct.pack("!BBQ", 0x81, 0xFF, 1 << 30) + bytes(4))
        assert (await asyncio.wait_for(rude.reader.read(), 10))[2:4] == struct.pack("!H", 1009)
        rude.writer.close()


async def test_who_does_not_read_is_given_up_and_costs_nobody_anything(tmp_path: Path) -> None:
    async with channel(tmp_path, stall_s=0.5, send_buffer=16_384) as made:
        for number in range(20):
            await (await made.runtime.handle(await made.add(f"{number}.bin"))).result()
        stuck = await raw(made, buffer=4096)
        stuck.transport().pause_reading()
        async with made.talk() as healthy:
            await say(healthy, type="subscribe")
            await frame(healthy, "snapshot")
            for turn in range(40):
                asked = {"type": "subscribe", "subscription": str(turn % 8), "status": ["completed"], "limit": 1000}
                stuck.writer.write(masked(1, json.dumps(asked).encode()))
                task_id = await made.add(f"more{turn}.bin")
                while not any(
                    event["payload"].get("task_id") == task_id for event in (await frame(healthy, "events"))["events"]
                ):
                    pass
                assert made.unsent < 200_000
            await until(lambda: made.live.dropped == 1)
            await until(lambda: made.live.connections == 1)
            stuck.plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            stuck.transport().resume_reading()
            await asyncio.wait_for(_until(stuck.reader, struct.pack("!H", 1013) + b"nothing was taken"), 10)
            healthy.transport.abort()  # it has not read all, so its goodbye would wait
        stuck.writer.close()


async def _until(reader: asyncio.StreamReader, text: bytes) -> None:
    """Read until that has come."""
    sent = b""
    while text not in sent:
        piece = await reader.read(65536)
        assert piece, "it ended before that"
        sent = sent[-100:] + piece


async def test_pings_of_who_does_not_read_the_answers_are_not_kept(tmp_path: Path) -> None:
    async with channel(tmp_path) as made:
        rude = await raw(made, buffer=4096)
        rude.transport().pause_reading()
        ping = masked(9, b"p" * 125) * 500
        for _ in range(200):
            rude.writer.write(ping)
            await asyncio.wait_for(rude.writer.drain(), 10)
            assert made.unsent < 200_000
        async with made.talk() as healthy:
            await say(healthy, type="ping")
            assert (await frame(healthy))["type"] == "pong"
        rude.transport().abort()


# -- the description -------------------------------------------------------------------------------------


async def test_every_frame_that_is_sent_is_one_of_those_described(tmp_path: Path) -> None:
    document = asyncapi.document()

    def check(name: str, value: Any) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema_rs.validator_for(schema).validate(value)

    play = Play(b"x" * 3000, piece=1000, pause_s=0.05)
    async with channel(tmp_path, play, heartbeat_s=0.2) as made, made.talk() as talking:
        await say(talking, type="subscribe", after=999)
        await say(talking, type="subscribe", subscription="b", snapshot=False)
        await say(talking, type="unsubscribe", subscription="b")
        await say(talking, type="ping")
        await say(talking, type="nonsense")
        task_id = await made.add()
        await made.runtime.store.log([Warned("odd", "something", task_id)], 0.0)
        seen: set[str] = set()
        wanted = {"reset", "snapshot", "subscribed", "unsubscribed", "pong", "error", "events", "heartbeat"}
        wanted |= {"task_status_changed", "runtime_warning", "download_progress", "download_metrics"}
        while not wanted <= seen:
            message = await frame(talking)
            check(message["type"].capitalize(), message)
            seen.add(message["type"])
            seen |= {event["event"] for event in message.get("events", ())}
        await made.live.farewell()
        check("Closing", await frame(talking, "closing"))
    assert all("$ref" in message["payload"] for message in document["components"]["messages"].values())
    for reference in _references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for member in value.values() for each in _references(member)]
    return [each for member in value for each in _references(member)] if isinstance(value, list) else []
