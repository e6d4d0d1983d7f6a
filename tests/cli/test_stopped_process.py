"""A process that is stopped while it downloads, loses its task to another, and wakes up in the middle of a write."""

from __future__ import annotations

import signal
import subprocess
from contextlib import closing

import apsw

from argosy.testing.server import FaultyServer

from .command import BODY, Argosy, interrupted, until

WHOLE = BODY[:1024] * 4096


def test_a_process_that_wakes_up_after_another_took_its_task_writes_nothing_more(
    argosy: Argosy, server: FaultyServer, slow: str
) -> None:
    task_id = argosy("add", slow, "-d", str(argosy.folder), "--json").document["tasks"][0]["id"]
    sleeper = argosy.start("run", "--forever")
    until(lambda: shown(argosy, task_id)["received"] != 0)
    stop_outside_of_a_write(argosy, sleeper, task_id)
    server.set_faults("/slow.bin")
    assert argosy("run").code == 0
    (path,) = argosy.folder.iterdir()
    changed_ns = path.stat().st_ctime_ns
    assert path.read_bytes() == WHOLE

    before = server.bytes_sent()
    sleeper.send_signal(signal.SIGCONT)
    server.wait_until(lambda: server.connections_open() == 0)
    assert interrupted(sleeper).code == 130
    assert server.bytes_sent() - before < 1_000_000  # what was under way in its old connections
    assert list(argosy.folder.iterdir()) == [path]
    assert (path.stat().st_ctime_ns, path.read_bytes()) == (changed_ns, WHOLE)
    assert shown(argosy, task_id)["status"] == "completed"
    events = argosy("history", task_id, "--json").document["events"]
    assert [event["payload"].get("to") for event in events].count("completed") == 1


def shown(argosy: Argosy, task_id: str) -> dict[str, object]:
    task: dict[str, object] = argosy("show", task_id, "--json").document["tasks"][0]
    return task


def stop_outside_of_a_write(argosy: Argosy, process: subprocess.Popen[str], task_id: str) -> None:
    """Stop the process where it does not hold the database, and let half a minute pass for its lease."""
    while True:
        process.send_signal(signal.SIGSTOP)
        try:
            with closing(apsw.Connection(str(argosy.home / "argosy.db"))) as store:
                store.set_busy_timeout(500)
                store.execute("UPDATE tasks SET lease_until = 1 WHERE id = ?", (task_id,))
                return
        except apsw.BusyError:
            process.send_signal(signal.SIGCONT)
