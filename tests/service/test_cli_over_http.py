"""Every verb of the command, asked of a daemon: by its Unix socket, by its address with a token, and without one."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.warm import started

from argosy.testing.faults import Throttle
from argosy.testing.server import FaultyServer

from .daemon import Daemon, until

BODY = bytes(range(256)) * 400
MD5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
THROTTLED = Throttle(30_000)
"""It takes a second or so."""
LONGEST_S = 60.0
NEVER = "http://127.0.0.1:9/never"
VARIES = frozenset(
    {
        "id",
        "number",
        "version",
        "created_at",
        "updated_at",
        "started_at",
        "finished_at",
        "due_at",
        "source",
        "name",
        "url",
    }
)
"""Members of a task that two twins differ in."""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(self.out)
        return shown


@dataclass
class Argosy:
    """Runs the command as the person whose daemon it is, from the daemon's download folder; or with a ``home`` of its own,
    from there.
    """

    daemon: Daemon
    extra: dict[str, str] = field(default_factory=dict)
    home: Path | None = None
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen[str]:
        home = {"ARGOSY_HOME": str(self.home), "HOME": str(self.home)} if self.home else {}
        environment = {name: text for name, text in self.daemon.environment.items() if name != "ARGOSY_DIRECTORY"}
        process = started(words, folder=self.home or self.daemon.folder, environ={**environment, **home, **self.extra})
        self.running.append(process)
        return process

    def __call__(self, *words: str, stdin: str = "") -> Ran:
        return ended(self.start(*words), stdin)

    def id_of(self, *words: str) -> str:
        """Add what the words say; return its id."""
        ran = self("add", *words)
        assert ran.code == 0, ran.err
        return ran.out.strip()

    def task(self, task_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self("show", task_id, "--json").document["tasks"][0]
        return found

    def stop(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.communicate()


def ended(process: subprocess.Popen[str], stdin: str | None = None) -> Ran:
    out, err = process.communicate(stdin, timeout=LONGEST_S)
    return Ran(process.returncode, out, err)


def by_socket(daemon: Daemon) -> dict[str, str]:
    return {}


def by_address(daemon: Daemon) -> dict[str, str]:
    return {"ARGOSY_URL": daemon.url, "ARGOSY_TOKEN": daemon.token}


@pytest.fixture(params=[by_socket, by_address])
def argosy(request: pytest.FixtureRequest, service: Daemon) -> Iterator[Argosy]:
    command = Argosy(service, request.param(service))
    yield command
    command.stop()


@pytest.fixture
def near(service: Daemon) -> Iterator[Argosy]:
    """The command as it finds the daemon by itself."""
    command = Argosy(service)
    yield command
    command.stop()


@pytest.fixture
def far(daemons: Callable[..., Daemon], tmp_path: Path) -> Iterator[Argosy]:
    """The command of somebody on another machine, so to speak: with a home in which no daemon runs."""
    home = tmp_path / "far"
    home.mkdir(mode=0o700)
    command = Argosy(daemons().start(), home=home)
    yield command
    command.stop()


def without(task: Mapping[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in task.items() if name not in left_out}


# -- the same either way -------------------------------------------------------------------------------

LOOKS = (
    "ls", "ls -a", "ls -a -n 2", "ls done", "ls --status failed --status paused", "ls --ids",
    "show {completed} {paused} {many} {failed} {cancelled}", "show {many} --files", "show ffffffffffff", "show zz",
    "why {failed} {paused}", "why", "wait {completed} {paused}", "wait {failed}", "history", "history -n 1",
    "history {completed}", "history --status failed", "limits", "verify {completed}", "verify {failed}",
    "pause {completed}", "resume {completed}", "pause {paused}", "cancel {cancelled}",
)  # fmt: skip


@pytest.fixture
def at_rest(near: Argosy, server: FaultyServer) -> dict[str, str]:
    """A task of each kind that nothing happens to."""
    ids = {
        "completed": near.id_of(server.add("/done.bin", BODY), "-o", "sub/done.bin", "--checksum", "md5:" + MD5),
        "failed": near.id_of(server.url("/none")),
        "paused": near.id_of(NEVER + "?token=secret", "--paused", "--limit", "1M", "-k", "-p", "3"),
        "many": near.id_of("--paused", "--together", NEVER, NEVER + "2"),
        "cancelled": near.id_of(NEVER + "3", "--paused"),
    }
    assert near("cancel", ids["cancelled"]).code == 0
    near("wait", ids["completed"], ids["failed"])
    return ids


def test_a_verb_prints_the_same_through_the_daemon_as_from_the_store(near: Argosy, at_rest: dict[str, str]) -> None:
    far = Argosy(near.daemon, by_address(near.daemon))
    for look in LOOKS:
        words = look.format(**at_rest).split()
        looked = near(*words, "--local", "--json")
        for asked in (near(*words, "--json"), far(*words, "--json")):
            assert (look, asked.code, asked.out, asked.err) == (look, looked.code, looked.out, looked.err)
        assert "secret" not in looked.out
    for look in ("ls -a", "show {completed} {many} {failed}", "history", "wait {completed}", "pause {paused}"):
        words = look.format(**at_rest).split()
        assert near(*words) == near(*words, "--local")


@pytest.fixture
def closed(argosy: Argosy) -> Argosy:
    """Nothing starts: the window for downloads opens in half a day."""
    hour = (datetime.now(UTC).hour + 12) % 24
    assert argosy("limits", "--window", f"{hour:02}:00-{hour:02}:30").code == 0
    return argosy


COMMANDS = ("pause", "cancel", "move --top", "move -p 7", "move --queue interactive", "rm", "resume", "start", "retry")


@pytest.mark.parametrize("before", ["paused", "cancelled"])
def test_a_command_is_answered_the_same_through_the_daemon_as_by_the_store(
    closed: Argosy, near: Argosy, before: str
) -> None:
    count = 2 * len(COMMANDS)
    urls = "".join(f"{NEVER}{number}\n" for number in range(count))
    ids = near("add", "-i", "-", "--paused", stdin=urls).out.split()
    if before == "cancelled":
        assert near("cancel", *ids).code == 0
    for words in COMMANDS:
        shown = []
        for command, way in ((closed, []), (near, ["--local"])):
            task_id = ids.pop()
            ran = command(*words.split(), task_id[:12], *way, "--json")
            (outcome,) = ran.document["outcomes"]
            assert outcome["id"] == task_id
            task = outcome["task"]
            shown.append((words, ran.code, outcome["changed"], outcome["error"], task and without(task, VARIES)))
        assert shown[0] == shown[1]


def test_what_is_added_is_printed_the_same(argosy: Argosy) -> None:
    shown = []
    for number, way in enumerate(([], ["--local"])):
        command = Argosy(argosy.daemon) if way else argosy
        folder = str(argosy.daemon.folder)
        words = (
            "add",
            f"{NEVER}{number}",
            "-d",
            folder,
            "--paused",
            "-x",
            "3",
            "--limit",
            "1M",
            "--retries",
            "2",
            "--json",
            *way,
        )
        first, again = command(*words).document["tasks"][0], command(*words).document["tasks"][0]
        assert (first["joined"], again["joined"], again["id"]) == (False, True, first["id"])
        shown.append(without(first, VARIES))
    assert shown[0] == shown[1]


def test_limits_set_through_the_daemon_hold_and_can_be_taken_away(argosy: Argosy) -> None:
    assert argosy("limits", "-j", "7", "--rate", "2M", "--host", "a.example=1M", "--host", "b.example=2M").code == 0
    assert argosy("limits", "--host", "a.example=off").code == 0
    limits = Argosy(argosy.daemon)("limits", "--local", "--json").document["limits"]
    assert (limits["max_running"], limits["rate"], limits["host_rates"]) == (7, "2M", {"b.example": "2M"})
    assert argosy("limits", "--window", "nonsense").code == 2


def test_ids_come_from_standard_input_and_all_means_all(argosy: Argosy) -> None:
    for number in range(5):
        argosy.id_of(f"{NEVER}{number}", "--paused")
    ids = argosy("ls", "--ids").out
    assert argosy("move", "-", "-p", "4", stdin=ids).code == 0
    assert {task["priority"] for task in argosy("ls", "--json").document["tasks"]} == {4}
    assert len(argosy("cancel", "--all", "--yes", "--json").document["outcomes"]) == 5
    assert argosy("rm", "--all", "--yes").code == 0
    assert argosy("ls", "-a", "--json").document["tasks"] == []


# -- downloads -----------------------------------------------------------------------------------------


def test_a_relative_folder_is_one_of_where_the_command_was_typed(near: Argosy, server: FaultyServer) -> None:
    task_id = near.id_of(server.add("/a.bin", BODY), "-d", "here/and there")
    assert near("wait", task_id).out == f"{near.daemon.folder}/here/and there/a.bin\n"
    assert (near.daemon.folder / "here/and there/a.bin").read_bytes() == BODY


def test_without_a_folder_it_is_the_one_where_the_command_was_typed(near: Argosy, server: FaultyServer) -> None:
    task_id = near.id_of(server.add("/a.bin", BODY))
    assert near("wait", task_id).out == f"{near.daemon.folder}/a.bin\n"


def test_run_follows_the_daemon_until_the_queue_is_empty(argosy: Argosy, server: FaultyServer) -> None:
    slow = server.add("/slow.bin", BODY, faults=[THROTTLED])
    for url in (slow, server.add("/b.bin", BODY)):
        argosy.id_of(url)
    ran = argosy("run")
    assert ran.code == 0, ran.err
    assert "works the queue already" in ran.err
    assert f"{argosy.daemon.folder}/slow.bin\n" in ran.out
    assert len(list(argosy.daemon.folder.iterdir())) == 2


def test_run_ends_with_the_code_of_what_failed_while_it_followed(near: Argosy, server: FaultyServer) -> None:
    near.id_of(server.add("/slow.bin", BODY, faults=[THROTTLED]))
    following = near.start("run")
    until(lambda: near.task(near("ls", "--ids").out.strip())["status"] == "running")
    near.id_of(server.url("/none"))
    assert ended(following).code == 5


def test_run_cannot_be_told_how_many_where_the_daemon_decides(near: Argosy) -> None:
    ran = near("run", "-j", "2")
    assert ran.code == 2
    assert "argosy limits -j 2" in ran.err
    assert near("run", "-j", "2", "--local").code == 0


def test_get_stays_a_command_of_its_own_beside_the_daemon(near: Argosy, server: FaultyServer) -> None:
    assert near("get", server.add("/a.bin", BODY)).out == f"{near.daemon.folder}/a.bin\n"
    assert near("ls", "-a", "--json").document["tasks"][0]["status"] == "completed"


def test_verify_repairs_where_the_daemon_is(argosy: Argosy, server: FaultyServer) -> None:
    task_id = argosy.id_of(server.add("/a.bin", BODY))
    argosy("wait", task_id)
    path = argosy.daemon.folder / "a.bin"
    path.write_bytes(BODY[:1000] + b"x" + BODY[1001:])
    assert argosy("verify", task_id).code == 7
    ran = argosy("verify", task_id, "--repair", "--json")
    assert (ran.code, ran.document["tasks"][0]["ok"]) == (0, True)
    assert path.read_bytes() == BODY


def test_rm_takes_finished_files_along_where_they_are(argosy: Argosy, server: FaultyServer) -> None:
    task_id = argosy.id_of(server.add("/a.bin", BODY))
    argosy("wait", task_id)
    assert argosy("rm", task_id, "--files", "--yes").code == 0
    assert not (argosy.daemon.folder / "a.bin").exists()


# -- the daemon goes away ------------------------------------------------------------------------------


class Watched:
    """A command that goes on and on, with what it says kept."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.out, self.err = folder / "watched.out", folder / "watched.err"

    @classmethod
    def start(cls, argosy: Argosy, folder: Path, *words: str) -> Watched:
        out, err = (folder / "watched.out").open("w"), (folder / "watched.err").open("w")
        with out, err:
            process = subprocess.Popen(
                [sys.executable, "-m", "argosy", *words], cwd=argosy.daemon.folder,
                env={**argosy.daemon.environment, **argosy.extra}, stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True,
            )  # fmt: skip
        argosy.running.append(process)
        return cls(process, folder)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def saw(self, status: str, task_id: str) -> bool:
        return any((e["payload"].get("to"), e["payload"].get("task_id")) == (status, task_id) for e in self.events)


