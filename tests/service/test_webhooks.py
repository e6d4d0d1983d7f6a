"""What happened is told to who wants to know: signed, in order, until it is taken, and to nobody who must not be reached."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, closing
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from argosy import Runtime, config
from argosy.core import webhook
from argosy.core.types import Status
from argosy.runtime.admission import Request
from argosy.service.webhooks.delivery import Delivery
from argosy.service.webhooks.endpoint import OVERLAP_S, UnknownWebhook
from argosy.service.webhooks.webhooks import Webhooks
from argosy.store.memory import MemoryStore
from argosy.testing.clock import FakeClock
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

from .daemon import Daemon
from .daemon import until as becomes
from .receiver import Receiver, status

HOUR_S = 3600.0
KEY = b"k" * 32


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


class World:
    """A runtime that fetches nothing and the part that tells, on a clock that moves when told to. Tasks end as cancelled."""

    def __init__(self, home: Path) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.home = home
        self.outcomes: list[str] = []
        self._parts = AsyncExitStack()

    async def start(self, timeout_s: float = 10.0, **settings: object) -> World:
        chosen = config.load(self.home, {}).with_flags(**{"allow_network": "127.0.0.0/8", **settings})
        runtime = Runtime(self.home, settings=chosen, store=self.store, clock=self.clock, work=False)
        self.runtime = await self._parts.enter_async_context(runtime)
        part = Webhooks(
            runtime, chosen, KEY, self.clock, lambda: lambda file: f"link:{file.index}",
            timeout_s=timeout_s, told=self.outcomes.append,
        )  # fmt: skip
        self.webhooks = await self._parts.enter_async_context(part)
        return self

    async def stop(self) -> None:
        await self._parts.aclose()

    async def subscribe(self, receiver: Receiver, *types: str) -> tuple[str, str]:
        """Return the new endpoint's id and secret."""
        made = await self.webhooks.endpoints.add(receiver.url(), types, "")
        return made.id, made.secrets[0].text

    async def end_a_task(self, callback: str | None = None, task_id: str | None = None) -> str:
        asked = Request(f"https://example.org/{len(await self.store.events())}", paused=True, callback=callback)
        if task_id is None:
            (handle,) = await self.runtime.add_many([asked])
            task_id = handle.id
        else:
            await self.runtime.retry([task_id])
        await self.runtime.cancel([task_id])
        assert (await self.runtime.task(task_id)).status is Status.CANCELLED
        return task_id

    async def log(self, whose: str) -> list[Delivery]:
        return (await self.webhooks.outbox.log(whose))[0]

    async def state(self, whose: str) -> str:
        return (await self.log(whose))[0].state

    async def tried(self, whose: str, times: int) -> None:
        """Return once the newest delivery has been attempted so often."""

        async def enough() -> bool:
            found = await self.log(whose)
            return bool(found) and len(found[0].attempts) >= times

        await until(enough)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = await World(tmp_path).start()
    yield world
    await world.stop()


# -- what is sent ------------------------------------------------------------------------------------


async def test_a_task_that_ends_is_told_signed_to_endpoints_and_to_its_callback(
    world: World, receiver: Receiver
) -> None:
    endpoint, secret = await world.subscribe(receiver)
    task = await world.end_a_task(callback=receiver.url("/mine"))
    await until(lambda: len(receiver.messages) == 2)
    by_path = {message.path: message for message in receiver.messages}
    said = json.loads(by_path["/hook"].body)
    assert (said["type"], said["data"]["id"], said["data"]["job_id"]) == ("task.cancelled", task, task)
    assert (said["data"]["status"], said["data"]["results"][0]["status"]) == ("cancelled", "failed")
    assert said["timestamp"] == "2026-06-01T12:00:00.000Z"
    assert by_path["/mine"].body == by_path["/hook"].body
    assert by_path["/mine"].id != by_path["/hook"].id
    callback_secret = (await world.webhooks.endpoints.callback_secrets())[0].text
    assert callback_secret != secret
    for path, key in (("/hook", secret), ("/mine", callback_secret)):
        message = by_path[path]
        expected = webhook.headers(message.id, int(world.clock.epoch()), message.body, [key])
        assert {name: message.headers[name] for name in expected} == expected
        assert message.headers["content-type"] == "application/json"
    await until(lambda: world.outcomes == ["delivered"] * 2)
    assert await world.state(endpoint) == "delivered"
    assert len(await world.log(task)) == 2


