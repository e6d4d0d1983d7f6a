"""wget as an engine: the contract of every engine, and what is special about a program."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from argosy import Request, Runtime
from argosy.core.lifecycle import Stop
from argosy.core.types import FileState, Status, TransferOptions
from argosy.destinations.flusher import Flusher
from argosy.destinations.local import LocalDestination
from argosy.engines.child import end_orphan, started
from argosy.engines.port import Cancelled
from argosy.engines.wget.command import settings, words
from argosy.engines.wget.engine import WgetEngine
from argosy.engines.wget.report import failure_of
from argosy.errors import ArgosyError, BadResponse, UsageError
from argosy.testing.engine_contract import EngineContract, RecordingDesk, Subject
from argosy.testing.faults import ChunkedUnfinished, Cut
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

CONTENT = bytes(range(256)) * 4096
TASK = "c" * 32


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
async def destination(tmp_path: Path) -> AsyncIterator[LocalDestination]:
    executor = ThreadPoolExecutor(2)
    yield LocalDestination(str(tmp_path / "downloads"), flusher=Flusher(executor), executor=executor)
    executor.shutdown()


class TestWgetEngine(EngineContract):
    @pytest.fixture
    def subject(self, server: FaultyServer) -> Subject:
        return Subject(WgetEngine(), server.add("/a.bin", CONTENT), CONTENT)


async def cut(server_url: str, destination: LocalDestination) -> FileState:
    """Return what is recorded of a transfer that was paused on its way."""
    desk = RecordingDesk(destination, TransferOptions(), stop_after=1, limit_bps=256 * 1024)
    with pytest.raises(Cancelled):
        await WgetEngine().fetch(FileState(TASK, 0, (server_url,)), TransferOptions(), desk)
    desk.close()
    assert 0 < desk.states[-1].received < len(CONTENT)
    return await destination.adopt(desk.states[-1])


async def test_a_file_that_changed_meanwhile_is_fetched_anew_and_never_spliced(
    server: FaultyServer, destination: LocalDestination
) -> None:
    url = server.add("/a.bin", CONTENT)
    left = await cut(url, destination)
    other = bytes(reversed(CONTENT))
    server.replace("/a.bin", other)
    desk = RecordingDesk(destination, TransferOptions())
    fetched = await WgetEngine().fetch(left, TransferOptions(), desk)
    assert desk.parts[-1].read(0, len(other) + 1) == other
    assert fetched.received == len(other)
    assert desk.warnings == ["restarted"]
    desk.close()


async def test_going_on_asks_only_for_what_is_missing(server: FaultyServer, destination: LocalDestination) -> None:
    url = server.add("/a.bin", CONTENT)
    left = await cut(url, destination)
    desk = RecordingDesk(destination, TransferOptions())
    await WgetEngine().fetch(left, TransferOptions(), desk)
    assert desk.parts[-1].read(0, len(CONTENT) + 1) == CONTENT
    assert server.requests[-1].range == f"bytes={left.received}-"
    assert desk.warnings == []
    desk.close()


@pytest.mark.parametrize(
    ("options", "needle"),
    [
        (TransferOptions(user="name:s3cret"), "s3cret"),
        (TransferOptions(headers=(("X-Key", "s3cret"),)), "s3cret"),
        (TransferOptions(cookie="a=s3cret"), "s3cret"),
    ],
)
async def test_no_secret_is_among_the_words_that_ps_shows(
    server: FaultyServer, destination: LocalDestination, options: TransferOptions, needle: str
) -> None:
    assert needle in settings(options, if_range=None)
    url = server.add("/a.bin", CONTENT)
    desk = RecordingDesk(destination, options, limit_bps=64 * 1024)
    fetching = asyncio.create_task(WgetEngine().fetch(FileState(TASK, 0, (url + "?" + needle,)), options, desk))
    try:
        await until(lambda: any("--input-file=-" in line for line in _processes()))
        assert needle not in "".join(line for line in _processes() if "--input-file=-" in line)
    finally:
        desk.cancel.set(Stop.CANCEL)
        await asyncio.gather(fetching, return_exceptions=True)
        desk.close()


def _processes() -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def test_a_line_break_in_a_header_is_refused() -> None:
    with pytest.raises(UsageError):
        settings(TransferOptions(headers=(("A", "b\nexecute = x"),)), if_range=None)


def test_the_words_hold_no_url() -> None:
    assert words(7, 5)[0] == "wget"
    assert not any("://" in word for word in words(7, 5))


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 8, -9])
def test_every_exit_code_is_an_error_that_says_what_wget_said(code: int) -> None:
    error = failure_of(code, "what it said")
    assert isinstance(error, ArgosyError)
    assert "wget" in error.message or "server" in error.message


async def test_a_web_page_instead_of_the_file_is_refused(server: FaultyServer, destination: LocalDestination) -> None:
    url = server.add("/a.zip", b"<html>log in</html>", content_type="text/html")
    desk = RecordingDesk(destination, TransferOptions())
    with pytest.raises(BadResponse, match="web page"):
        await WgetEngine().fetch(FileState(TASK, 0, (url,)), TransferOptions(), desk)
    desk.close()


async def test_a_body_that_ends_early_is_no_success(server: FaultyServer, destination: LocalDestination) -> None:
    url = server.add("/a.bin", CONTENT, faults=[Cut(after_bytes=1000)])
    desk = RecordingDesk(destination, TransferOptions())
    with pytest.raises(ArgosyError):
        await WgetEngine().fetch(FileState(TASK, 0, (url,)), TransferOptions(), desk)
    desk.close()


async def test_a_body_in_chunks_that_ends_early_is_no_success(
    server: FaultyServer, destination: LocalDestination
) -> None:
    url = server.add("/a.bin", CONTENT, faults=[ChunkedUnfinished()])
    desk = RecordingDesk(destination, TransferOptions())
    with pytest.raises(ArgosyError) as failure:
        await WgetEngine().fetch(FileState(TASK, 0, (url,)), TransferOptions(), desk)
    assert failure.value.retryable
    desk.close()


async def test_a_wget_that_is_killed_keeps_what_came_and_another_goes_on(
    server: FaultyServer, destination: LocalDestination
) -> None:
    url = server.add("/a.bin", CONTENT)
    desk = RecordingDesk(destination, TransferOptions(), limit_bps=256 * 1024)
    fetching = asyncio.create_task(WgetEngine().fetch(FileState(TASK, 0, (url,)), TransferOptions(), desk))
    await until(lambda: bool(desk.parts) and len(desk.parts[-1].read(0, 100_000)) == 100_000)
    (wget,) = (pid for pid in _children(os.getpid()) if b"--input-file=-" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(wget, signal.SIGKILL)
    with pytest.raises(ArgosyError) as failure:
        await fetching
    assert failure.value.retryable
    left = await destination.adopt(desk.states[-1])
    assert left.received >= 100_000
    desk.close()
    desk = RecordingDesk(destination, TransferOptions())
    await WgetEngine().fetch(left, TransferOptions(), desk)
    assert desk.parts[-1].read(0, len(CONTENT) + 1) == CONTENT
    assert server.requests[-1].range == f"bytes={left.received}-"
    desk.close()


CANARY = """#!{python}
import json, os, sys
with open({note!r}, "a") as note:
    note.write(json.dumps([sys.argv[1:], sys.stdin.read()]) + "\\n")
