"""One task: looked at, changed on conditions, commanded, removed; and many by one command."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

from argosy.service.daemon.daemon import GRACE_S
from argosy.testing import faults
from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon, until


def paused(service: Daemon, name: str = "a", **more: object) -> str:
    return service.add(f"http://127.0.0.1:9/{name}", paused=True, **more)


def test_a_task_that_has_not_changed_is_not_sent_again(service: Daemon) -> None:
    path = f"/v1/tasks/{paused(service)}"
    tag = service.request("GET", path).headers["etag"]
    assert service.request("GET", path, headers={"If-None-Match": tag}).status == 304
    assert service.request("GET", path, headers={"If-None-Match": f"W/{tag}"}).status == 304
    assert service.request("GET", path, headers={"If-None-Match": '"other"'}).status == 200
    service.request("PATCH", path, {"priority": 1})
    assert service.request("GET", path, headers={"If-None-Match": tag}).status == 200


def test_who_polls_a_task_that_runs_is_told_when_to_ask_again(service: Daemon, slow: str) -> None:
    task_id = service.add(slow)
    service.until_status(task_id, "running")
    assert service.request("GET", f"/v1/tasks/{task_id}").headers["retry-after"] == "1"
    assert "retry-after" not in service.request("GET", f"/v1/tasks/{paused(service)}").headers


def test_a_task_is_changed_as_a_whole(service: Daemon) -> None:
    path = f"/v1/tasks/{paused(service)}"
    sent = {"priority": 5, "queue": "automatic", "limit_bps": 1000, "max_connections": 2, "max_retries": 9,
            "urls": ["http://127.0.0.1:9/b?token=geheim"], "checksum": "md5:" + "0" * 32}  # fmt: skip
    answer = service.request("PATCH", path, sent, {"Content-Type": "application/merge-patch+json"})
    task = answer.json()
    assert answer.status == 200
    assert [task[name] for name in ("priority", "queue", "limit_bps", "max_connections", "max_retries")] == [
        5,
        "automatic",
        1000,
        2,
        9,
    ]
    assert "geheim" not in answer.body.decode()
    assert task["source"].startswith("http://127.0.0.1:9/b?token=")
    assert service.request("PATCH", path, {"limit_bps": None}).json()["limit_bps"] is None
    refused = service.request("PATCH", path, {"priority": 6, "urls": ["gopher://x/"]})
    assert (refused.status, service.request("GET", path).json()["priority"]) == (422, 5)


def test_a_change_can_be_meant_for_the_version_that_was_looked_at(service: Daemon) -> None:
    path = f"/v1/tasks/{paused(service)}"
    tag = service.request("GET", path).headers["etag"]
    assert service.request("PATCH", path, {"priority": 1}, {"If-Match": tag}).status == 200
    late = service.request("PATCH", path, {"priority": 2}, {"If-Match": tag})
    assert (late.status, late.json()["code"]) == (412, "precondition_failed")
    assert service.request("GET", path).json()["priority"] == 1
    assert service.request("PATCH", path, {"priority": 3}, {"If-Match": "*"}).status == 200
    assert service.request("PATCH", path, {"priority": 3}, {"If-Match": "nonsense"}).status == 412
    assert service.request("DELETE", path, headers={"If-Match": tag}).status == 412
    assert service.request("POST", f"{path}/cancel", headers={"If-Match": tag}).status == 412
    assert service.request("GET", path).json()["status"] == "paused"


def test_counters_that_go_on_do_not_spoil_a_condition(service: Daemon, slow: str) -> None:
    task_id = service.add(slow)
    service.until_status(task_id, "running")
    tag = service.request("GET", f"/v1/tasks/{task_id}").headers["etag"]
    until(lambda: service.request("GET", f"/v1/tasks/{task_id}").headers["etag"] != tag)
    assert service.request("PATCH", f"/v1/tasks/{task_id}", {"priority": 1}, {"If-Match": tag}).status == 200


def test_a_running_task_goes_on_by_a_fresh_link(service: Daemon, server: FaultyServer, slow: str) -> None:
    task_id = service.add(slow)
    until(lambda: service.task(task_id)["received"] > 0)
    fresh = server.add("/fast.bin", BODY[:1024] * 4096)
    assert service.request("PATCH", f"/v1/tasks/{task_id}", {"urls": [fresh], "checksum": None}).status == 422
    assert service.request("PATCH", f"/v1/tasks/{task_id}", {"urls": [fresh]}).status == 200
    service.until_status(task_id, "completed")


NONSENSE: tuple[object, ...] = (
    {"name": "x"}, {"priority": None}, {"priority": "high"}, {"limit_bps": 0}, {"urls": []}, {"checksum": "sha256:xyz"},
     {"options": {"insecure": True}}, {"options": {"exec": "rm"}}, {"status": "completed"}, [], "x", {"priority": 10**30},
)  # fmt: skip


def test_a_change_that_makes_no_sense_changes_nothing(service: Daemon) -> None:
    path = f"/v1/tasks/{paused(service)}"
    before = service.request("GET", path).json()
    for patch in NONSENSE:
        answer = service.request("PATCH", path, patch)
        assert (patch, answer.status) == (patch, 422)
        assert answer.json()["hint"]
    assert service.request("GET", path).json() == before


def test_each_command_does_what_it_says(service: Daemon, slow: str) -> None:
    task_id = service.add(slow, paused=True)
    for command, statuses in (
        ("resume", {"pending", "scheduled", "running"}), ("pause", {"paused", "pausing"}),
        ("cancel", {"cancelled", "pausing"}), ("retry", {"pending", "scheduled", "running"}), ("start", set()),
    ):  # fmt: skip
        answer = service.request("POST", f"/v1/tasks/{task_id}/{command}")
        assert answer.status == 200, answer.body
        assert not statuses or answer.json()["status"] in statuses
        until(lambda: service.task(task_id)["status"] in {"paused", "cancelled", "running"})
    assert service.request("POST", f"/v1/tasks/{task_id}/move", {"top": True}).json()["queue"] == "interactive"
    assert service.request("POST", f"/v1/tasks/{task_id}/move", {}).status == 422
    assert service.request("POST", f"/v1/tasks/{task_id}/move", {"priority": 4}).json()["priority"] == 4


def test_what_a_status_does_not_allow_is_a_conflict(service: Daemon, server: FaultyServer) -> None:
    task_id = service.add(server.add("/a.bin", BODY))
    service.until_status(task_id, "completed")
    answer = service.request("POST", f"/v1/tasks/{task_id}/cancel")
    assert (answer.status, answer.json()["code"]) == (409, "illegal_transition")
    assert answer.json()["hint"]


BELOW = (
    ("GET", ""), ("DELETE", ""), ("GET", "/files"), ("GET", "/segments"), ("GET", "/explain"), ("POST", "/pause"),
    ("POST", "/verify"), ("GET", "/wait"),
)  # fmt: skip


def test_a_task_that_is_not_there_is_not_found(service: Daemon) -> None:
    for task_id, (method, below) in itertools.product(
        ("f" * 32, "nope", "%00", "'%20OR%201=1", "%C3%BC", "%FF"), BELOW
    ):
        answer = service.request(method, f"/v1/tasks/{task_id}{below}")
        assert answer.status in {400, 404}, (method, task_id, below, answer.body)
        assert answer.json()["code"]


def test_a_removed_task_leaves_its_finished_file_unless_that_is_to_go_too(
    service: Daemon, server: FaultyServer
) -> None:
    for n, files in ((0, ""), (1, "?files=true")):
        task_id = service.add(server.add(f"/{n}.bin", BODY))
        service.until_status(task_id, "completed")
        assert service.request("DELETE", f"/v1/tasks/{task_id}{files}").status == 204
        assert service.request("GET", f"/v1/tasks/{task_id}").status == 404
    assert [each.name for each in service.folder.iterdir()] == ["0.bin"]


def test_a_task_that_runs_is_removed_once_its_worker_lets_go(service: Daemon, slow: str) -> None:
    task_id = service.add(slow)
    service.until_status(task_id, "running")
    assert service.request("DELETE", f"/v1/tasks/{task_id}").status == 202
    until(lambda: service.request("GET", f"/v1/tasks/{task_id}").status == 404)
    assert list(service.folder.iterdir()) == []


def test_a_client_can_wait_for_a_task(service: Daemon, server: FaultyServer, slow: str) -> None:
    done = service.add(server.add("/a.bin", BODY))
    answer = service.request("GET", f"/v1/tasks/{done}/wait?timeout=20")
    assert (answer.status, answer.json()["status"]) == (200, "completed")
    early = service.request("GET", f"/v1/tasks/{service.add(slow)}/wait?timeout=0.1")
    assert (early.status, early.headers["retry-after"]) == (202, "1")


def test_files_and_pieces_are_told(service: Daemon, server: FaultyServer) -> None:
    urls = [server.add(f"/{n}.bin", BODY) for n in range(3)]
    task_id = service.add(urls)
    service.until_status(task_id, "completed")
    page = service.request("GET", f"/v1/tasks/{task_id}/files?page_size=2").json()
    rest = service.request("GET", f"/v1/tasks/{task_id}/files?page_token={page['next_page_token']}").json()
    assert [file["index"] for file in page["files"] + rest["files"]] == [0, 1, 2]
    assert (page["total"], rest["next_page_token"], page["directory"]) == (3, None, str(service.folder))
    assert page["files"][0]["path"] == str(service.folder / "0.bin")
    whole = service.request("GET", f"/v1/tasks/{task_id}/segments?file=1").json()["files"]
    assert [(file["index"], file["extents"], file["received"]) for file in whole] == [(1, [[0, len(BODY)]], len(BODY))]
    cells = service.request("GET", f"/v1/tasks/{task_id}/segments?cells=4").json()["files"]
    assert [file["cells"] for file in cells] == [[100] * 4] * 3
    assert service.request("GET", f"/v1/tasks/{task_id}/segments?cells=4001").status == 422
    assert service.request("GET", f"/v1/tasks/{task_id}/files?page_token=x").status == 422


def test_the_pieces_of_a_file_that_is_on_its_way_are_told(service: Daemon, slow: str) -> None:
    task_id = service.add(slow)
    path = f"/v1/tasks/{task_id}/segments?cells=64"
    until(lambda: any(sum(file["cells"] or ()) for file in service.request("GET", path).json()["files"]))
    (file,) = service.request("GET", path).json()["files"]
    assert len(file["cells"]) == 64
    assert 0 in file["cells"]


def test_who_waits_is_answered_at_once_when_the_service_stops(service: Daemon, slow: str) -> None:
    task_id = service.add(slow)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(service.request, "GET", f"/v1/tasks/{task_id}/wait?timeout=60")
        until(lambda: b'argosy_live_connections{kind="wait"} 1.0' in service.request("GET", "/metrics").body)
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < GRACE_S
        assert waiting.result().status == 202
    assert "Traceback" not in "".join(service.errors)


def test_a_task_says_why_it_waits(service: Daemon) -> None:
    assert service.request("GET", f"/v1/tasks/{paused(service)}/explain").json()["code"] == "paused"


def test_a_damaged_file_is_found_and_repaired(service: Daemon, server: FaultyServer) -> None:
    task_id = service.add(server.add("/a.bin", BODY))
    service.until_status(task_id, "completed")
    path = f"/v1/tasks/{task_id}/verify"
    assert service.request("POST", path).json()["ok"]
    (service.folder / "a.bin").write_bytes(b"x" + BODY[1:])
    found = service.request("POST", path, {"repair": False}).json()
    assert (found["id"], found["ok"], found["files"][0]["damaged"]) == (task_id, False, [[0, len(BODY)]])
    mended = service.request("POST", path, {"repair": True}).json()
    assert mended["ok"]
    assert mended["repaired"]
    assert [task["id"] for task in service.request("GET", "/v1/tasks").json()["tasks"]] == [task_id]
    assert (service.folder / "a.bin").read_bytes() == BODY


# -- many at once --------------------------------------------------------------------------------------


def test_one_command_for_many_is_answered_for_each(service: Daemon) -> None:
    ids = [paused(service, f"{n}") for n in range(3)]
    answer = service.request("POST", "/v1/tasks/bulk", {"action": "cancel", "ids": [*ids, "f" * 32, ids[0]]}).json()
    assert [(each["id"], each["status"], each["changed"]) for each in answer["results"]] == [
        *((task_id, 200, True) for task_id in ids), ("f" * 32, 404, False)
    ]  # fmt: skip
    assert answer["results"][0]["task"]["status"] == "cancelled"
    assert answer["results"][3]["error"]["code"] == "unknown_task"
    again = service.request("POST", "/v1/tasks/bulk", {"action": "cancel", "ids": ids}).json()
    assert {(each["status"], each["changed"]) for each in again["results"]} == {(200, False)}


def test_a_filter_means_the_tasks_that_the_command_does_something_to(service: Daemon, server: FaultyServer) -> None:
    done = service.add(server.add("/done.bin", BODY))
    service.until_status(done, "completed")
    waiting = [paused(service, f"{n}.bin") for n in range(2)]
    other = paused(service, "other.zip")
    answer = service.request("POST", "/v1/tasks/bulk", {"action": "cancel", "filter": {"q": ".bin"}}).json()
    assert [each["id"] for each in answer["results"]] == waiting
    assert not answer["more"]
    removed = service.request("POST", "/v1/tasks/bulk", {"action": "remove", "filter": {}, "files": True}).json()
    assert {(each["id"], each["status"]) for each in removed["results"]} == {(each, 204) for each in (done, *waiting)}
    assert not (service.folder / "done.bin").exists()
    assert service.task(other)["status"] == "paused"


def test_many_are_moved_to_the_top_in_the_order_given(service: Daemon) -> None:
    ids = [paused(service, f"{n}") for n in range(3)]
    sent = {"action": "move", "ids": ids, "priority": 3, "queue": "automatic"}
    moved = service.request("POST", "/v1/tasks/bulk", sent).json()["results"]
    assert {(each["task"]["priority"], each["task"]["queue"]) for each in moved} == {(3, "automatic")}
    assert service.request("POST", "/v1/tasks/bulk", {"action": "move", "ids": ids, "top": True}).status == 200


def test_all_tasks_are_paused_and_resumed_at_once(service: Daemon, server: FaultyServer) -> None:
    url = server.add("/hung.bin", BODY, faults=[faults.Throttle(1000)])
    ids = [service.add(f"{url}?{n}") for n in range(5)]
    assert service.request("POST", "/v1/tasks/all", {"action": "pause"}).json()["changed"] == 5
    for task_id in ids:
        service.until_status(task_id, "paused")
    assert service.request("POST", "/v1/tasks/all", {"action": "resume"}).json()["changed"] == 5


POINTLESS: tuple[object, ...] = (
    {"action": "pause"}, {"action": "pause", "ids": [], "filter": {}}, {"action": "explode", "ids": []},
     {"action": "pause", "filter": {"status": ["nope"]}}, {"action": "move", "ids": []}, {"action": "pause", "ids": ["x" * 100]},
     {"action": "pause", "ids": ["x"] * 10_001}, {"action": "pause", "filter": {"sql": "1=1"}}, {"ids": []},
)  # fmt: skip


def test_a_command_for_many_that_makes_no_sense_is_refused(service: Daemon) -> None:
    for sent in POINTLESS:
        answer = service.request("POST", "/v1/tasks/bulk", sent)
        assert (str(sent)[:200], answer.status) == (str(sent)[:200], 422)
        assert answer.json()["hint"]