async def test_an_endpoint_is_told_only_of_what_it_wants(world: World, receiver: Receiver) -> None:
    with Receiver() as other:
        await world.subscribe(other, "task.completed", "task.failed")
        await world.subscribe(receiver, "task.cancelled")
        await world.end_a_task()
        await until(lambda: receiver.messages)
        assert other.messages == []


async def test_what_ended_before_anybody_ever_listened_is_not_told(tmp_path: Path, receiver: Receiver) -> None:
    world = World(tmp_path)
    async with Runtime(tmp_path, store=world.store, clock=world.clock, work=False) as runtime:
        (old,) = await runtime.add_many([Request("https://example.org/old", paused=True, callback=receiver.url())])
        await runtime.cancel([old.id])
    await world.start()
    task = await world.end_a_task(callback=receiver.url())
    await until(lambda: receiver.messages)
    assert [json.loads(message.body)["data"]["id"] for message in receiver.messages] == [task]
    await world.stop()


async def test_a_rotated_secret_signs_beside_the_new_one_for_a_day(world: World, receiver: Receiver) -> None:
    endpoint, old = await world.subscribe(receiver)
    new = (await world.webhooks.endpoints.rotate(endpoint)).secrets[0].text
    assert (await world.webhooks.test(endpoint)).state == "delivered"
    world.clock.advance(OVERLAP_S)
    assert (await world.webhooks.test(endpoint)).state == "delivered"
    both, one = receiver.messages
    for message, keys in ((both, [new, old]), (one, [new])):
        at = int(message.headers["webhook-timestamp"])
        assert (
            message.headers["webhook-signature"]
            == webhook.headers(message.id, at, message.body, keys)["webhook-signature"]
        )


# -- what comes back -----------------------------------------------------------------------------------


def redirect(request: BaseHTTPRequestHandler) -> None:
    status(302, Location="/elsewhere")(request)


def hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


@pytest.mark.parametrize(
    "reaction", [status(500), status(404), redirect, hang_up], ids=["500", "404", "302", "hang up"]
)
async def test_whatever_is_not_a_2xx_is_tried_again_with_the_same_id_and_body_and_a_new_time(
    reaction: Callable[[BaseHTTPRequestHandler], None], world: World, receiver: Receiver
) -> None:
    receiver.reactions.append(reaction)
    endpoint, _ = await world.subscribe(receiver)
    await world.end_a_task()
    await world.tried(endpoint, 1)
    assert await world.state(endpoint) == "pending"
    world.clock.advance(4.9)
    assert len(receiver.messages) == 1
    world.clock.advance(1)
    await until(lambda: world.outcomes == ["again", "delivered"])
    first, second = receiver.messages
    assert {message.path for message in receiver.messages} == {"/hook"}
    assert (first.id, first.body) == (second.id, second.body)
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) in (5, 6)


async def test_an_endpoint_that_is_down_for_days_is_tried_by_the_schedule_and_then_given_up(
    world: World, receiver: Receiver
) -> None:
    receiver.otherwise = status(500)
    endpoint, _ = await world.subscribe(receiver)
    await world.end_a_task()
    await world.tried(endpoint, 1)
    for times in range(2, 11):
        waiting = (await world.log(endpoint))[0]
        world.clock.advance(waiting.due_at - world.clock.epoch() + 0.001)
        await world.tried(endpoint, times)
    (given_up,) = await world.log(endpoint)
    assert (given_up.state, given_up.reason) == ("failed", "given_up")
    assert len(set(receiver.ids)) == 1
    gaps = [later.at - earlier.at for earlier, later in pairwise(given_up.attempts)]
    expected = [5, 300, 1800, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S]
    assert all(wait <= gap <= wait * 1.1 + 1 for gap, wait in zip(gaps, expected, strict=True))
    assert world.outcomes[-1] == "given_up"
    receiver.otherwise = status(204)
    world.clock.advance(400)
    await world.webhooks.redeliver(given_up.id)
    await until(lambda: len(receiver.messages) == 11)
    assert receiver.ids[-1] == given_up.id


