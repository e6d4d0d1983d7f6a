from __future__ import annotations

import os
import signal

import pytest

from argosy.testing import faults
from argosy.testing.server import FaultyServer

from .command import BODY, Argosy, ended, interrupted, until


def added(argosy: Argosy, *words: str) -> str:
    """Return the id of the one task that was added."""
    ran = argosy("add", *words)
    assert ran.code == 0, ran.err
    return ran.out.strip()


def status(argosy: Argosy, task_id: str) -> str:
    return str(argosy("show", task_id, "--json").document["tasks"][0]["status"])


def test_add_only_queues_and_run_fetches(argosy: Argosy, server: FaultyServer) -> None:
    task_id = added(argosy, server.add("/a.bin", BODY))
    assert len(task_id) == 32
    assert server.requests == []
    ran = argosy("run")
    assert (ran.code, ran.out) == (0, f"{argosy.folder}/a.bin\n")
    assert (argosy.folder / "a.bin").read_bytes() == BODY


def test_the_same_url_is_queued_once(argosy: Argosy) -> None:
    assert added(argosy, "http://127.0.0.1:9/a") == added(argosy, "http://127.0.0.1:9/a")
    assert len(argosy("ls", "--json").document["tasks"]) == 1


def test_run_with_nothing_to_do_ends_at_once(argosy: Argosy) -> None:
    ran = argosy("run")
    assert (ran.code, ran.out) == (0, "")
    assert "empty" in ran.err


def test_run_leaves_paused_tasks_alone(argosy: Argosy, server: FaultyServer) -> None:
    task_id = added(argosy, server.add("/a.bin", BODY), "--paused")
    ran = argosy("run")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "1 task paused: 'argosy resume --all' lets them go on\n"
    assert status(argosy, task_id) == "paused"
    assert argosy("resume", task_id[:6]).code == 0
    assert argosy("run").out == f"{argosy.folder}/a.bin\n"


def test_run_exits_with_the_code_of_what_failed(argosy: Argosy, server: FaultyServer) -> None:
    added(argosy, server.url("/none"))
    assert argosy("run").code == 5


def test_another_process_pauses_resumes_and_cancels_what_run_fetches(
    argosy: Argosy, server: FaultyServer, slow: str
) -> None:
    task_id = added(argosy, slow)
    running = argosy.start("run", "--forever")
    server.wait_for_bytes(100_000)
    assert argosy("pause", task_id).code == 0
    until(lambda: status(argosy, task_id) == "paused")
    assert argosy("resume", task_id).code == 0
    until(lambda: status(argosy, task_id) == "running")
    assert "running" in argosy("why", task_id).out or "pid" in argosy("why", task_id).out
    assert argosy("cancel", task_id).code == 0
    until(lambda: status(argosy, task_id) == "cancelled")
    assert interrupted(running).code == 130
    assert list(argosy.folder.iterdir()) == []


def test_run_forever_takes_what_comes_later(argosy: Argosy, server: FaultyServer) -> None:
    running = argosy.start("run", "--forever")
    task_id = added(argosy, server.add("/a.bin", BODY))
    assert argosy("wait", task_id).out == f"{argosy.folder}/a.bin\n"
    assert interrupted(running, signal.SIGTERM).code == 143


def test_ctrl_c_of_run_leaves_the_task_in_the_queue(argosy: Argosy, server: FaultyServer, slow: str) -> None:
    task_id = added(argosy, slow)
    running = argosy.start("run")
    server.wait_for_bytes(100_000)
    ran = interrupted(running)
    assert ran.code == 130
    assert "argosy run" in ran.err
    assert status(argosy, task_id) == "pending"


def test_wait_gives_up_after_its_timeout(argosy: Argosy) -> None:
    task_id = added(argosy, "http://127.0.0.1:9/a")
    ran = argosy("wait", task_id, "--timeout", "0.3")
    assert (ran.code, ran.out) == (124, "")
    assert status(argosy, task_id) == "pending"


def test_wait_has_the_exit_code_of_what_it_waited_for(argosy: Argosy, server: FaultyServer) -> None:
    task_id = added(argosy, server.url("/none"))
    argosy("run")
    assert argosy("wait", task_id).code == 5


def test_ids_come_from_standard_input(argosy: Argosy) -> None:
    for name in "abc":
        added(argosy, f"http://127.0.0.1:9/{name}")
    ids = argosy("ls", "--ids").out
    assert len(ids.split()) == 3
    assert argosy("pause", "-", stdin=ids).code == 0
    assert {task["status"] for task in argosy("ls", "--json").document["tasks"]} == {"paused"}