def test_watch_goes_on_from_the_store_when_the_daemon_is_killed_and_misses_nothing(
    near: Argosy, tmp_path: Path
) -> None:
    first = near.id_of(NEVER, "--paused")
    watched = Watched.start(near, tmp_path, "watch", "--json", "--since", "0")
    until(lambda: watched.saw("paused", first))
    near.daemon.kill9()
    second = near.id_of(NEVER + "2", "--paused")
    until(lambda: watched.saw("paused", second))
    assert near("rm", second).code == 0
    near.daemon.start()
    third = near.id_of(NEVER + "3", "--paused")
    until(lambda: watched.saw("paused", third))
    watched.process.send_signal(signal.SIGINT)
    assert watched.process.wait(LONGEST_S) == 0
    numbers = [event["seq"] for event in watched.events]
    assert numbers == list(range(1, numbers[-1] + 1))


def test_watch_says_that_the_daemon_is_gone(near: Argosy, tmp_path: Path) -> None:
    task_id = near.id_of(NEVER, "--paused")
    watched = Watched.start(near, tmp_path, "watch", "--since", "0")
    until(lambda: task_id[:8] in watched.out.read_text())
    near.daemon.kill9()
    until(lambda: "the daemon is gone" in watched.err.read_text())
    assert watched.process.poll() is None


