"""Server-sent events and the log: ids, cursors, filters, and clients that come and go."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from argosy.core.types import Status
from argosy.testing.engine import Play
from argosy.testing.poll import until

from .channel import Channel, channel, stream


@pytest.fixture
def held() -> Play:
    return Play(content=b"x" * 4096, piece=1024, hold=threading.Event())


async def finished(made: Channel, name: str = "file.bin") -> str:
    task_id = await made.add(name)
    await (await made.runtime.handle(task_id)).result()
    return task_id


async def last(made: Channel) -> int:
    return await made.runtime.store.last_seq()


async def both_run(made: Channel) -> bool:
    counts = await made.runtime.counts()
    return counts.get(Status.RUNNING) == 2 and made.live.feed.last == await last(made)


async def page(made: Channel, path: str) -> tuple[int, Any]:
    """Ask for JSON."""
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), json.loads(body)


async def test_a_stream_begins_with_the_tasks_and_goes_on_with_what_happens(tmp_path: Path) -> None:
    async with channel(tmp_path) as made, await stream(made.port) as streamed:
        assert streamed.status == 200
        assert streamed.headers["content-type"].startswith("text/event-stream")
        assert streamed.headers["cache-control"] == "no-store"
        assert streamed.headers["x-accel-buffering"] == "no"
        assert await streamed.block() == {"retry": "2000"}
        snapshot = await streamed.block()
        assert snapshot["event"] == "snapshot"
        assert "id" not in snapshot
        await finished(made)
        end = await last(made)
        assert await streamed.logged(end) == list(range(json.loads(snapshot["data"])["seq"] + 1, end + 1))


async def test_only_logged_events_have_an_id_and_it_is_their_number(tmp_path: Path) -> None:
    play = Play(b"x" * 4000, piece=1000, pause_s=0.1)
    async with channel(tmp_path, play) as made, await stream(made.port) as streamed:
        await made.add()
        seen: set[str] = set()
        while not {"download_progress", "task_status_changed"} <= seen:
            block = await streamed.block()
            if "event" in block:
                seen.add(block["event"])
                number = json.loads(block["data"])["seq"] if block["event"] == "task_status_changed" else None
                assert block.get("id") == (None if number is None else str(number))


async def test_last_event_id_goes_before_after(tmp_path: Path) -> None:
    async with channel(tmp_path) as made:
        await finished(made)
        end = await last(made)
        async with await stream(made.port, "/v1/events?after=1", Last_Event_ID="3") as streamed:
            assert await streamed.logged(end) == list(range(4, end + 1))
        async with await stream(made.port, "/v1/events?after=1") as streamed:
            assert await streamed.logged(end) == list(range(2, end + 1))


async def test_an_id_older_than_the_log_is_answered_with_reset_and_a_snapshot(tmp_path: Path) -> None:
    async with channel(tmp_path) as made:
        await finished(made)
        await made.runtime.store.purge(finished_before=9e12, statuses=frozenset([Status.COMPLETED]), limit=1000)
        end = await last(made)
        made.live.feed._recent.clear()
        made.live.feed.since = made.live.feed.last
        async with await stream(made.port, Last_Event_ID="1") as streamed:
            reset = json.loads((await streamed.block("reset"))["data"])
            assert reset["seq"] == end
            assert json.loads((await streamed.block("snapshot"))["data"])["tasks"] == []
            await finished(made, "next.bin")
            assert (await streamed.logged(end + 1)) == [end + 1]


async def test_an_id_that_is_not_a_number_is_refused_so_that_no_browser_comes_back_with_it(tmp_path: Path) -> None:
    async with channel(tmp_path) as made:
        for wrong in ("x", "-1", "٣", "9" * 30):
            async with await stream(made.port, Last_Event_ID=wrong) as streamed:
                assert streamed.status in {400, 422}
        assert made.live.connections == 0


async def test_a_stream_is_narrowed_by_task_type_and_status(tmp_path: Path, held: Play) -> None:
    async with channel(tmp_path, held) as made:
        one, other = await made.add("one"), await made.add("other")
        await until(lambda: both_run(made))
        narrowed = [
            await stream(made.port, f"/v1/events?task={one}"),
            await stream(made.port, "/v1/events?status=cancelled&snapshot=false"),
            await stream(made.port, "/v1/events?types=runtime_warning&types=task_status_changed"),
            await stream(made.port, f"/v1/tasks/{other}/events", Accept="text/event-stream"),
        ]
        await until(lambda: len(made.live.feed.audience) == 4)
        seen: list[set[tuple[str, str]]] = []
        await made.runtime.cancel([one])
        await made.runtime.cancel([other])
        await until(lambda: not made.runtime._machine.holdings.tasks)
        end = await last(made)
        await until(lambda: made.live.feed.last == end)
        await made.live.farewell()
        for streamed in narrowed:
            seen.append(set())
            async with streamed:
                while (block := await streamed.block()).get("event") != "closing":
                    if block.get("event") == "task_status_changed":
                        payload = json.loads(block["data"])["payload"]
                        seen[-1].add((payload["task_id"], payload["to"]))
        both = {(one, "cancelled"), (other, "cancelled")}
        assert seen == [{(one, "cancelled")}, both, both, {(other, "cancelled")}]


@pytest.mark.parametrize(
    "path",
    ["/v1/events?task=x", "/v1/events?status=nice", "/v1/events?types=x", "/v1/events?after=-1", "/v1/events?limit=0",
     f"/v1/events?text={'x' * 400}", "/v1/log?limit=100000", "/v1/log?task_id=../x"],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(tmp_path: Path, path: str) -> None:
    async with channel(tmp_path) as made:
        assert (await page(made, path))[0] == 422


async def test_a_task_there_is_not_has_no_stream(tmp_path: Path) -> None:
    async with channel(tmp_path) as made:
        status, told = await page(made, f"/v1/tasks/{'0' * 32}/events")
        assert (status, told["code"]) == (404, "unknown_task")
        async with await stream(made.port, f"/v1/tasks/{'0' * 32}/events", Accept="text/event-stream") as streamed:
            assert streamed.status == 404


async def test_the_log_is_read_page_by_page(tmp_path: Path) -> None:
    async with channel(tmp_path) as made:
        one, other = await finished(made, "one"), await finished(made, "other")
        seqs: list[int] = []
        after, more = 0, True
        while more:
            status, told = await page(made, f"/v1/log?limit=3&after={after}")
            assert status == 200
            seqs += [event["seq"] for event in told["events"]]
            after, more = told["seq"], told["more"]
        assert seqs == list(range(1, await last(made) + 1))
        _, told = await page(made, f"/v1/tasks/{other}/events")
        assert {event["payload"]["task_id"] for event in told["events"]} == {other}
        assert not told["more"]
        await made.runtime.remove([one])
        _, told = await page(made, f"/v1/log?task_id={one}")
        assert told["events"][-1]["payload"] == {"task_id": one, "from": "completed", "to": None}
        assert (await page(made, f"/v1/tasks/{one}/events"))[0] == 200


async def test_two_hundred_idle_streams_are_told_and_all_go_at_once(tmp_path: Path) -> None:
    async with channel(tmp_path, heartbeat_s=0.2) as made:
        streams = await asyncio.gather(*(stream(made.port) for _ in range(200)))
        await asyncio.gather(*(streamed.block("snapshot") for streamed in streams))
        assert made.live.kinds == {"sse": 200}
        assert {"": "ping"} in [await streams[7].block() for _ in range(3)]
        await made.add()
        assert {(await streamed.block("task_status_changed"))["id"] for streamed in streams} == {"1"}
        for streamed in streams:
            streamed.writer.transport.abort()
        await until(lambda: made.live.connections == 0 and not len(made.live.feed.audience))


async def test_a_stream_nobody_reads_keeps_nothing_and_holds_up_nobody(tmp_path: Path) -> None:
    async with channel(tmp_path) as made:
        unread = await stream(made.port, "/v1/events?snapshot=false")
        cast(asyncio.Transport, unread.writer.transport).pause_reading()
        async with await stream(made.port) as healthy:
            for number in range(50):
                await made.add(f"{number}.bin")
            end = await last(made)
            assert (await healthy.logged(end))[-1] == end
            assert made.unsent < 200_000
        unread.writer.transport.abort()
        await until(lambda: made.live.connections == 0)