def test_an_ambiguous_and_an_unknown_id_are_usage_errors(argosy: Argosy) -> None:
    for number in range(20):
        added(argosy, f"http://127.0.0.1:9/{number}")
    firsts = [line[0] for line in argosy("ls", "--ids").out.split()]
    twice = next(letter for letter in firsts if firsts.count(letter) > 1)
    assert argosy("pause", twice).code == 2
    ran = argosy("pause", "zz", "--json")
    assert (ran.code, ran.document["error"]["code"]) == (2, "unknown_task")
    assert "ls --all" in ran.document["error"]["hint"]  # what has ended has an id too


def test_a_repeat_is_no_error_and_says_so(argosy: Argosy) -> None:
    task_id = added(argosy, "http://127.0.0.1:9/a")
    assert "paused" in argosy("pause", task_id).out
    again = argosy("pause", task_id)
    assert again.code == 0
    assert "already" in again.out


def test_what_the_status_does_not_allow_is_told_with_what_to_do(argosy: Argosy, server: FaultyServer) -> None:
    task_id = added(argosy, server.add("/a.bin", BODY))
    argosy("run")
    ran = argosy("cancel", task_id)
    assert ran.code == 2
    assert "try:" in ran.err


def test_cancelling_all_off_a_terminal_needs_yes(argosy: Argosy) -> None:
    task_id = added(argosy, "http://127.0.0.1:9/a")
    ran = argosy("cancel", "--all")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert status(argosy, task_id) == "pending"
    assert argosy("cancel", "--all", "--yes").code == 0
    assert status(argosy, task_id) == "cancelled"
    assert argosy("retry", task_id).code == 0
    assert status(argosy, task_id) == "pending"


def test_rm_takes_it_off_the_list_and_leaves_the_file(argosy: Argosy, server: FaultyServer) -> None:
    task_id = added(argosy, server.add("/a.bin", BODY))
    argosy("run")
    assert argosy("rm", task_id).code == 0
    assert argosy("show", task_id).code == 2
    assert (argosy.folder / "a.bin").exists()


def test_rm_with_files_needs_yes_and_deletes_what_was_downloaded_and_nothing_else(
    argosy: Argosy, server: FaultyServer
) -> None:
    (argosy.folder / "a.bin").write_text("mine")
    task_id = added(argosy, server.add("/a.bin", BODY))
    argosy("run")
    assert (argosy.folder / "a (1).bin").exists()
    assert argosy("rm", "--files", task_id).code == 2
    assert (argosy.folder / "a (1).bin").exists()
    assert argosy("rm", "--files", "--yes", task_id).code == 0
    assert [path.name for path in argosy.folder.iterdir()] == ["a.bin"]
    assert (argosy.folder / "a.bin").read_text() == "mine"


def test_move_to_the_top_changes_who_is_fetched_first(argosy: Argosy, server: FaultyServer) -> None:
    ids = [added(argosy, server.add(f"/{name}", BODY)) for name in "abc"]
    assert argosy("move", ids[2], "--top").code == 0
    argosy("run", "-j1")
    assert server.requests[0].path == "/c"


def test_move_wants_to_know_where(argosy: Argosy) -> None:
    assert argosy("move", added(argosy, "http://127.0.0.1:9/a")).code == 2


def test_a_start_time_is_waited_for_and_start_does_not(argosy: Argosy, server: FaultyServer) -> None:
    task_id = added(argosy, server.add("/a.bin", BODY), "--start-at", "+2h")
    assert "start time" in argosy("why", task_id).out
    assert argosy("why", task_id, "--json").document["tasks"][0]["code"] == "start_time"
    assert argosy("start", task_id).code == 0
    assert argosy("run").out == f"{argosy.folder}/a.bin\n"


def test_verify_finds_a_changed_byte_and_repair_mends_it(argosy: Argosy, server: FaultyServer) -> None:
    task_id = added(argosy, server.add("/a.bin", BODY * 20))
    argosy("run")
    assert argosy("verify", task_id).code == 0
    path = argosy.folder / "a.bin"
    with path.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"!!!")
    ran = argosy("verify", task_id)
    assert ran.code == 7
    assert "WRONG" in ran.out
    assert "--repair" in ran.err
    assert argosy("verify", "a.bin").code == 7  # a path is what a person has at hand
    assert argosy("verify", str(path), "--repair").code == 0
    assert path.read_bytes() == BODY * 20
    assert [task["id"] for task in argosy("ls", "--all", "--json").document["tasks"]] == [task_id]
    assert "repaired  256.0 KiB of it fetched again" in argosy("history", task_id).out
    sent = server.bytes_sent()
    assert argosy("get", server.url("/a.bin")).out == f"{path}\n"  # it is known for what was downloaded
    assert server.bytes_sent() == sent
    assert argosy("verify", "none.bin").code == 2