async def test_an_endpoint_that_is_gone_is_told_nothing_more(world: World, receiver: Receiver) -> None:
    receiver.otherwise = status(410)
    endpoint, _ = await world.subscribe(receiver)
    await world.end_a_task()
    await until(lambda: world.outcomes == ["gone"])

    async def disabled() -> bool:
        return not (await world.webhooks.endpoints.get(endpoint)).enabled

    await until(disabled)
    assert [each.reason for each in await world.log(endpoint)] == ["gone"]
    task = await world.end_a_task(callback=receiver.url("/mine"))
    await until(lambda: len(receiver.messages) == 2)
    assert receiver.messages[1].path == "/mine"
    assert len(await world.log(task)) == 1


@pytest.mark.parametrize(("reaction", "wait_s"), [(status(429, Retry_After="600"), 600.0), (status(502), 5.0)])
async def test_a_busy_endpoint_gets_a_rest_from_everything_for_as_long_as_it_asks(
    reaction: Callable[[BaseHTTPRequestHandler], None], wait_s: float, world: World, receiver: Receiver
) -> None:
    receiver.reactions.append(reaction)
    endpoint, _ = await world.subscribe(receiver)
    await world.end_a_task()
    await world.tried(endpoint, 1)
    await world.end_a_task()

    async def both() -> bool:
        return len(await world.log(endpoint)) == 2

    await until(both)
    world.clock.advance(wait_s - 0.5)
    assert len(receiver.messages) == 1
    world.clock.advance(wait_s * 0.1 + 1)
    await until(lambda: world.outcomes == ["busy", "delivered", "delivered"])


async def test_an_endlessly_slow_answer_costs_a_second_chance_only_if_its_status_did_not_come(
    tmp_path: Path, receiver: Receiver
) -> None:
    def status_then_nothing(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(1 << 30))
        request.end_headers()
        receiver.released.wait(20)

    def nothing(_: BaseHTTPRequestHandler) -> None:
        receiver.released.wait(20)

    world = await World(tmp_path).start(timeout_s=0.3)
    receiver.reactions += [status_then_nothing, nothing]
    endpoint, _ = await world.subscribe(receiver)
    assert (await world.webhooks.test(endpoint)).state == "delivered"
    timed_out = await world.webhooks.test(endpoint)
    assert (timed_out.state, timed_out.attempts[0].status, timed_out.attempts[0].error) == ("failed", None, "timeout")
    await world.stop()


async def test_of_an_answer_of_a_gigabyte_a_kilobyte_is_read_and_none_kept(world: World, receiver: Receiver) -> None:
    sent: list[int] = []

    def gigabyte(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(1 << 30))
        request.end_headers()
        try:
            while sum(sent) < 1 << 30:
                sent.append(request.wfile.write(b"geheim??" * 8192))
        except OSError:
            request.close_connection = True

    receiver.reactions.append(gigabyte)
    endpoint, _ = await world.subscribe(receiver)
    done = await world.webhooks.test(endpoint)
    assert (done.state, done.attempts[0].status) == ("delivered", 200)
    assert sum(sent) < 16 << 20  # what the kernel's buffers hold
    (kept,) = await world.store.records("webhook.delivery", world.clock.epoch())
    assert done.id in kept.value
    assert "geheim" not in kept.value


# -- order, and each for itself --------------------------------------------------------------------------


