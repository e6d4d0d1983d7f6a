"""The download contract: a job begins, is polled, gives its results, and outlives the daemon."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from argosy.testing import faults
from argosy.testing.server import Body, FaultyServer

from .conftest import BODY
from .daemon import Answer, Daemon, until

ENDED = ("completed", "failed", "cancelled")


def initiate(service: Daemon, *urls: str, status: int = 202, headers: dict[str, str] | None = None, **more: Any) -> Any:
    asked = ({"urls": list(urls)} if urls else {}) | more
    answer = service.request("POST", "/v1/download/initiate", asked, headers)
    assert answer.status == status, answer.body
    return answer.json()


def status_of(service: Daemon, job_id: str) -> Any:
    answer = service.request("GET", f"/v1/download/status/{job_id}")
    assert answer.status == 200, answer.body
    return answer.json()


def ended(service: Daemon, job_id: str, seconds: float = 40.0) -> Any:
    until(lambda: status_of(service, job_id)["status"] in ENDED, seconds)
    return status_of(service, job_id)


def got(service: Daemon, url: str) -> Answer:
    """What whoever has the link gets, without any token."""
    parts = urlsplit(url)
    return service.request("GET", f"{parts.path}?{parts.query}", token=None)


# -- the contract, word for word -----------------------------------------------------------------------


def test_initiate_answers_with_exactly_the_four_members(service: Daemon, server: FaultyServer) -> None:
    urls = [server.add(f"/{i}.bin", BODY) for i in range(2)]
    answer = service.request(
        "POST", "/v1/download/initiate", {"urls": urls, "callback_url": "https://client.example/hook"}
    )
    job = answer.json()
    assert answer.status == 202
    assert job == {
        "job_id": job["job_id"],
        "status": "queued",
        "total_files": 2,
        "websocket_url": f"ws://127.0.0.1:{service.port}/ws/download/{job['job_id']}",
    }
    assert answer.headers["location"] == f"/v1/download/status/{job['job_id']}"


def test_a_finished_job_tells_of_each_file_and_where_it_is_to_be_had(service: Daemon, server: FaultyServer) -> None:
    urls = [server.add(f"/{i}.bin", BODY + bytes([i])) for i in range(3)]
    job_id = initiate(service, *urls)["job_id"]
    job = ended(service, job_id)
    assert job["job_id"] == job_id
    assert job["status"] == "completed"
    assert job["progress"]["completed"] == job["progress"]["total"] == 3
    assert job["progress"]["percent"] == 100
    assert [each["file_id"] for each in job["results"]] == urls
    assert [each["status"] for each in job["results"]] == ["completed"] * 3
    assert [each["size"] for each in job["results"]] == [len(BODY) + 1] * 3
    assert all("error" not in each for each in job["results"])
    assert [got(service, each["download_url"]).body for each in job["results"]] == [BODY + bytes([i]) for i in range(3)]


def test_the_result_is_the_links_and_until_when_they_are_good(service: Daemon, server: FaultyServer) -> None:
    job_id = initiate(service, server.add("/a.bin", BODY), server.add("/b.bin", b"b"))["job_id"]
    ended(service, job_id)
    answer = service.request("GET", f"/v1/download/result/{job_id}")
    result = answer.json()
    assert set(result) == {"job_id", "status", "download_urls", "expires_at"}
    assert (result["job_id"], result["status"]) == (job_id, "completed")
    assert [got(service, url).body for url in result["download_urls"]] == [BODY, b"b"]
    assert result["expires_at"].endswith("Z")


def test_an_unfinished_job_has_no_result_yet_and_says_when_to_ask_again(service: Daemon, slow: str) -> None:
    job_id = initiate(service, slow)["job_id"]
    answer = service.request("GET", f"/v1/download/result/{job_id}")
    assert answer.status == 409
    assert answer.json()["code"] == "not_ready"
    assert answer.json()["retryable"] is True
    assert int(answer.headers["retry-after"]) >= 1


def test_polling_says_when_to_ask_again_and_nothing_twice(service: Daemon, server: FaultyServer, slow: str) -> None:
    running = initiate(service, slow)["job_id"]
    assert int(service.request("GET", f"/v1/download/status/{running}").headers["retry-after"]) >= 1
    job_id = initiate(service, server.add("/a.bin", BODY))["job_id"]
    ended(service, job_id)
    first = service.request("GET", f"/v1/download/status/{job_id}")
    assert "retry-after" not in first.headers
    again = service.request("GET", f"/v1/download/status/{job_id}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_a_job_that_runs_says_which_file_and_how_far(service: Daemon, server: FaultyServer, slow: str) -> None:
    quick = server.add("/quick.bin", BODY)
    job_id = initiate(service, quick, slow)["job_id"]
    until(lambda: status_of(service, job_id)["progress"].get("current_file") == slow)
    until(lambda: status_of(service, job_id)["progress"]["completed"] == 1)
    job = status_of(service, job_id)
    assert job["status"] == "processing"
    assert 50 <= job["progress"]["percent"] < 100
    assert [each["status"] for each in job["results"]] == ["completed", "processing"]
    assert "download_url" not in job["results"][1]


def test_an_unknown_job_is_a_problem_with_a_code(service: Daemon) -> None:
    for method, path in (("GET", "status/{}"), ("GET", "result/{}"), ("POST", "{}/cancel"), ("POST", "{}/pause")):
        answer = service.request(method, "/v1/download/" + path.format("0" * 32))
        assert answer.status == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "unknown_task"


# -- files that fail -----------------------------------------------------------------------------------


def test_one_failing_file_is_tried_three_times_more_and_does_not_fail_the_others(
    service: Daemon, server: FaultyServer
) -> None:
    bad = server.add("/bad.bin", BODY, faults=[faults.Status(503)])
    good = [server.add(f"/{i}.bin", BODY) for i in range(2)]
    job_id = initiate(service, good[0], bad, good[1])["job_id"]
    job = ended(service, job_id, 60)
    assert job["status"] == "failed"
    assert [each["status"] for each in job["results"]] == ["completed", "failed", "completed"]
    assert "503" in job["results"][1]["error"]
    assert job["progress"]["completed"] == 2
    assert len(server.requests_to("/bad.bin")) == 4
    result = service.request("GET", f"/v1/download/result/{job_id}").json()
    assert result["status"] == "failed"
    assert [got(service, url).body for url in result["download_urls"]] == [BODY, BODY]


def test_a_file_that_fails_once_is_there_in_the_end(service: Daemon, server: FaultyServer) -> None:
    shaky = server.add("/shaky.bin", BODY, faults=[faults.Status(503, times=2)])
    job = ended(service, initiate(service, server.add("/good.bin", BODY), shaky)["job_id"])
    assert job["status"] == "completed"


# -- verbs ---------------------------------------------------------------------------------------------


def test_a_job_is_paused_and_resumed_and_cancelled(service: Daemon, slow: str) -> None:
    job_id = initiate(service, slow)["job_id"]
    until(lambda: status_of(service, job_id)["status"] == "processing")
    assert service.request("POST", f"/v1/download/{job_id}/pause").status == 200
    until(lambda: status_of(service, job_id)["status"] == "paused")
    assert service.request("POST", f"/v1/download/{job_id}/resume").status == 200
    until(lambda: status_of(service, job_id)["status"] == "processing")
    assert service.request("POST", f"/v1/download/{job_id}/cancel").status == 200
    job = ended(service, job_id)
    assert job["status"] == "cancelled"
    assert job["results"][0]["status"] == "failed"
    assert job["results"][0]["code"] == "cancelled"


def test_what_has_ended_cannot_be_cancelled(service: Daemon, server: FaultyServer) -> None:
    job_id = initiate(service, server.add("/a.bin", BODY))["job_id"]
    ended(service, job_id)
    answer = service.request("POST", f"/v1/download/{job_id}/cancel")
    assert answer.status == 409
    assert answer.json()["code"] == "illegal_transition"


# -- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"urls": []},
        {"file_ids": [True], "urls": ["http://127.0.0.1/x"]},
        {"file_ids": [1.5]},
        {"urls": ["http://127.0.0.1/x"] * 10_001},
        {"urls": ["http://127.0.0.1/" + "x" * 10_000]},
        {"urls": ["file:///etc/passwd"]},
        {"urls": ["javascript:alert(1)"]},
        {"urls": ["http://127.0.0.1/a b"]},
        {"urls": ["http://127.0.0.1/x"], "callback_url": "ftp://client.example/hook"},
        {"urls": ["http://127.0.0.1/x"], "callback_url": "https://"},
        {"urls": ["http://127.0.0.1/x"], "callback_url": "https://client.example/a b"},
        {"urls": ["http://127.0.0.1/x"], "directory": "/etc"},
        {"file_ids": [1]},
        [],
        "text",
    ],
)
def test_an_order_that_makes_no_sense_starts_nothing(service: Daemon, asked: Any) -> None:
    answer = service.request("POST", "/v1/download/initiate", asked)
    assert answer.status == 422, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    listed = service.request("GET", "/v1/tasks").json()
    assert not (listed.get("tasks") if isinstance(listed, dict) else listed)


def test_a_file_named_twice_is_one_file(service: Daemon, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY)
    assert initiate(service, url, url)["total_files"] == 1


def test_two_jobs_for_the_same_file_do_not_meet(service: Daemon, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY)
    jobs = [initiate(service, url)["job_id"] for _ in range(2)]
    assert len(set(jobs)) == 2
    for job_id in jobs:
        ended(service, job_id)
        assert [path.name for path in (service.folder / "jobs" / job_id).iterdir()] == ["a.bin"]


def test_files_of_one_name_are_all_kept(service: Daemon, server: FaultyServer) -> None:
    urls = [server.add(f"/{i}/scan.bin", bytes([i])) for i in range(3)]
    job = ended(service, initiate(service, *urls)["job_id"])
    assert [got(service, each["download_url"]).body for each in job["results"]] == [b"\0", b"\1", b"\2"]


# -- the same again ------------------------------------------------------------------------------------


def test_fifty_at_once_with_one_key_are_one_job(service: Daemon, server: FaultyServer) -> None:
    url, found, key = server.add("/a.bin", BODY), [], {"Idempotency-Key": "one-order"}
    threads = [
        threading.Thread(target=lambda: found.append(initiate(service, url, headers=key)["job_id"])) for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 50
    assert len(set(found)) == 1
    ended(service, found[0])
    assert len(server.requests_to("/a.bin")) == 1


def test_a_key_that_was_used_for_another_order_is_refused(service: Daemon, server: FaultyServer) -> None:
    key = {"Idempotency-Key": "k"}
    job = initiate(service, server.add("/a.bin", BODY), headers=key)
    refused = initiate(service, server.add("/b.bin", BODY), headers=key, status=422)
    assert refused["code"] == "idempotency_mismatch"
    answer = service.request("POST", "/v1/download/initiate", {"urls": [server.url("/a.bin")]}, key)
    assert answer.json()["job_id"] == job["job_id"]
    assert answer.headers["idempotency-replayed"] == "true"


def test_a_job_that_was_removed_does_not_come_back(service: Daemon, server: FaultyServer) -> None:
    key = {"Idempotency-Key": "k"}
    url = server.add("/a.bin", BODY)
    job_id = initiate(service, url, headers=key)["job_id"]
    ended(service, job_id)
    assert service.request("DELETE", f"/v1/tasks/{job_id}").status < 300
    assert initiate(service, url, headers=key, status=410)["code"] == "removed"


def test_asking_again_with_the_key_does_not_restart_what_was_paused(service: Daemon, slow: str) -> None:
    key = {"Idempotency-Key": "k"}
    job_id = initiate(service, slow, headers=key)["job_id"]
    service.request("POST", f"/v1/download/{job_id}/pause")
    until(lambda: status_of(service, job_id)["status"] == "paused")
    assert initiate(service, slow, headers=key)["status"] == "paused"


# -- whatever dies -------------------------------------------------------------------------------------


def test_a_job_outlives_the_daemon_that_is_killed_in_the_middle_of_it(service: Daemon, server: FaultyServer) -> None:
    body = Body.generated(size=2_000_000, seed=4)
    slow = server.add("/slow.bin", body, faults=[faults.Throttle(400_000)])
    quick = server.add("/quick.bin", BODY)
    job_id = initiate(service, quick, slow, headers={"Idempotency-Key": "k"})["job_id"]
    until(
        lambda: status_of(service, job_id)["results"][1].get("size", 0) > 0 and server.bytes_sent("/slow.bin") > 200_000
    )
    service.kill9()
    service.restart()
    assert initiate(service, quick, slow, headers={"Idempotency-Key": "k"})["job_id"] == job_id
    job = ended(service, job_id)
    assert job["status"] == "completed"
    assert [got(service, each["download_url"]).body for each in job["results"]] == [BODY, body.read()]


def test_a_job_that_was_answered_for_is_there_after_a_kill(service: Daemon, server: FaultyServer) -> None:
    url = server.add("/a.bin", BODY)
    jobs = [initiate(service, url)["job_id"] for _ in range(20)]
    service.kill9()
    service.restart()
    assert all(ended(service, job_id)["status"] == "completed" for job_id in jobs)


def test_links_are_good_after_a_restart(service: Daemon, server: FaultyServer) -> None:
    job_id = initiate(service, server.add("/a.bin", BODY))["job_id"]
    link = ended(service, job_id)["results"][0]["download_url"]
    service.restart()
    assert got(service, link).body == BODY


# -- how fast ------------------------------------------------------------------------------------------


def test_initiate_waits_for_no_server(service: Daemon, server: FaultyServer) -> None:
    stuck = server.add("/stuck.bin", BODY, faults=[faults.Stall()])
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    times = []
    for number in range(60):
        began = time.perf_counter()
        connection.request("POST", "/v1/download/initiate", json.dumps({"urls": [f"{stuck}?{number}"]}), headers)
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - began)
        assert answer.status == 202
    connection.close()
    service.kill9()
    assert sorted(times)[len(times) // 2] < 0.1


def test_the_websocket_url_is_as_others_reach_the_service(daemons: Callable[..., Daemon], server: FaultyServer) -> None:
    service = daemons(ARGOSY_PUBLIC_URL="https://downloads.example.org").start()
    job = initiate(service, server.add("/a.bin", BODY))
    assert job["websocket_url"] == f"wss://downloads.example.org/ws/download/{job['job_id']}"
    link = ended(service, job["job_id"])["results"][0]["download_url"]
    assert link.startswith(f"https://downloads.example.org/v1/results/{job['job_id']}/0/a.bin?")
