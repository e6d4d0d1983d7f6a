from __future__ import annotations

import hashlib
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from argosy.cli.text import told_of
from argosy.testing import faults
from argosy.testing.server import FaultyServer

from .command import BODY, Argosy, Ran, ended, interrupted


def test_a_url_alone_is_fetched_and_its_path_is_the_only_thing_on_stdout(argosy: Argosy, server: FaultyServer) -> None:
    ran = argosy(server.add("/a.bin", BODY))
    path = argosy.folder / "a.bin"
    assert (ran.code, ran.out) == (0, f"{path}\n")
    assert path.read_bytes() == BODY


def test_output_names_the_file_and_its_folder(argosy: Argosy, server: FaultyServer) -> None:
    ran = argosy("get", server.add("/a.bin", BODY), "-o", "sub/other.bin")
    assert ran.out == f"{argosy.folder}/sub/other.bin\n"
    assert (argosy.folder / "sub/other.bin").read_bytes() == BODY


def test_the_folder_can_be_chosen_by_flag_environment_and_settings_in_that_order(
    argosy: Argosy, server: FaultyServer
) -> None:
    url = server.add("/a.bin", BODY)
    assert argosy("config", "set", "directory", str(argosy.folder / "file")).code == 0
    assert argosy("get", url).out == f"{argosy.folder}/file/a.bin\n"
    argosy.extra["ARGOSY_DIRECTORY"] = str(argosy.folder / "environment")
    assert argosy("get", url).out == f"{argosy.folder}/environment/a.bin\n"
    assert argosy("get", url, "-d", "flag").out == f"{argosy.folder}/flag/a.bin\n"


def test_many_urls_are_many_files_one_failure_spoils_no_other(argosy: Argosy, server: FaultyServer) -> None:
    ran = argosy("get", server.add("/a.bin", BODY), server.url("/none"), server.add("/b.bin", BODY))
    assert ran.code == 5
    assert sorted(ran.out.split()) == [f"{argosy.folder}/a.bin", f"{argosy.folder}/b.bin"]
    assert "404" in ran.err


def test_failures_of_different_kinds_exit_1(argosy: Argosy, server: FaultyServer) -> None:
    locked = server.add("/locked", BODY, faults=[faults.Status(401)])
    assert argosy("get", server.url("/none"), locked).code == 1


@pytest.mark.parametrize(
    ("fault", "code", "word"),
    [
        (faults.Status(401), 4, "credentials"),
        (faults.Status(403), 4, "403"),
        (faults.Status(404), 5, "404"),
        (faults.Status(500), 5, "500"),
        (faults.HangUp(), 3, "again"),
    ],
)
def test_each_kind_of_failure_has_its_exit_code_and_says_what_to_do(
    argosy: Argosy, server: FaultyServer, fault: faults.Fault, code: int, word: str
) -> None:
    ran = argosy("get", server.add("/a.bin", BODY, faults=[fault]), "--retries", "0")
    assert (ran.code, ran.out) == (code, "")
    assert word in ran.err
    assert "\n  try: " in ran.err
    assert "Traceback" not in ran.err
    assert not (argosy.folder / "a.bin").exists()


def test_a_port_where_nobody_listens_fails_within_seconds(argosy: Argosy) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # it is ours, and does not listen
        ran = argosy("get", f"http://127.0.0.1:{nobody.getsockname()[1]}/a.bin", "--json")
    assert ran.code == 3
    waits = [moment(line["due_at"]) - moment(line["at"]) for line in ran.lines if line["event"] == "retrying"]
    assert len(waits) == 5
    assert max(waits) < 1.0
    (failed,) = (line["error"] for line in ran.lines if line["event"] == "failed")
    assert (failed["code"], "port" in failed["hint"]) == ("connection_refused", True)


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_how_soon_it_is_tried_again_is_told_in_tenths_of_a_second(argosy: Argosy, server: FaultyServer) -> None:
    ran = argosy("get", server.add("/a.bin", BODY, faults=[faults.HangUp(times=2)]))
    assert ran.code == 0
    told = re.findall(r"; retry \d of 5 (.*)", ran.err)
    assert told
    assert all(re.fullmatch(r"now|in (0\.\d|[1-9]\d*)s", each) for each in told), told


