"""A secret that goes in comes out nowhere but where it must: in the requests it was given for."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from argosy import Runtime, TransferOptions
from argosy.core.events import payload
from argosy.errors import ArgosyError
from argosy.testing.faults import Status
from argosy.testing.server import FaultyServer

SOURCE = Path(__file__).parents[2] / "src"
CANARY = "canary7d20"
BODY = bytes(range(256)) * 400


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def nobody() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def with_secrets(url: str) -> str:
    return url.replace("://", f"://me:{CANARY}@") + f"?part=1&X-Amz-Signature={CANARY}"


class Told:
    """Runs commands and gathers all that they say."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.folder = folder / "out"
        self.home.mkdir()
        self.folder.mkdir()
        self.said: list[str] = []

    def run(self, *words: str) -> str:
        kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
        ran = subprocess.run(
            [sys.executable, "-m", "argosy", *words], cwd=self.folder, text=True, capture_output=True, timeout=60,
            check=False, env={**kept, "ARGOSY_HOME": str(self.home), "HOME": str(self.home), "PYTHONPATH": str(SOURCE),
                              "ARGOSY_LOG_LEVEL": "debug"},
        )  # fmt: skip
        self.said += [f"$ {words[0]}", ran.stdout, ran.stderr]
        return ran.stdout


SECRETS = ("-H", f"Authorization: Bearer {CANARY}", "-H", f"X-Api-Key: {CANARY}", "-b", f"sid={CANARY}",
           "-u", f"me:{CANARY}")  # fmt: skip


def assert_nothing_leaked(told: Told) -> None:
    for said in told.said:
        assert CANARY not in said, said
    kept = [path for path in (*told.home.rglob("*"), *told.folder.rglob("*")) if path.is_file()]
    assert any(path.suffix == ".log" for path in kept)
    for path in kept:
        assert CANARY not in str(path)
        if path.name.startswith("argosy.db"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        else:
            assert CANARY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("manner", [("--json",), ("-vv",), ("--json", "-vv")])
def test_a_secret_is_in_no_output_log_or_file_but_the_database(
    server: FaultyServer, tmp_path: Path, manner: tuple[str, ...]
) -> None:
    told = Told(tmp_path)
    good = with_secrets(server.add("/good.bin", BODY))
    gone = with_secrets(server.url("/gone.bin"))
    refused = with_secrets(server.add("/refused.bin", BODY, faults=[Status(401)]))
    proxy = f"http://me:{CANARY}@127.0.0.1:{nobody()}"
    told.run("get", good, *SECRETS, *manner)
    told.run("get", gone, refused, *SECRETS, *manner)
    told.run("get", good.replace("good", "through-proxy"), "--proxy", proxy, "--retries", "0", *manner)
    told.run("get", good + " with space", *manner)
    told.run("get", "nothing" + good, *manner)
    told.run("add", with_secrets(server.url("/later.bin")), *SECRETS, *manner)
    ids = [task["id"] for task in _tasks(told.run("history", "--json")) + _tasks(told.run("ls", "--json"))]
    assert len(ids) >= 4
    for task_id in ids:
        told.run("show", task_id, *manner)
        told.run("why", task_id, *manner)
    told.run("ls", *manner)
    assert any(CANARY in str(record.request) for record in server.requests)
    assert_nothing_leaked(told)


def _tasks(out: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for line in out.splitlines():
        document = json.loads(line)
        found += document.get("tasks", [document] if "id" in document else [])
    return found


async def test_a_secret_is_in_no_event_error_or_repr(server: FaultyServer, tmp_path: Path) -> None:
    options = TransferOptions(
        headers=(("Authorization", f"Bearer {CANARY}"),), cookie=f"a={CANARY}", user=f"u:{CANARY}",
        sidecar=with_secrets(server.url("/SHA256SUMS")),
    )  # fmt: skip
    said: list[str] = []
    async with Runtime(tmp_path / "home", directory=tmp_path / "out") as runtime:
        for urls in (with_secrets(server.add("/a.bin", BODY)), [with_secrets(server.url(f"/{i}.bin")) for i in "123"]):
            task = await runtime.add(urls, options=options, max_retries=0)
            said += [repr(task), repr(replace(options, sidecar=None, proxy=f"http://u:{CANARY}@h"))]
            with pytest.raises(ArgosyError) as caught:
                await task
            said += [str(caught.value), repr(caught.value), caught.value.hint, repr(await runtime.task(task.id))]
            said += [str(await runtime.why(task.id)), repr(task.path)]
        said += [str(payload(event.event)) for event in await runtime.events()]
    assert len(said) > 10
    for text in said:
        assert CANARY not in text