def test_watch_of_a_distant_service_waits_until_it_is_back(far: Argosy, tmp_path: Path) -> None:
    far.extra = by_address(far.daemon)
    first = far.id_of(NEVER, "--paused")
    (tmp_path / "words").mkdir()
    watched = Watched.start(far, tmp_path, "watch", "--json", "--since", "0")
    told = Watched.start(far, tmp_path / "words", "watch", "--since", "0")
    until(lambda: watched.saw("paused", first) and first[:8] in told.out.read_text())
    far.daemon.kill9()
    until(lambda: "trying again" in told.err.read_text())
    far.daemon.restart()
    second = far.id_of(NEVER + "2", "--paused")
    until(lambda: watched.saw("paused", second) and second[:8] in told.out.read_text())
    numbers = [event["seq"] for event in watched.events]
    assert numbers == list(range(1, numbers[-1] + 1))


def test_wait_outlives_the_daemon(near: Argosy, server: FaultyServer, slow: str) -> None:
    task_id = near.id_of(slow)
    until(lambda: near.task(task_id)["status"] == "running")
    waiting = near.start("wait", task_id)
    server.wait_for_bytes(100_000)
    near.daemon.kill9()
    server.set_faults("/slow.bin")
    assert near("run", "--local").code == 0
    assert ended(waiting).out == f"{near.daemon.folder}/slow.bin\n"