def test_a_wrong_checksum_exits_7_and_puts_nothing_in_place(argosy: Argosy, server: FaultyServer) -> None:
    ran = argosy("get", server.add("/a.bin", BODY), "--checksum", "sha256:" + "0" * 64)
    assert ran.code == 7
    assert [path for path in argosy.folder.iterdir() if not path.name.startswith(".")] == []
    assert "error: a.bin has sha256 " in ran.err
    assert "a.bin: a.bin" not in ran.err


def test_what_is_told_of_a_file_names_it_once() -> None:
    assert told_of("a.bin", "a.bin has sha256 0, but 1 was expected") == "a.bin has sha256 0, but 1 was expected"
    assert told_of("a.bin", "b.bin has sha256 0, but 1 was expected") == "a.bin: b.bin has sha256 0, but 1 was expected"
    assert told_of("a", "a.bin is large") == "a: a.bin is large"
    assert told_of("", "the disk is full") == "the disk is full"


def test_a_right_checksum_is_told_in_json(argosy: Argosy, server: FaultyServer) -> None:
    digest = hashlib.sha256(BODY).hexdigest()
    ran = argosy("get", server.add("/a.bin", BODY), "--checksum", digest, "--json")
    assert ran.code == 0
    finished = next(line for line in ran.lines if line["event"] == "finished")
    assert finished["paths"] == [str(argosy.folder / "a.bin")]
    assert finished["files"][0]["verified_by"] == "sha256"
    assert {line["schema"] for line in ran.lines} == {"argosy.get/1"}
    assert ran.lines[0]["event"] == "added"
    assert ran.lines[-1]["event"] == "summary"


def test_a_failure_is_an_event_with_code_and_hint(argosy: Argosy, server: FaultyServer) -> None:
    ran = argosy("get", server.url("/none"), "--json")
    assert (ran.code, ran.err) == (5, "")
    failed = next(line for line in ran.lines if line["event"] == "failed")
    assert set(failed["error"]) == {"code", "message", "hint", "retryable"}


def test_a_list_names_urls_mirrors_names_and_checksums(argosy: Argosy, server: FaultyServer) -> None:
    good, dead = server.add("/good.bin", BODY), server.url("/dead.bin")
    digest = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    (argosy.folder / "list").write_text(
        f"# a comment\n\n{good}\n  out=renamed.bin\n  dir=data\n  checksum=md5={digest}\n{dead}\t{good}\n  out=mirrored.bin\n"
    )
    ran = argosy("get", "-i", "list")
    assert ran.code == 0, ran.err
    assert (argosy.folder / "data/renamed.bin").read_bytes() == BODY
    assert (argosy.folder / "mirrored.bin").read_bytes() == BODY


def test_a_list_can_come_on_standard_input(argosy: Argosy, server: FaultyServer) -> None:
    ran = argosy("get", "-i", "-", stdin=server.add("/a.bin", BODY) + "\n")
    assert ran.out == f"{argosy.folder}/a.bin\n"


def test_a_line_that_makes_no_sense_is_named(argosy: Argosy) -> None:
    ran = argosy("get", "-i", "-", stdin="https://example.org/a\nnonsense\n")
    assert ran.code == 2
    assert "standard input, line 2" in ran.err


def test_together_is_one_task_and_prints_every_path(argosy: Argosy, server: FaultyServer) -> None:
    urls = [server.add(f"/{n}.bin", BODY) for n in range(5)]
    ran = argosy("get", "--together", *urls)
    assert sorted(ran.out.split()) == [f"{argosy.folder}/{n}.bin" for n in range(5)]
    assert len(argosy("history", "--json").document["tasks"]) == 1


def test_headers_cookie_and_who_asks_reach_the_server(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY)
    assert argosy("get", url, "-H", "X-One: 1", "-b", "a=b", "-A", "Me/1", "-e", "http://from/").code == 0
    sent = {name.lower(): value for name, value in dict(server.requests_to("/a.bin")[0].request.headers).items()}
    assert (sent["x-one"], sent["cookie"], sent["user-agent"], sent["referer"]) == ("1", "a=b", "Me/1", "http://from/")


def test_a_user_is_logged_in(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY, faults=[faults.RequireBasic("me", "secret")])
    assert argosy("get", url, "--no-netrc").code == 4
    assert argosy("get", url, "-u", "me:secret").code == 0