def test_limits_are_shown_set_and_kept(argosy: Argosy) -> None:
    ran = argosy(
        "limits",
        "--rate",
        "22:00-07:00 unlimited, else 2M",
        "--jobs",
        "7",
        "--per-host",
        "3",
        "--host",
        "Example.org=1M",
        "--window",
        "Mon-Fri 22:00-07:00",
    )
    assert ran.code == 0, ran.err
    shown = argosy("limits", "--json").document["limits"]
    assert (shown["max_running"], shown["connections_per_host"]) == (7, 3)
    assert shown["host_rates"] == {"example.org": "1M"}
    assert (
        argosy("limits", "--host", "example.org=off", "--window", "always", "--json").document["limits"]["host_rates"]
        == {}
    )
    assert "2.0 MiB/s from 07:00" in argosy("limits").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--rate", "fast"), "'fast'"),
        (("--jobs", "foo"), "not a whole number from 1 to 1,000: 'foo'"),
        (("--per-host", "1001"), "not a whole number from 0 to 1,000: '1001'"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(argosy: Argosy, words: tuple[str, str], told: str) -> None:
    ran = argosy("limits", *words)
    assert ran.code == 2
    assert told in ran.err
    assert "try:" in ran.err


def test_history_lists_what_ended_and_tells_a_tasks_story(argosy: Argosy, server: FaultyServer) -> None:
    task_id = added(argosy, server.add("/a.bin", BODY))
    argosy("run")
    assert [task["id"] for task in argosy("history", "--json").document["tasks"]] == [task_id]
    events = argosy("history", task_id, "--json").document["events"]
    assert [event["payload"]["to"] for event in events][-1] == "completed"
    assert [event["seq"] for event in events] == sorted(event["seq"] for event in events)


def test_watch_tells_events_as_ndjson(argosy: Argosy, server: FaultyServer) -> None:
    task_id = added(argosy, server.add("/a.bin", BODY))
    argosy("run")
    ran = argosy("watch", "--json", "--since", "0", "--timeout", "1")
    assert ran.code == 0
    assert {line["payload"]["task_id"] for line in ran.lines} == {task_id}
    assert ran.lines[-1]["payload"]["to"] == "completed"


def test_watch_ends_with_ctrl_c_and_stops_nothing(argosy: Argosy, server: FaultyServer, slow: str) -> None:
    task_id = added(argosy, slow)
    running = argosy.start("run")
    server.wait_for_bytes(100_000)
    watching = argosy.start("watch", "--since", "0")
    assert watching.stdout is not None
    assert watching.stdout.readline()
    assert interrupted(watching).code == 0
    assert status(argosy, task_id) == "running"
    interrupted(running)


def test_show_tells_where_it_comes_from_and_goes(argosy: Argosy, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY)
    ran = argosy("show", added(argosy, url))
    assert url in ran.out
    assert str(argosy.folder) in ran.out


def test_show_without_an_id_says_where_ids_are(argosy: Argosy) -> None:
    ran = argosy("show")
    assert (ran.code, "no task was named" in ran.err, "'argosy ls --all'" in ran.err) == (2, True, True)


def test_a_name_is_told_once_beside_what_is_wrong_with_it(argosy: Argosy, server: FaultyServer) -> None:
    argosy("get", server.add("/a.bin", BODY), "--checksum", "sha256:" + "0" * 64)
    for words in (("ls",), ("history",)):
        assert argosy(*words).out.count("a.bin") == 1


def test_the_queue_survives_kill_9_of_run(argosy: Argosy, server: FaultyServer, slow: str) -> None:
    task_id = added(argosy, slow)
    running = argosy.start("run")
    server.wait_for_bytes(100_000)
    running.kill()
    ended(running)
    server.set_faults("/slow.bin")
    assert argosy("run").out == f"{argosy.folder}/slow.bin\n"
    assert status(argosy, task_id) == "completed"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_doctor_finds_a_folder_it_may_not_write_to(argosy: Argosy) -> None:
    argosy.folder.chmod(0o500)
    assert argosy("doctor").code == 1


def test_a_link_that_has_expired_is_given_anew_and_what_has_come_stays(argosy: Argosy, server: FaultyServer) -> None:
    old = server.add(
        "/old.bin",
        BODY * 20,
        faults=[faults.Cut(after_bytes=1_000_000, times=1), faults.Status(410, when=faults.after(1))],
    )
    fresh = server.add("/fresh.bin", BODY * 20)
    task_id = argosy("add", "-x1", "-o", "a.bin", "--retries", "0", old).out.strip()
    assert argosy("run").code == 5
    assert argosy("retry", "--link", fresh, "--all").code == 2
    assert argosy("retry", "--link", fresh, task_id).code == 0
    assert argosy("run").code == 0
    assert (argosy.folder / "a.bin").read_bytes() == BODY * 20
    assert server.requests_to("/fresh.bin")[-1].range is not None