async def test_messages_about_one_task_keep_their_order_while_others_go_by(world: World, receiver: Receiver) -> None:
    receiver.reactions.append(status(500))
    endpoint, _ = await world.subscribe(receiver)
    task = await world.end_a_task()
    await world.tried(endpoint, 1)
    await world.end_a_task(task_id=task)
    other = await world.end_a_task()
    await until(lambda: len(receiver.messages) == 2)
    assert json.loads(receiver.messages[1].body)["data"]["id"] == other
    for _ in range(2):
        world.clock.advance(6)
        await until(lambda: len(world.outcomes) >= 3)
    world.clock.advance(6)
    await until(lambda: len(receiver.messages) == 4)
    mine = [message for message in receiver.messages if json.loads(message.body)["data"]["id"] == task]
    assert mine[0].id == mine[1].id != mine[2].id
    assert len({message.id for message in mine}) == 2


async def test_an_endpoint_that_hangs_holds_up_nobody_else(world: World, receiver: Receiver) -> None:
    with Receiver() as stuck:

        def hang(_: BaseHTTPRequestHandler) -> None:
            stuck.released.wait(20)

        stuck.otherwise = hang
        await world.subscribe(stuck)
        await world.subscribe(receiver)
        for _ in range(10):
            await world.end_a_task()
        await until(lambda: len(receiver.messages) == 10)
        assert len(stuck.messages) <= 4


async def test_after_three_failures_in_a_row_an_endpoint_is_tried_with_one_message_at_a_time(
    world: World, receiver: Receiver
) -> None:
    receiver.otherwise = status(500)
    endpoint, _ = await world.subscribe(receiver)
    for failures in (1, 2, 3):
        await world.end_a_task()
        await until(lambda failures=failures: world.outcomes.count("again") == failures)  # type: ignore[misc]
    for _ in range(3):
        await world.end_a_task()

    async def all_wait() -> bool:
        return len(await world.log(endpoint)) == 6

    await until(all_wait)
    for attempts in (4, 5):
        world.clock.advance(11)
        await until(lambda attempts=attempts: world.outcomes.count("again") == attempts)  # type: ignore[misc]
        with Receiver() as other:  # what has gone that way and back has given the others every chance
            task = await world.end_a_task(callback=other.url())
            await until(lambda other=other: other.messages)  # type: ignore[misc]
        assert len(receiver.messages) == attempts
        assert json.loads(other.messages[0].body)["data"]["id"] == task


# -- where nothing is sent ---------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0.0.0.0"])
async def test_a_closed_address_is_told_nothing(host: str, tmp_path: Path, receiver: Receiver) -> None:
    world = await World(tmp_path).start(allow_network="")
    port = receiver.url("").rpartition(":")[2]
    task = await world.end_a_task(callback=f"http://{host}:{port}/hook")
    await until(lambda: world.outcomes == ["hopeless"])
    (refused,) = await world.log(task)
    assert (refused.state, refused.reason, refused.attempts[0].error) == ("failed", "hopeless", "address")
    assert receiver.messages == []
    await world.stop()


async def test_what_a_proxy_says_is_not_taken_for_the_answer(tmp_path: Path) -> None:
    said: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.readline())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        world = await World(tmp_path).start(proxy=f"http://127.0.0.1:{port}")
        tunnelled = await world.webhooks.endpoints.add("https://127.0.0.1:9/", (), "")
        broken = await world.webhooks.test(tunnelled.id)
        assert (broken.state, broken.attempts[0].status) == ("failed", None)
        assert said == [b"CONNECT 127.0.0.1:9 HTTP/1.1\r\n"]
        await world.stop()


async def test_a_callback_that_is_no_url_is_passed_over(world: World, receiver: Receiver) -> None:
    for bad in ("file:///etc/passwd", "http://", "http://h:99999999/", "gopher://127.0.0.1/", "http://a b/"):
        await world.end_a_task(callback=bad)
    task = await world.end_a_task(callback=receiver.url())
    await until(lambda: receiver.messages)
    assert json.loads(receiver.messages[0].body)["data"]["id"] == task