def test_what_is_said_of_a_secret_never_is_the_secret(argosy: Argosy, server: FaultyServer) -> None:
    url = (
        server.add("/a.bin", BODY, faults=[faults.Status(403)]).replace("http://", "http://me:canary1@")
        + "?token=canary2&a=1"
    )
    ran = argosy("get", url, "-H", "X: canary3", "-b", "s=canary4", "--json")
    words = [ran, argosy("ls", "--json"), argosy("ls"), argosy("why"), argosy("history")]
    task_id = ran.lines[0]["task_id"]
    words += [argosy("show", task_id), argosy("show", task_id, "--json"), argosy("history", task_id)]
    assert "canary" not in "".join(one.out + one.err for one in words)


def test_the_same_command_again_finds_the_file_there(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY)
    argosy(url)
    sent = server.bytes_sent("/a.bin")
    ran = argosy(url)
    assert (ran.code, ran.out) == (0, f"{argosy.folder}/a.bin\n")
    assert server.bytes_sent("/a.bin") - sent < len(BODY)
    assert sorted(path.name for path in argosy.folder.iterdir()) == ["a.bin"]


def moving(argosy: Argosy, url: str, server: FaultyServer, *words: str) -> subprocess.Popen[str]:
    """Return a get that has received something."""
    process = argosy.start("get", url, *words)
    server.wait_for_bytes(100_000)
    return process


def went_on(argosy: Argosy, server: FaultyServer, url: str) -> Ran:
    """Return how the same command ends once the server is quick."""
    server.set_faults("/slow.bin")
    ran = argosy("get", url)
    assert (argosy.folder / "slow.bin").read_bytes() == BODY[:1024] * 4096
    return ran


def test_ctrl_c_pauses_says_how_to_go_on_and_the_same_command_does(
    argosy: Argosy, server: FaultyServer, slow: str
) -> None:
    ran = interrupted(moving(argosy, slow, server))
    assert (ran.code, ran.out) == (130, "")
    assert "the same command again goes on" in ran.err
    (task,) = argosy("ls", "--json").document["tasks"]
    assert task["status"] == "paused"
    assert task["received"] > 0
    assert went_on(argosy, server, slow).code == 0


def test_what_failed_is_counted_when_the_rest_is_stopped(argosy: Argosy, server: FaultyServer, slow: str) -> None:
    ran = argosy("get", server.url("/none"), slow, "--max-time", "1s")
    assert ran.code == 124
    assert "0 of 2 done, 1 failed; " in ran.err


def test_a_scheme_that_nobody_knows_is_told_those_that_are_known(argosy: Argosy) -> None:
    ran = argosy("get", "htp://127.0.0.1/a")
    assert ran.code == 2
    assert "http://" in ran.err


def test_a_mistyped_option_is_told_the_one_that_was_meant(argosy: Argosy) -> None:
    ran = argosy("get", "--limt", "1M", "http://127.0.0.1:9/a")
    assert ran.code == 2
    assert "did you mean --limit?" in ran.err


def test_sigterm_keeps_what_is_there_and_exits_143(argosy: Argosy, server: FaultyServer, slow: str) -> None:
    ran = interrupted(moving(argosy, slow, server), signal.SIGTERM)
    assert ran.code == 143
    (task,) = argosy("ls", "--json").document["tasks"]
    assert task["status"] == "pending"
    assert went_on(argosy, server, slow).code == 0


def test_after_kill_9_the_same_command_goes_on(argosy: Argosy, server: FaultyServer, slow: str) -> None:
    process = moving(argosy, slow, server)
    process.kill()
    ended(process)
    assert went_on(argosy, server, slow).code == 0


def test_max_time_stops_with_124_and_keeps_what_is_there(argosy: Argosy, slow: str) -> None:
    ran = argosy("get", slow, "--max-time", "1s")
    assert ran.code == 124
    assert "the time is over" in ran.err


STUBBORN = """
import asyncio, os, signal
from argosy.cli.signals import listening

async def main():
    with listening() as stopping:
        os.kill(os.getpid(), signal.SIGINT)
        await stopping.asked.wait()
        print("the first is heard", flush=True)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(30)  # a stop that takes its time

asyncio.run(main())
"""


def test_a_second_ctrl_c_does_not_wait(argosy: Argosy) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", STUBBORN],
        env=argosy.environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (130, "the first is heard\n")
    assert "stopped at once" in ran.stderr


