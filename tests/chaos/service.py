"""Kill the service again and again while it is worked hard, at moments drawn from a seed, and see what it still knows.

Run it long by hand::

    python -m tests.chaos.service --rounds 100 --seed 7

All the time people begin jobs and tasks, each with an ``Idempotency-Key``; two clients listen, one by WebSocket and one to
server-sent events, and come back with their cursor; a receiver is told of every end, and refuses now and then. After each
kill everything that was ever acknowledged is still there under its id. In the end every job is complete and its files are the
server's, byte for byte; no key has made two; each end was told, under one id however often; and each listener has heard
exactly what is in the log, in order.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.service.daemon import Daemon, until
from tests.service.receiver import Receiver, status
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from argosy.testing.faults import Throttle
from argosy.testing.server import Body, FaultyServer

RATE_BPS = 1_500_000
"""Of each connection; slow enough that a kill finds much unfinished."""
SIZES = (0, 1, 10_000, 300_000, 1_500_000, 3_000_000)
AT_ONCE = 20
"""So many jobs may be unfinished before more are begun."""
ADD_S = 0.02
STEP_S = 60.0
BROKEN = (OSError, HTTPException, WebSocketException, json.JSONDecodeError)
"""What a client sees of a service that is killed."""
SETTINGS = {
    "ARGOSY_MAX_RUNNING": "4", "ARGOSY_CONNECTIONS": "2", "ARGOSY_LOG_LEVEL": "error",
    # A task that dies with its process again and again, and brings nothing, is given up. Here it is never its fault.
    "ARGOSY_RETRIES": "1000", "ARGOSY_FILE_RETRIES": "100",
}  # fmt: skip


@dataclass(slots=True)
class Order:
    """Something that was asked for. ``ids``: every id that it was ever acknowledged with."""

    key: str
    path: str
    asked: dict[str, Any]
    files: list[str]
    ids: set[str] = field(default_factory=set)

    @property
    def callback(self) -> str:
        """Where the receiver is told of its end."""
        return f"/{self.key}"


@dataclass(slots=True)
class Tally:
    """What a run came to."""

    kills: int = 0
    orders: int = 0
    told: int = 0
    told_again: int = 0
    heard: int = 0
    problems: list[str] = field(default_factory=list)


class Player(threading.Thread):
    """Does one thing again and again until it is told to stop, whatever becomes of the service."""

    def __init__(self, daemon: Daemon) -> None:
        super().__init__(daemon=True)
        self.service = daemon
        self.stopped = threading.Event()
        self.problems: list[str] = []

    def run(self) -> None:
        while not self.stopped.is_set():
            try:
                self.play()
            except BROKEN:
                self.stopped.wait(0.05)
            except Exception as error:  # noqa: BLE001 - the run must hear of it
                self.problems.append(f"{type(self).__name__}: {error!r}")
                return

    def play(self) -> None:
        raise NotImplementedError


class Customer(Player):
    """Begins jobs and tasks. What was not answered is asked again, with the same key."""

    def __init__(self, daemon: Daemon, arena: Arena, seed: int) -> None:
        super().__init__(daemon)
        self._arena = arena
        self._chance = random.Random(seed)
        self._asking: Order | None = None
        self.orders: list[Order] = []
        self.finished = 0

    def play(self) -> None:
        if len(self.orders) - self.finished >= AT_ONCE:
            self.finished = sum(1 for order in self.orders if self._ended(order))
            self.stopped.wait(ADD_S)
            return
        order = self._asking = self._asking or self._arena.order(self._chance)
        self.ask(order)
        self.orders.append(order)
        self._asking = None
        if self._chance.random() < 0.2:
            self.ask(order)  # as one does whose answer got lost
        self.stopped.wait(ADD_S)

    def ask(self, order: Order) -> None:
        """It has been acknowledged afterwards."""
        answer = self.service.request("POST", order.path, order.asked, {"Idempotency-Key": order.key})
        if answer.status == 503:
            raise ConnectionError("it cannot just now")
        if answer.status not in (200, 202):
            raise AssertionError(f"{order.asked} was answered {answer.status}: {answer.body!r}")
        order.ids.add(answer.json().get("job_id") or answer.json()["id"])

    def _ended(self, order: Order) -> bool:
        return all(self.service.task(each)["status"] == "completed" for each in order.ids)


class Listener(Player):
    """Hears every logged event, and remembers the number of the last."""

    def __init__(self, daemon: Daemon) -> None:
        super().__init__(daemon)
        self.heard: list[int] = []
        self.resets = 0

    @property
    def cursor(self) -> int:
        return self.heard[-1] if self.heard else 0

    def has_come_to(self, seq: int) -> bool:
        return self.cursor >= seq


class OverWebSocket(Listener):
    def play(self) -> None:
        headers = {"Authorization": f"Bearer {self.service.token}"}
        url = f"ws://127.0.0.1:{self.service.port}/ws"
        with connect(url, additional_headers=headers, open_timeout=5, close_timeout=1) as talking:
            talking.send(json.dumps({"type": "subscribe", "after": self.cursor}))
            while not self.stopped.is_set():
                with suppress(TimeoutError):
                    self._hear(json.loads(talking.recv(timeout=0.5)))

    def _hear(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "events":
            self.heard += [event["seq"] for event in frame["events"] if "seq" in event]
        self.resets += frame["type"] == "reset"


class OverStream(Listener):
    def play(self) -> None:
        headers = {"Authorization": f"Bearer {self.service.token}", "Last-Event-ID": str(self.cursor)}
        with closing(self.service.connect(timeout=2.0)) as connection:
            connection.request("GET", "/v1/events", headers=headers)
            answer = connection.getresponse()
            assert answer.status in (200, 503), answer.status
            while not self.stopped.is_set():
                line = answer.readline()
                if not line:
                    return
                self._hear(line.decode().rstrip("\n"))

    def _hear(self, line: str) -> None:
        name, _, value = line.partition(": ")
        if name == "id" and value:
            self.heard.append(int(value))
        self.resets += line == "event: reset"


class Arena:
    """A server with files, a receiver, and a service between them."""

    def __init__(self, server: FaultyServer, receiver: Receiver, folder: Path) -> None:
        home, self.downloads = folder / "home", folder / "downloads"
        home.mkdir(mode=0o700)
        self.downloads.mkdir()
        self.service = Daemon(home, self.downloads, dict(SETTINGS))
        self.receiver = receiver
        self.bodies = {f"{size}.bin": Body.generated(size, seed=size) for size in SIZES}
        self._urls = {
            name: server.add(f"/{name}", body, faults=[Throttle(RATE_BPS)]) for name, body in self.bodies.items()
        }
        self._numbers = iter(range(10**9))

    def order(self, chance: random.Random) -> Order:
        """Return a job of some files, or a task of one."""
        number = next(self._numbers)
        names = chance.sample(sorted(self.bodies), chance.randint(1, 3))
        urls, callback = [self._urls[name] for name in names], self.receiver.url(f"/key-{number}")
        if chance.random() < 0.7:
            asked: dict[str, Any] = {"urls": urls, "callback_url": callback}
            return Order(f"key-{number}", "/v1/download/initiate", asked, names)
        asked = {"source": urls[0], "name": f"{number}.bin", "callback": callback}
        return Order(f"key-{number}", "/v1/tasks", asked, names[:1])

    def missing(self, orders: list[Order]) -> list[str]:
        """Return the ids that the service has forgotten."""
        ids = [each for order in orders for each in order.ids]
        return [each for each in ids if self.service.request("GET", f"/v1/tasks/{each}").status != 200]

    def wrong(self, order: Order) -> list[str]:
        """Return what is not right about what was ordered, now that all is done."""
        if len(order.ids) != 1:
            return [f"{order.key} was acknowledged as {sorted(order.ids)}"]
        (task_id,) = order.ids
        task = self.service.task(task_id)
        if task["status"] != "completed":
            return [f"{order.key} is {task['status']}: {task['error']}"]
        files = self.service.request("GET", f"/v1/tasks/{task_id}/files").json()["files"]
        there = [Path(file["path"] or "missing") for file in files]
        if [_digest(path) for path in there] != [self.bodies[name].hexdigest() for name in order.files]:
            return [f"{order.key}: {[path.name for path in there]} are not the server's {order.files}"]
        return [f"{path} was left behind" for path in there[0].parent.iterdir() if path.name.startswith(".")]


def _digest(path: Path) -> str:
    if not path.exists():
        return "missing"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run(rounds: int, seed: int, folder: Path) -> Tally:
    """Kill ``rounds`` times, then let it finish, and return what was found."""
    chance = random.Random(seed)
    tally = Tally()
    with FaultyServer(send_buffer_bytes=65536) as server, Receiver() as receiver:
        refusing = status(500)
        receiver.reactions = [refusing if chance.random() < 0.2 else receiver.otherwise for _ in range(10_000)]
        arena = Arena(server, receiver, folder)
        arena.service.start()
        customer, listeners = (
            Customer(arena.service, arena, seed),
            [OverWebSocket(arena.service), OverStream(arena.service)],
        )
        players = [customer, *listeners]
        try:
            for player in players:
                player.start()
            for number in range(rounds):
                _kill_sometime(arena, server, customer, chance)
                tally.kills += 1
                tally.problems += [
                    f"round {number}: {each} is forgotten" for each in arena.missing(list(customer.orders))
                ]
            _finish(arena, customer, listeners, tally)
        finally:
            for player in players:
                player.stopped.set()
            for player in players:
                player.join(STEP_S)
            arena.service.clear_away()
    tally.problems += [problem for player in players for problem in player.problems]
    return tally


def _kill_sometime(arena: Arena, server: FaultyServer, customer: Customer, chance: random.Random) -> None:
    """It is killed once the server has sent some more bytes and some more was ordered, and runs again afterwards."""
    goal = server.bytes_sent() + chance.choice([0, 1, 200_000, 1_000_000, chance.randrange(1, 6_000_000)])
    ordered = len(customer.orders) + chance.choice([0, 1, 3, 6, 10])
    until(
        lambda: (
            customer.problems
            or (server.bytes_sent() >= goal and len(customer.orders) >= min(ordered, customer.finished + AT_ONCE))
        ),
        STEP_S,
    )
    arena.service.kill9()
    arena.service.restart()


def _finish(arena: Arena, customer: Customer, listeners: list[Listener], tally: Tally) -> None:
    customer.stopped.set()
    customer.join(STEP_S)
    orders = customer.orders
    _in_time(lambda: all(customer._ended(order) for order in orders), tally, "something is not complete")
    tally.orders = len(orders)
    for order in orders:
        customer.ask(order)  # the key still stands for the same
        tally.problems += arena.wrong(order)
    everybody = {order.callback for order in orders}
    _in_time(
        lambda: everybody <= {message.path for message in list(arena.receiver.messages)},
        tally,
        "not every end was told",
    )
    _hold_messages_against(arena, orders, tally)
    logged = _logged(arena.service)
    for listener in listeners:
        name = type(listener).__name__
        _in_time(partial(listener.has_come_to, logged[-1]), tally, f"{name} does not hear the end")
        tally.heard += len(listener.heard)
        if listener.heard[: len(logged)] != logged or listener.resets:
            missed, twice = sorted(set(logged) - set(listener.heard)), len(listener.heard) - len(set(listener.heard))
            tally.problems.append(
                f"{name} missed {missed[:10]}, heard {twice} twice, was reset {listener.resets} times"
            )


def _in_time(condition: Callable[[], bool], tally: Tally, problem: str) -> None:
    def met() -> bool:
        with suppress(*BROKEN):
            return condition()
        return False

    try:
        until(met, 2 * STEP_S)
    except TimeoutError:
        tally.problems.append(problem)


def _hold_messages_against(arena: Arena, orders: list[Order], tally: Tally) -> None:
    """Each end was told with a good signature, about its task, under one id however often."""
    secret = arena.service.request("GET", "/v1/webhooks/secret").json()["secret"]
    ids: defaultdict[str, list[str]] = defaultdict(list)
    about: dict[str, str] = {order.callback: next(iter(order.ids)) for order in orders}
    for message in list(arena.receiver.messages):
        said = message.verified(secret)
        ids[message.path].append(message.id)
        if (said["type"], said["data"]["id"]) != ("task.completed", about[message.path]):
            tally.problems.append(f"{message.path} was told {said}")
    tally.told = len(ids)
    tally.told_again = sum(len(each) - 1 for each in ids.values())
    tally.problems += [f"{path} was told under {sorted(set(each))}" for path, each in ids.items() if len(set(each)) > 1]


def _logged(service: Daemon) -> list[int]:
    seqs: list[int] = []
    while True:
        page = service.request("GET", f"/v1/log?after={seqs[-1] if seqs else 0}").json()
        seqs += [event["seq"] for event in page["events"]]
        if not page["more"]:
            return seqs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = run(chosen.rounds, chosen.seed, Path(folder))
    print(
        f"seed {chosen.seed}: {tally.kills} kills, {tally.orders} jobs and tasks, {tally.told} ends told "
        f"({tally.told_again} of them again), {tally.heard} events heard"
    )
    for problem in tally.problems:
        print("PROBLEM", problem)
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
