"""What is done once a task has ended: commands, messages, forgetting."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy import Request, Runtime, config
from argosy.core.types import Status
from argosy.errors import ArgosyError, UsageError
from argosy.runtime.aftermath import FIELDS, filled, wishes
from argosy.runtime.clock import SystemClock
from argosy.runtime.retention import Retention
from argosy.store.memory import MemoryStore
from argosy.store.port import NewTask, Query
from argosy.testing.server import FaultyServer
from argosy.testing.store_contract import make_task

NOTE = "import json, os, sys; open(sys.argv[1], 'a').write(json.dumps([sys.argv[2:], os.environ['ARGOSY_STATUS']]) + '\\n')"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


def settings(home: Path, **values: str) -> config.Config:
    return config.load(home).over(values, "test")


async def run(home: Path, url: str, **values: str) -> Status:
    async with Runtime(settings=settings(home, **values), directory=home / "out") as runtime:
        (task,) = await runtime.add_many([Request(url, max_retries=0)])
        with suppress(ArgosyError):
            await task
        return (await task.task()).status


async def test_a_command_is_run_with_what_it_wants_to_know(server: FaultyServer, tmp_path: Path) -> None:
    note = tmp_path / "note"
    url = server.add("/a $(touch evil) 'b.bin", b"x")
    command = f'{sys.executable} -c "{NOTE}" {note} {{path}} "{{id}} of {{status}}"'
    assert await run(tmp_path, url, on_complete=command) is Status.COMPLETED
    (told,) = [json.loads(line) for line in note.read_text().splitlines()]
    (path, words), status = told
    assert Path(path).read_bytes() == b"x"
    assert words.endswith("of completed")
    assert status == "completed"
    assert not (Path.cwd() / "evil").exists()


async def test_another_is_run_for_what_failed(server: FaultyServer, tmp_path: Path) -> None:
    note = tmp_path / "note"
    command = f'{sys.executable} -c "{NOTE}" {note} "{{error}}"'
    assert await run(tmp_path, server.url("/missing"), on_failure=command) is Status.FAILED
    assert "404" in note.read_text()


@pytest.mark.parametrize(
    "command",
    [
        "/does/not/exist {path}",
        f"{sys.executable} -c 'raise SystemExit(3)'",
        f"{sys.executable} -c 'print(9 * 10**6 * [7])'",
    ],
)
async def test_a_command_that_fails_fails_nothing_else(server: FaultyServer, tmp_path: Path, command: str) -> None:
    assert await run(tmp_path, server.add("/a.bin", b"x"), on_complete=command) is Status.COMPLETED


async def test_people_are_told(server: FaultyServer, tmp_path: Path) -> None:
    told: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as people:
        thread = threading.Thread(target=people.serve_forever, args=(0.01,))
        thread.start()
        await run(tmp_path, server.add("/a.bin", b"x"), notify=f"json://127.0.0.1:{people.server_address[1]}/")
        people.shutdown()
        thread.join()
    assert len(told) == 1
    assert json.loads(told[0])["title"] == "a.bin is here"


@pytest.mark.parametrize("program", ["notify-send", "osascript"])
async def test_the_desktop_is_told_by_a_program_that_gets_words(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    (tmp_path / "bin").mkdir()
    canary, note = tmp_path / "bin" / program, tmp_path / "note"
    canary.write_text(
        f"#!{sys.executable}\nimport json, sys\nopen({str(note)!r}, 'w').write(json.dumps(sys.argv[1:]))\n"
    )
    canary.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    url = server.add("/--icon=x $(touch evil).bin", b"x")
    assert await run(tmp_path, url, notify="desktop") is Status.COMPLETED
    title, body = json.loads(note.read_text())[-2:]
    assert title == "--icon=x $(touch evil).bin is here"
    assert Path(body).read_bytes() == b"x"
    assert not (Path.cwd() / "evil").exists()


async def test_a_machine_without_a_desktop_fails_nothing(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await run(tmp_path, server.add("/a.bin", b"x"), notify="desktop") is Status.COMPLETED


def test_a_command_may_be_a_list_of_words_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('on_complete = ["say", "{name} is here", "it\'s $HOME"]\n')
    loaded = config.load(tmp_path, {})
    assert wishes(loaded["on_complete"], "", "").on_complete == ("say", "{name} is here", "it's $HOME")


def test_a_command_that_cannot_be_split_is_refused() -> None:
    with pytest.raises(UsageError):
        wishes("notify 'x", "", "")


@given(st.fixed_dictionaries({name: st.text() for name in FIELDS}))
def test_what_is_filled_in_is_not_looked_at_again(facts: dict[str, str]) -> None:
    assert filled("a{path}b{name}{other}", facts) == f"a{facts['path']}b{facts['name']}{{other}}".replace("\0", "")


async def test_what_ended_long_ago_is_forgotten() -> None:
    store, now = MemoryStore(), SystemClock().epoch()
    await store.open()
    old = make_task(status=Status.COMPLETED, finished_at=now - 10 * 86_400)
    new = make_task(status=Status.COMPLETED, finished_at=now - 86_400)
    waiting = make_task()
    await store.add([NewTask(old), NewTask(new), NewTask(waiting)])
    assert await Retention(store, SystemClock(), 7).sweep() == 1
    assert {task.id for task in await store.find(Query())} == {new.id, waiting.id}
    await store.close()