def test_a_rate_limit_is_kept(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY * 10)
    started = time.monotonic()
    assert argosy("get", url, "--limit", "400k").code == 0
    assert time.monotonic() - started > 1.5


def test_options_that_belong_to_one_file_are_refused_for_several(argosy: Argosy) -> None:
    ran = argosy("get", "http://127.0.0.1/a", "http://127.0.0.1/b", "-o", "c")
    assert ran.code == 2
    assert "-i" in ran.err


def test_nothing_to_fetch_is_a_usage_error(argosy: Argosy) -> None:
    ran = argosy("get")
    assert ran.code == 2
    assert "no URL" in ran.err


@pytest.mark.parametrize("policy", ["rename", "overwrite", "skip", "fail"])
def test_a_file_in_the_way_is_handled_as_asked(argosy: Argosy, server: FaultyServer, policy: str) -> None:
    mine = argosy.folder / "a.bin"
    mine.write_text("mine")
    ran = argosy("get", server.add("/a.bin", BODY), "--if-exists", policy)
    assert ran.code == {"fail": 6}.get(policy, 0)
    assert (
        (mine.read_text() == "mine") is (policy != "overwrite") if policy != "overwrite" else mine.read_bytes() == BODY
    )
    assert (argosy.folder / "a (1).bin").exists() is (policy == "rename")


def test_a_reader_that_goes_away_is_no_traceback(argosy: Argosy, server: FaultyServer) -> None:
    process = argosy.start("get", server.add("/a.bin", BODY), server.add("/b.bin", BODY))
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    assert process.wait() == 141


def test_quiet_says_nothing_but_paths(argosy: Argosy, server: FaultyServer) -> None:
    ran = argosy("-q", server.add("/a.bin", BODY, faults=[faults.Status(503, times=1)]))
    assert (ran.code, ran.out, ran.err) == (0, f"{argosy.folder}/a.bin\n", "")


