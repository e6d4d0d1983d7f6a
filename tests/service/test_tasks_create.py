"""Making tasks: one, many, joined, waited for, within the rights of who asks."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path

from argosy.core.types import TransferOptions
from argosy.service.asking.form import Options
from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon


def test_a_new_task_is_accepted_and_says_where_it_is(service: Daemon, slow: str) -> None:
    status, headers, _ = answer = service.request(
        "POST", "/v1/tasks", {"source": slow, "priority": 3, "queue": "automatic"}
    )
    task = answer.json()
    assert (status, headers["location"], headers["retry-after"]) == (202, f"/v1/tasks/{task['id']}", "1")
    assert (task["priority"], task["queue"], task["directory"]) == (3, "automatic", str(service.folder))


def test_everything_that_can_be_said_of_a_task_is_heeded(service: Daemon, server: FaultyServer) -> None:
    first, mirror = server.add("/a.bin", b"wrong"), server.add("/b.bin", BODY)
    sent = {
        "source": mirror, "mirrors": [first], "directory": "deep/er", "name": "in/its.own", "size": len(BODY),
        "checksum": f"sha256:{hashlib.sha256(BODY).hexdigest()}", "max_retries": 1, "paused": True,
        "options": {"connections": 1, "limit_bps": 10_000_000, "headers": {"X-One": "1"}, "user_agent": "me"},
    }  # fmt: skip
    task = service.request("POST", "/v1/tasks", sent).json()
    assert (task["status"], task["max_connections"], task["limit_bps"], task["max_retries"]) == (
        "paused",
        1,
        10_000_000,
        1,
    )
    service.request("POST", f"/v1/tasks/{task['id']}/resume")
    service.until_status(task["id"], "completed")
    assert (service.folder / "deep" / "er" / "in" / "its.own").read_bytes() == BODY
    asked = server.requests_to("/b.bin")[0]
    assert (asked.header("X-One"), asked.header("User-Agent")) == ("1", "me")


def test_several_sources_or_files_are_one_task(service: Daemon, server: FaultyServer) -> None:
    urls = [server.add(f"/{n}.bin", BODY[: n + 1]) for n in range(3)]
    one = service.add(urls)
    other = service.request(
        "POST", "/v1/tasks", {"files": [{"urls": [urls[0]], "path": "x/0"}, {"urls": urls[1:2], "path": "1"}]}
    )
    assert service.until_status(one, "completed")["files_done"] == 3
    service.until_status(other.json()["id"], "completed")
    assert (service.folder / "x" / "0").read_bytes() == BODY[:1]


def test_a_client_that_wants_to_wait_gets_the_finished_task(service: Daemon, server: FaultyServer) -> None:
    url = server.add("/data.bin", BODY)
    answer = service.request("POST", "/v1/tasks", {"source": url}, {"Prefer": "respond-async, wait=30"})
    assert (answer.status, answer.headers["preference-applied"], answer.json()["status"]) == (
        200,
        "wait=30",
        "completed",
    )


def test_a_client_waits_no_longer_than_it_wants_to(service: Daemon, slow: str) -> None:
    answer = service.request("POST", "/v1/tasks", {"source": slow}, {"Prefer": "wait=0"})
    assert (answer.status, answer.headers["preference-applied"]) == (202, "wait=0")


def test_the_same_source_and_folder_join_the_task_that_is_there(service: Daemon, slow: str) -> None:
    first = service.request("POST", "/v1/tasks", {"source": slow, "paused": True})
    second = service.request("POST", "/v1/tasks", {"source": slow, "paused": True})
    elsewhere = service.request("POST", "/v1/tasks", {"source": slow, "paused": True, "directory": "else"})
    assert (first.status, second.status, elsewhere.status) == (202, 200, 202)
    assert first.json()["id"] == second.json()["id"] != elsewhere.json()["id"]


def test_of_many_each_is_answered_for_on_its_own(service: Daemon, server: FaultyServer) -> None:
    url = server.add("/data.bin", BODY)
    many = [{"source": url}, {"source": "gopher://example.org/"}, {"source": url}, {"source": url, "directory": "/etc"}]
    answer = service.request("POST", "/v1/tasks", {"tasks": many})
    made, wrong, joined, outside = answer.json()["tasks"]
    assert answer.status == 202
    assert [each["status"] for each in (made, wrong, joined, outside)] == [202, 422, 200, 422]
    assert made["task"]["id"] == joined["task"]["id"]
    assert joined["joined"]
    assert (wrong["task"], wrong["error"]["code"], outside["error"]["code"]) == (None, "unknown_source", "directory")


def test_ten_thousand_tasks_are_made_in_one_request_and_no_more(service: Daemon) -> None:
    many = [{"source": f"http://127.0.0.1:9/{n}", "paused": True} for n in range(10_000)]
    answer = service.request("POST", "/v1/tasks", {"tasks": many}, timeout=60)
    assert {each["status"] for each in answer.json()["tasks"]} == {202}
    assert service.request("GET", "/v1/stats").json()["counts"]["paused"] == 10_000
    assert service.request("POST", "/v1/tasks", {"tasks": [*many, many[0]]}, timeout=60).status == 422


def test_nobody_but_the_owner_names_a_folder_outside(service: Daemon) -> None:
    (service.folder / "link").symlink_to(service.home)
    for folder in (
        "/etc",
        "../out",
        "a/../../out",
        "link/x",
        "x\x00y",
        "x\u202ey",
        "\ud800",
        "a/" * 3000,
        "n" * 300,
        "~/x/../../..",
    ):
        answer = service.request("POST", "/v1/tasks", {"source": "http://127.0.0.1:9/", "directory": folder})
        assert (folder, answer.status) == (folder, 422)
        assert answer.json()["code"] in {"directory", "invalid"}
        assert answer.json()["hint"]


def test_a_folder_that_the_settings_open_may_be_named(service: Daemon, server: FaultyServer, tmp_path: Path) -> None:
    service.restart(env={"ARGOSY_ALLOW_DIRECTORY": str(tmp_path / "open")})
    task_id = service.add(server.add("/a.bin", BODY), directory=str(tmp_path / "open" / "er"))
    service.until_status(task_id, "completed")
    assert (tmp_path / "open" / "er" / "a.bin").read_bytes() == BODY


def test_the_owner_names_any_folder_through_the_unix_socket(
    service: Daemon, server: FaultyServer, tmp_path: Path
) -> None:
    sent = {"source": server.add("/a.bin", BODY), "directory": str(tmp_path / "mine"), "options": {"insecure": True}}
    answer = service.request("POST", "/v1/tasks", sent, {"Prefer": "wait=20"}, local=True)
    assert (answer.status, answer.json()["insecure"]) == (200, True)
    assert (tmp_path / "mine" / "a.bin").read_bytes() == BODY


OWNERS: tuple[dict[str, object], ...] = (
    {"cookie_file": "/etc/passwd"}, {"netrc_file": "/x"}, {"ca_file": "/x"}, {"client_cert": "/x"}, {"client_key": "/x"},
     {"insecure": True}, {"proxy": "http://127.0.0.1:1"}, {"proxy": ""}, {"headers": {"Host": "x"}},
     {"headers": [["Range", "bytes=0-"]]},
)  # fmt: skip


def test_options_of_the_owner_are_not_for_others(service: Daemon) -> None:
    url = "http://127.0.0.1:9/"
    for sent in ({"source": url, "engine": "wget"}, *({"source": url, "options": options} for options in OWNERS)):
        answer = service.request("POST", "/v1/tasks", sent)
        assert (sent, answer.status, answer.json()["code"]) == (sent, 422, "option_forbidden")


def test_every_option_of_a_transfer_can_be_sent_but_the_guard_itself() -> None:
    assert set(Options.model_fields) == {field.name for field in fields(TransferOptions)} - {"public_only"}