async def test_what_was_to_be_told_to_a_removed_endpoint_is_dropped(world: World, receiver: Receiver) -> None:
    receiver.reactions.append(status(500))
    endpoint, _ = await world.subscribe(receiver)
    task = await world.end_a_task()
    await world.tried(endpoint, 1)
    await world.webhooks.endpoints.remove(endpoint)
    world.clock.advance(6)

    async def over() -> bool:
        return [each.reason for each in await world.log(task)] == ["removed"]

    await until(over)
    assert len(receiver.messages) == 1
    with pytest.raises(UnknownWebhook):
        await world.webhooks.endpoints.get(endpoint)


# -- the daemon ----------------------------------------------------------------------------------------------


def made(service: Daemon, url: str, **more: object) -> Any:
    answer = service.request("POST", "/v1/webhooks", {"url": url, **more})
    assert answer.status == 201, answer.body
    return answer.json()


def deliveries(service: Daemon, whose: str) -> list[Any]:
    answer = service.request("GET", f"{whose}/deliveries")
    assert answer.status == 200, answer.body
    found: list[Any] = answer.json()["deliveries"]
    return found


def test_the_reference_library_finds_every_message_good(
    service: Daemon, server: FaultyServer, receiver: Receiver
) -> None:
    endpoint = made(service, receiver.url())
    shared = service.request("GET", "/v1/webhooks/secret").json()["secret"]
    task = service.add(server.add("/a.bin", b"x" * 1000), callback=receiver.url("/mine"))
    becomes(lambda: len(receiver.messages) == 2)
    keys = {"/hook": endpoint["secret"], "/mine": shared}
    for message in receiver.messages:
        said = message.verified(keys[message.path])
        assert (said["type"], said["data"]["id"], said["data"]["percent"]) == ("task.completed", task, 100.0)
        (result,) = said["data"]["results"]
        assert result["download_url"].startswith(service.url)
    path = json.loads(receiver.messages[0].body)["data"]["results"][0]["download_url"].removeprefix(service.url)
    assert service.request("GET", path, token=None).body == b"x" * 1000
    becomes(lambda: [each["state"] for each in deliveries(service, f"/v1/tasks/{task}")] == ["delivered"] * 2)


def test_after_kill_9_between_two_attempts_the_message_comes_once_more_under_the_same_id(
    daemons: Callable[..., Daemon], server: FaultyServer, receiver: Receiver
) -> None:
    service = daemons(ARGOSY_WEBHOOK_SCHEDULE="0s 2s 2s").start()
    receiver.reactions.append(status(500))
    endpoint = made(service, receiver.url())
    task = service.add(server.add("/a.bin", b"x"))
    becomes(lambda: receiver.messages)
    becomes(lambda: [len(each["attempts"]) for each in deliveries(service, f"/v1/tasks/{task}")] == [1])
    service.kill9()
    service.restart()
    becomes(lambda: len(receiver.messages) == 2)
    assert len(set(receiver.ids)) == 1
    assert receiver.messages[1].verified(endpoint["secret"])["data"]["id"] == task
    becomes(lambda: [each["state"] for each in deliveries(service, f"/v1/tasks/{task}")] == ["delivered"])
    assert len(receiver.messages) == 2


def test_what_ended_while_nobody_told_is_told_at_the_next_start(
    daemons: Callable[..., Daemon], server: FaultyServer, receiver: Receiver
) -> None:
    service = daemons().start()
    made(service, receiver.url())
    service.stop()
    added = service.launch("get", server.add("/a.bin", b"x"))
    added.communicate(timeout=30)
    assert receiver.messages == []
    service.restart()
    becomes(lambda: len(receiver.messages) == 1)
    assert json.loads(receiver.messages[0].body)["type"] == "task.completed"


