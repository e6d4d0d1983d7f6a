"""A machine without a network: what is in the queue waits for it, and goes on by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from argosy.core.lifecycle import OFFLINE_RECHECK_S, AttemptFailed, Changed, decide
from argosy.core.types import Status
from argosy.errors import NetworkError, Offline
from argosy.runtime.network import has_way_to, offline
from argosy.testing.store_contract import make_task

UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]
ALONE = (
    shutil.which("unshare") is not None
    and subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
)
ISLAND = """
import asyncio, subprocess, sys
from pathlib import Path
from argosy import Request, Runtime, Status
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

def ip(*words):
    subprocess.run(["ip", *words], check=True)

async def main(home):
    ip("link", "set", "lo", "up")
    async with Runtime(home, directory=home) as runtime:
        (task,) = await runtime.add_many([Request("http://10.9.9.9:8080/a.bin", max_retries=0)])
        async def waits():
            now = await task.task()
            return now.status is Status.RETRYING and now.error.code == "offline" and now.attempt == 0
        await until(waits)
        assert (await runtime.why(task.id)).code == "offline"
        ip("addr", "add", "10.9.9.9/32", "dev", "lo")
        with FaultyServer(host="10.9.9.9") as server:
            await runtime.update(task.id, urls=[server.add("/a.bin", b"here")])
            await runtime.start([task.id])
            await task
        print(Path(task.path).read_text())

asyncio.run(main(sys.argv[1]))
"""


NAMES = """
import asyncio, socket, subprocess, sys, threading, time
from argosy import Request, Runtime, Status
from argosy.errors import ArgosyError

def ip(*words):
    subprocess.run(["ip", *words], check=True)

def name_server():
    '''Says of every name that there is none.'''
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 53))
    def answer():
        while True:
            asked, who = listening.recvfrom(4096)
            listening.sendto(asked[:2] + bytes([0x81, 0x83]) + asked[4:6] + bytes(6) + asked[12:], who)
    threading.Thread(target=answer, daemon=True).start()

async def main(home, answers):
    ip("link", "set", "lo", "up")
    ip("route", "add", "default", "dev", "lo")
    if answers:
        name_server()
    async with Runtime(home, directory=home) as runtime:
        (task,) = await runtime.add_many([Request("http://exmaple.test/a.bin", max_retries=50)])
        if answers:
            try:
                await asyncio.wait_for(task, 30)
            except ArgosyError as error:
                print(error.detail_code, (await task.task()).attempt)
        else:
            async with asyncio.timeout(30):
                while (now := await task.task()).status is not Status.RETRYING:
                    await asyncio.sleep(0.01)
            print(now.error.code, now.attempt)

asyncio.run(main(sys.argv[1], sys.argv[2] == "answers"))
"""


@pytest.mark.skipif(not ALONE, reason="no network namespaces here")
@pytest.mark.parametrize(("kind", "said"), [("answers", "unknown_host 2\n"), ("silence", "dns 1\n")])
def test_a_name_that_there_is_not_fails_soon_and_one_that_nobody_could_look_up_is_waited_for(
    tmp_path: Path, kind: str, said: str
) -> None:
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    ran = subprocess.run(
        [*UNSHARE, "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(resolver),
         sys.executable, "-c", NAMES, str(tmp_path), kind], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == said


@pytest.mark.skipif(not ALONE, reason="no network namespaces here")
def test_what_is_in_the_queue_waits_for_the_network_and_spends_no_retry(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*UNSHARE, sys.executable, "-c", ISLAND, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "here\n"


def test_being_offline_costs_no_attempt_and_is_said_once() -> None:
    failure = AttemptFailed(Offline("offline").failure(), 0, 0.5)
    task = make_task(status=Status.RUNNING, owner="me", fence=1, lease_until=10.0, max_retries=0)
    first = decide(task, failure, 100.0)
    assert isinstance(first, Changed)
    assert first.after is not None
    assert (first.after.status, first.after.attempt, first.after.due_at) == (
        Status.RETRYING,
        0,
        100.0 + OFFLINE_RECHECK_S,
    )
    assert len(first.events) == 2
    again = decide(make_task(status=Status.RUNNING, owner="me", fence=1, error=first.after.error), failure, 200.0)
    assert isinstance(again, Changed)
    assert len(again.events) == 1


@pytest.mark.parametrize("host", ["localhost:80", "127.0.0.1:80", "[::1]:80"])
def test_this_machine_itself_is_always_reached(host: str) -> None:
    assert offline(NetworkError("refused", code="connect"), host) is None


def test_a_failure_that_is_no_missing_network_is_none() -> None:
    assert offline(NetworkError("cut", code="incomplete"), "192.0.2.1:80") is None


def test_loopback_is_reached() -> None:
    assert has_way_to("127.0.0.1")