sys.stderr.write("said the canary\\n")
sys.exit(int(os.environ["HOME"]))
"""


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called wget that notes its words and what is on its stdin, and exits as ``HOME`` says."""
    (tmp_path / "bin").mkdir()
    note, program = tmp_path / "note", tmp_path / "bin" / "wget"
    program.write_text(CANARY.format(python=sys.executable, note=str(note)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", "4")
    return note


@pytest.mark.parametrize("code", range(9))
async def test_each_exit_code_of_a_wget_that_brings_nothing_is_a_failure(
    canary: Path, destination: LocalDestination, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setenv("HOME", str(code))
    desk = RecordingDesk(destination, TransferOptions())
    with pytest.raises(ArgosyError, match="said the canary"):
        await WgetEngine().fetch(FileState(TASK, 0, ("http://h/a",)), TransferOptions(), desk)
    desk.close()


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://h/--output-document=x", TransferOptions()), ("http://h/a -O /etc/x", TransferOptions()),
        ("http://h/@/etc/passwd", TransferOptions()), ("http://h/$(touch evil);`touch evil`", TransferOptions()),
        ("http://-O.h/", TransferOptions()), ("http://h/a", TransferOptions(user="-O:--post-file=/etc/passwd")),
        ("http://h/a", TransferOptions(user_agent="--use-askpass=/bin/sh", referer="-i /etc/passwd")),
        ("http://h/a", TransferOptions(headers=(("-O", "--execute=x"),), cookie="--body-file=/etc/passwd")),
    ],
)  # fmt: skip
async def test_nothing_that_somebody_wrote_is_among_the_words_that_wget_gets(
    canary: Path, destination: LocalDestination, url: str, options: TransferOptions
) -> None:
    desk = RecordingDesk(destination, options)
    with pytest.raises(ArgosyError):
        await WgetEngine().fetch(FileState(TASK, 0, (url,)), options, desk)
    desk.close()
    ((argv, stdin),) = [json.loads(line) for line in canary.read_text().splitlines()]
    assert [word.rstrip("0123456789") for word in argv] == [
        "--config=/dev/fd/",
        "--input-file=-",
        "--output-document=-",
    ]
    assert stdin == f"{url}\n"


# -- processes -----------------------------------------------------------------------------------------


def test_an_orphan_is_ended_only_if_it_is_the_process_that_was_noted() -> None:
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        other = json.dumps({"pid": sleeper.pid, "started": "1"})
        assert not end_orphan(other)
        assert sleeper.poll() is None
        assert end_orphan(json.dumps({"pid": sleeper.pid, "started": started(sleeper.pid)}))
        assert sleeper.wait(10) == -signal.SIGKILL
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize("memo", [None, "", "{", "[]", '"x"', '{"pid": 1, "started": "1"}', '{"pid": "1"}'])
def test_a_note_that_makes_no_sense_ends_nobody(memo: str | None) -> None:
    assert not end_orphan(memo)


async def test_a_task_that_names_wget_is_fetched_by_it(server: FaultyServer, tmp_path: Path) -> None:
    url = server.add("/a.bin", CONTENT)
    async with Runtime(tmp_path / "home", directory=tmp_path) as runtime:
        (task,) = await runtime.add_many([Request(url, engine="wget")])
        done = await task
    assert done.status is Status.COMPLETED
    assert task.path.read_bytes() == CONTENT
    assert server.requests[-1].header("accept") is not None


CHILD = """
import asyncio, sys
from argosy import Request, Runtime, TransferOptions
async def main(home, url):
    async with Runtime(home, directory=home) as runtime:
        await runtime.add_many([Request(url, engine="wget", options=TransferOptions(limit_bps=200_000))])
        await runtime.idle()
asyncio.run(main(*sys.argv[1:]))
"""


async def test_after_a_kill_no_wget_is_left_and_the_next_run_goes_on(server: FaultyServer, tmp_path: Path) -> None:
    url = server.add("/a.bin", CONTENT)
    home = tmp_path / "home"
    first = subprocess.Popen([sys.executable, "-c", CHILD, str(home), url], env={**os.environ})
    try:
        await until(lambda: any(part.stat().st_size for part in home.glob(".a.bin.*.part")), 30)
        ours = _children(first.pid)
        assert ours
    finally:
        first.kill()
        first.wait()
    async with Runtime(home, directory=home) as runtime:
        (task,) = await runtime.add_many([Request(url, engine="wget")])
        await task
    assert task.path.read_bytes() == CONTENT
    await until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in ours), 40)


def _children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(folder.name))
    return found
