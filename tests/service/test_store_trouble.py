"""A database that cannot be used: whoever asks is told so and when to ask again, and nothing is ever taken for an empty queue."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from .daemon import Daemon, until

NEVER = "http://127.0.0.1:9/never"


def store_of(daemon: Daemon) -> Path:
    return daemon.home / "argosy.db"


BEGUN = {
    "/v1/tasks": {"source": NEVER},
    "/v1/download/initiate": {"urls": [NEVER]},
    "/v1/background": {"source": NEVER},
}


def test_while_another_program_holds_the_database_everybody_is_told_to_come_back(service: Daemon) -> None:
    with (
        closing(sqlite3.connect(store_of(service), isolation_level=None)) as other,
        ThreadPoolExecutor(len(BEGUN)) as threads,
    ):
        other.execute("BEGIN EXCLUSIVE")
        asked = [threads.submit(service.request, "POST", path, sent, timeout=60) for path, sent in BEGUN.items()]
        for answer in (each.result() for each in asked):
            assert (answer.status, answer.json()["code"]) == (503, "store_busy")
            assert answer.json()["retryable"] is True
            assert int(answer.headers["retry-after"]) >= 1
        assert service.request("GET", "/health", token=None).status == 200
        other.execute("ROLLBACK")
    waiting = dict(BEGUN)

    def all_taken() -> bool:
        for path, sent in tuple(waiting.items()):
            if service.request("POST", path, sent).status in (201, 202):
                del waiting[path]
        return not waiting

    until(all_taken)


def test_a_database_that_was_moved_away_is_told_and_no_new_one_is_begun(service: Daemon) -> None:
    task_id = service.add(NEVER, paused=True)
    store_of(service).rename(service.home / "moved.db")
    answer = service.request("POST", "/v1/tasks", {"source": f"{NEVER}/2", "paused": True})
    assert (answer.status, answer.json()["code"]) == (503, "store_gone")
    assert not store_of(service).exists()
    (service.home / "moved.db").rename(store_of(service))
    assert service.request("POST", "/v1/tasks", {"source": f"{NEVER}/2", "paused": True}).status == 202
    assert service.task(task_id)["status"] == "paused"


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def garbled(path: Path) -> None:
    path.write_bytes(b"\xa5" * path.stat().st_size)


def of_a_later_release(path: Path) -> None:
    with closing(sqlite3.connect(path)) as store:
        store.execute("PRAGMA user_version = 999")


@pytest.mark.parametrize(
    ("spoil", "words"), [(cut, "is damaged"), (garbled, "is damaged"), (of_a_later_release, "was")]
)
def test_a_service_whose_database_cannot_be_read_does_not_start_and_leaves_it_alone(
    daemons: Callable[..., Daemon], spoil: Callable[[Path], None], words: str
) -> None:
    daemon = daemons().start()
    for n in range(50):
        daemon.add(f"{NEVER}/{n}", paused=True)
    assert daemon.stop() == 0
    spoil(store_of(daemon))
    before = store_of(daemon).read_bytes()
    with daemon.launch("serve", "--port", "0") as failed:
        out, said = failed.communicate(timeout=60)
    assert (failed.returncode, out) == (8, "")
    assert said.startswith(f"error: the queue database {store_of(daemon)} {words}")
    assert "\n  try: " in said
    assert store_of(daemon).read_bytes() == before