def test_a_secret_is_shown_once_and_is_in_no_log(service: Daemon, receiver: Receiver) -> None:
    url = receiver.url("/hook?token=geheim1").replace("http://", "http://user:geheim2@")
    endpoint = made(service, url, types=["task.failed"], description="one")
    place = f"/v1/webhooks/{endpoint['id']}"
    rotated = service.request("POST", f"{place}/rotate").json()
    assert rotated["secret"] != endpoint["secret"]
    tested = service.request("POST", f"{place}/test").json()
    assert (tested["state"], tested["attempts"][0]["status"]) == ("delivered", 204)
    said = receiver.messages[0].verified(endpoint["secret"])
    assert (said, receiver.messages[0].verified(rotated["secret"])["type"]) == (said, "webhook.test")
    assert receiver.messages[0].headers["authorization"].startswith("Basic ")
    shown = b"".join(
        service.request(method, path, body).body
        for method, path, body in (
            ("GET", "/v1/webhooks", None), ("GET", place, None), ("PATCH", place, {"description": "two"}),
            ("GET", f"{place}/deliveries", None), ("POST", "/v1/webhooks", {"url": "geheim1://x"}),
            ("POST", "/v1/webhooks", {"url": "http://geheim2 /"}),
        )
    )  # fmt: skip
    assert b"two" in shown
    service.stop()
    logged = b"".join(path.read_bytes() for path in service.home.rglob("*.log*"))
    for secret in (endpoint["secret"], rotated["secret"], "geheim1", "geheim2"):
        assert secret.encode() not in shown
        assert secret.encode() not in logged
        assert secret not in "".join(service.errors)


def test_endpoints_are_changed_and_removed_by_admins_alone(service: Daemon, receiver: Receiver) -> None:
    place = f"/v1/webhooks/{made(service, receiver.url())['id']}"
    reader = service.request("POST", "/v1/tokens", {"name": "r", "scope": "write"}).json()["token"]
    asked = (
        ("POST", "/v1/webhooks"), ("PATCH", place), ("DELETE", place), ("POST", f"{place}/rotate"), ("POST", f"{place}/test"),
        ("GET", "/v1/webhooks/secret"), ("POST", "/v1/webhooks/secret/rotate"), ("POST", "/v1/webhooks/deliveries/x/redeliver"),
    )  # fmt: skip
    for method, path in asked:
        assert service.request(method, path, {} if method == "PATCH" else None, token=reader).status == 403, path
    assert service.request("GET", place, token=reader).status == 200
    changed = service.request("PATCH", place, {"enabled": False, "types": ["task.failed", "task.failed"]}).json()
    assert (changed["enabled"], changed["types"]) == (False, ["task.failed"])
    assert service.request("PATCH", place, {"enabled": "maybe"}).status == 422
    assert service.request("DELETE", place).status == 204
    assert [service.request(method, place).status for method in ("DELETE", "GET")] == [404, 404]
    assert service.request("POST", "/v1/webhooks/deliveries/msg_x/redeliver").status == 404


@pytest.mark.parametrize(
    "url",
    ["ftp://h/", "javascript:alert(1)", "//h/x", "http:///x", "http://h:0/", "http://h:x/", "x" * 3000, "http://h/\n"],
)
def test_what_is_no_address_is_refused(url: str, world_free: Daemon) -> None:
    assert world_free.request("POST", "/v1/webhooks", {"url": url}).status == 422


@pytest.fixture(scope="module")
def world_free(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for questions that change nothing."""
    home, folder = (tmp_path_factory.mktemp(name) for name in ("home", "downloads"))
    daemon = Daemon(home, folder).start()
    yield daemon
    daemon.stop()


def test_the_store_that_holds_the_secrets_is_private(service: Daemon, receiver: Receiver) -> None:
    endpoint = made(service, receiver.url())
    database = service.home / "argosy.db"
    assert database.stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        kept = db.execute("SELECT value FROM records WHERE kind = 'webhook.endpoint'").fetchall()
    assert endpoint["secret"] in kept[0][0]