def test_a_name_from_the_network_cannot_steer_the_terminal(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add(
        "/x", BODY, headers={"Content-Disposition": "attachment; filename*=UTF-8''a%1b%5d0%3bevil%07b%e2%80%aec.bin"}
    )
    ran = argosy(url)
    assert ran.code == 0
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", ran.out + ran.err)


def test_an_unwritable_folder_exits_6(argosy: Argosy, server: FaultyServer) -> None:
    (argosy.folder / "file").write_text("")
    ran = argosy("get", server.add("/a.bin", BODY), "-d", "file/sub")
    assert ran.code == 6
    assert "Traceback" not in ran.err


def test_a_full_disk_stops_with_6_and_the_same_command_goes_on(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY, faults=[faults.ContentLength(str(10**15))])
    ran = argosy("get", url)
    assert (ran.code, ran.out) == (6, "")
    assert "make room" in ran.err
    assert "TiB more needed" in ran.err
    server.set_faults("/a.bin")
    assert argosy("get", url).out == f"{argosy.folder}/a.bin\n"


def test_a_full_disk_is_an_error_document_in_json(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY, faults=[faults.ContentLength(str(10**15))])
    ran = argosy("get", url, "--json")
    assert (ran.code, ran.err) == (6, "")
    assert ran.lines[-1]["error"]["code"] == "disk_full"


def test_bars_are_drawn_on_a_terminal_and_leave_it_clean(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/movie.mkv", BODY * 10, faults=[faults.Throttle(250_000)])
    shown = on_a_terminal(argosy, "get", url, "-x2")
    assert "movie.mkv" in shown
    assert "━" in shown
    assert f"{argosy.folder}/movie.mkv" in shown
    assert (
        shown.rstrip().endswith("\x1b[?25h")
        or "\x1b[?25l" not in shown
        or shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    )


def test_no_colour_is_used_if_nobody_wants_it(argosy: Argosy, server: FaultyServer) -> None:
    argosy.extra["NO_COLOR"] = "1"
    shown = on_a_terminal(argosy, "get", server.url("/none"))
    assert "404" in shown
    assert not re.search(r"\x1b\[[0-9;]*m", shown)


def test_a_dumb_terminal_gets_no_bars(argosy: Argosy, server: FaultyServer) -> None:
    argosy.extra["TERM"] = "dumb"
    shown = on_a_terminal(argosy, "get", server.add("/a.bin", BODY * 5, faults=[faults.Throttle(250_000)]), "-x1")
    assert "\x1b[" not in shown


def on_a_terminal(argosy: Argosy, *words: str) -> str:
    """Return everything that a terminal was sent."""
    master, slave = pty.openpty()
    environment = {"TERM": "xterm-256color", **argosy.environment, "COLUMNS": "100", "LINES": "30"}
    process = subprocess.Popen([sys.executable, "-m", "argosy", *words], cwd=argosy.folder, env=environment,
                               stdin=slave, stdout=slave, stderr=slave)  # fmt: skip
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            readable, _, _ = select.select([master], [], [], 0.5)
            if readable:
                try:
                    shown += os.read(master, 65536)
                except OSError:
                    break
        return shown.decode(errors="replace")
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_a_name_that_was_chosen_stays_as_it_was_written(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/settings", BODY)
    ran = argosy("get", "-o", ".env", url)
    assert (ran.code, Path(ran.out.strip()).name) == (0, ".env")
    assert (argosy.folder / ".env").read_bytes() == BODY
    again = argosy("get", "-o", ".env", url)
    assert (again.code, again.out) == (0, ran.out)
    assert len(server.requests) == 2  # the second one asked whether it has changed
    assert argosy("get", "-o", "a\tb", url).code == 2


def test_a_host_and_a_path_are_taken_as_https_and_that_is_said(argosy: Argosy) -> None:
    ran = argosy("get", "--retries", "0", "no-such-host.invalid/data.bin")
    assert ran.code == 3
    assert "taking no-such-host.invalid/data.bin as https://no-such-host.invalid/data.bin" in ran.err


# -- to standard output ----------------------------------------------------------------------------------


def piped(argosy: Argosy, *words: str, read: int | None = None) -> tuple[int, bytes, str]:
    """Return exit code, bytes on stdout (``read``: no more than so many are wanted) and stderr."""
    process = subprocess.Popen(
        [sys.executable, "-m", "argosy", "get", *words], cwd=argosy.folder, env=argosy.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    if read is None:
        out, err = process.communicate(timeout=60)
    else:
        out = process.stdout.read(read)
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=60)
    return process.returncode, out, err.decode()


def left(argosy: Argosy) -> set[str]:
    return {path.name for folder in (argosy.folder, argosy.home) for path in folder.rglob("*") if "stdout" in str(path)}


def test_a_file_goes_to_standard_output_whole_and_stays_nowhere(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY, faults=[faults.Cut(after_bytes=50_000, times=1)])
    assert piped(argosy, "-o", "-", url)[:2] == (0, BODY)
    assert left(argosy) == set()
    assert list(argosy.folder.iterdir()) == []
    assert argosy("ls", "--all", "--json").document["tasks"] == []
    assert piped(argosy, "-o", "-", "-d", "scratch", url)[:2] == (0, BODY)
    assert left(argosy) == set()


def test_nothing_of_a_file_that_is_wrong_goes_to_standard_output(argosy: Argosy, server: FaultyServer) -> None:
    code, out, err = piped(argosy, "-o", "-", server.add("/a.bin", BODY), "--checksum", "0" * 64)
    assert (code, out) == (7, b"")
    assert "checksum" in err or "sha256" in err


def test_what_was_cut_on_its_way_to_standard_output_goes_on(argosy: Argosy, server: FaultyServer, slow: str) -> None:
    process = argosy.start("get", "-o", "-", slow)
    server.wait_for_bytes(200_000, path="/slow.bin")
    process.kill()
    process.communicate()
    server.set_faults("/slow.bin")
    sent = server.bytes_sent("/slow.bin")
    code, out, _ = piped(argosy, "-o", "-", slow)
    assert (code, out) == (0, BODY[:1024] * 4096)
    assert server.bytes_sent("/slow.bin") - sent < len(out)


def test_whoever_reads_only_the_beginning_ends_it(argosy: Argosy, server: FaultyServer) -> None:
    code, out, err = piped(argosy, "-o", "-", server.add("/a.bin", BODY * 20), read=10)
    assert (code, out) == (141, BODY[:10])
    assert "Traceback" not in err
    assert left(argosy) == set()


@pytest.mark.parametrize(
    "words", [["-o", "-"], ["-o", "-", "http://a/1", "http://a/2"], ["-o", "-", "--json", "http://127.0.0.1:9/1"]]
)
def test_only_one_file_can_go_to_standard_output(argosy: Argosy, words: list[str]) -> None:
    assert argosy("get", *words).code == 2