def test_a_daemon_that_was_killed_is_none(near: Argosy) -> None:
    near.daemon.kill9()
    assert (near.daemon.home / "endpoint.json").exists()
    ran = near("ls", "--json")
    assert (ran.code, ran.document["tasks"], ran.err) == (0, [], "")


def test_an_address_of_another_process_is_none(near: Argosy) -> None:
    near.daemon.kill9()
    file = near.daemon.home / "endpoint.json"
    left = json.loads(file.read_text())
    file.write_text(json.dumps({**left, "pid": os.getpid()}))
    assert near("ls").code == 0


def test_a_daemon_of_another_release_is_told_apart_with_words(near: Argosy) -> None:
    file = near.daemon.home / "endpoint.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": "99.1.0"}))
    ran = near("ls", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (8, "daemon_version")
    assert "99.1.0" in ran.document["error"]["message"]
    assert near("ls", "--local").code == 0
    assert near("doctor").code == 1


# -- somebody else's -----------------------------------------------------------------------------------


def test_a_wrong_token_is_exit_4(near: Argosy) -> None:
    near.extra = {"ARGOSY_URL": near.daemon.url, "ARGOSY_TOKEN": "nonsense"}
    ran = near("ls", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (4, "unauthorized")


def test_a_service_that_cannot_be_reached_is_exit_8(near: Argosy) -> None:
    near.extra = by_address(near.daemon)
    near.daemon.kill9()
    ran = near("ls", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (8, "unreachable")


def test_a_service_nobody_logged_in_to_is_not_shown_the_token_of_this_machine(far: Argosy) -> None:
    far.extra = {"ARGOSY_TOKEN": far.daemon.token}
    ran = far("ls", "--server", far.daemon.url)
    assert ran.code == 4
    assert f"argosy login {far.daemon.url}" in ran.err


def test_who_logs_in_asks_that_service_until_logging_out(far: Argosy) -> None:
    token = far.daemon.token
    assert far("ls", "--json").document["tasks"] == []
    ran = far("login", far.daemon.url, stdin=token + "\n")
    assert ran.code == 0, ran.err
    task_id = far.id_of(NEVER, "--paused", "-d", str(far.daemon.folder))
    assert [task["id"] for task in far("ls", "--json").document["tasks"]] == [task_id]
    assert far("ls", "--local", "--json").document["tasks"] == []
    assert "logged in to" in far("doctor").out
    assert far("logout").code == 0
    assert far("ls", "--json").document["tasks"] == []
    assert far("logout").code == 2


def test_the_token_of_a_login_is_for_its_owners_eyes_only(far: Argosy) -> None:
    token = far.daemon.token
    said = far("login", far.daemon.url + "/", stdin=token)
    assert far.home is not None
    file = far.home / "remotes.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert token in file.read_text()
    seen = [said, *(far(*words) for words in (["ls", "-vv"], ["doctor"], ["config", "list"], ["ls", "--json", "-vv"]))]
    assert all(token not in ran.out + ran.err for ran in seen)
    logs = [path for path in far.home.rglob("*") if path.is_file() and path != file]
    assert all(token.encode() not in path.read_bytes() for path in logs)


def test_the_token_is_in_no_list_of_processes(near: Argosy, far: Argosy, tmp_path: Path) -> None:
    token = far.daemon.token
    far("login", far.daemon.url, stdin=token)
    assert far.home is not None
    watched = Watched.start(
        Argosy(far.daemon, {"ARGOSY_HOME": str(far.home)}), tmp_path, "watch", "--json", "--since", "0"
    )
    try:
        task_id = far.id_of(NEVER, "--paused", "-d", str(far.daemon.folder))
        until(lambda: watched.saw("paused", task_id))
        for name in ("cmdline", "environ"):
            assert token.encode() not in Path(f"/proc/{watched.process.pid}/{name}").read_bytes()
    finally:
        watched.process.kill()
        watched.process.wait()


def test_a_login_that_is_refused_is_not_kept(far: Argosy) -> None:
    ran = far("login", far.daemon.url, stdin="nonsense\n")
    assert ran.code == 4
    assert far.home is not None
    assert not (far.home / "remotes.toml").exists()
    assert far("login", far.daemon.url, stdin="\n").code == 2


def test_a_login_to_nobody_is_exit_8(far: Argosy) -> None:
    far.daemon.kill9()
    assert far("login", far.daemon.url, stdin="t").code == 8


def test_whoever_logged_in_names_folders_of_the_service(far: Argosy, server: FaultyServer) -> None:
    far("login", far.daemon.url, stdin=far.daemon.token)
    there, below = far.id_of(server.add("/a.bin", BODY)), far.id_of(server.add("/b.bin", BODY), "-d", "study/1")
    assert far("wait", there, below).code == 0
    assert (far.daemon.folder / "a.bin").read_bytes() == BODY
    assert (far.daemon.folder / "study/1/b.bin").read_bytes() == BODY


def test_who_is_not_the_owner_may_not_name_any_folder(far: Argosy, server: FaultyServer) -> None:
    far.extra = by_address(far.daemon)
    ran = far("add", server.add("/a.bin", BODY), "-d", "/etc")
    assert ran.code == 2
    assert "folder" in ran.err


# -- what it costs -------------------------------------------------------------------------------------


def test_without_a_daemon_nothing_of_the_client_is_imported(near: Argosy) -> None:
    near.daemon.stop()
    program = "import sys; from argosy.cli import main; main(['ls']); print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], env=near.daemon.environment, capture_output=True, text=True, check=True
    )
    assert not any(name.startswith("argosy.client.") for name in ran.stdout.split())


def test_with_a_daemon_neither_runtime_nor_database_is_imported(near: Argosy) -> None:
    program = "import sys; from argosy.cli import main; main(['ls']); print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], env=near.daemon.environment, capture_output=True, text=True, check=True
    )
    assert not {"apsw", "argosy.runtime.manager", "fastapi"} & set(ran.stdout.split())


def test_many_tasks_are_listed_in_a_moment(near: Argosy) -> None:
    urls = "".join(f"http://127.0.0.1:9/{n}\n" for n in range(2500))
    assert len(near("add", "-i", "-", "--paused", stdin=urls).out.splitlines()) == 2500
    began = time.monotonic()
    assert len(near("ls", "--ids", "-n", "3000").out.splitlines()) == 2500
    assert time.monotonic() - began < 10
