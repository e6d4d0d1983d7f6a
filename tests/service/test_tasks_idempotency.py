"""The same request again is the same task, at the same time and across crashes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Answer, Daemon


def create(service: Daemon, content: object, key: str) -> Answer:
    return service.request("POST", "/v1/tasks", content, {"Idempotency-Key": key})


def test_the_same_key_and_content_is_the_same_task(service: Daemon, slow: str) -> None:
    first, again = (create(service, {"source": slow, "paused": True}, "k1") for _ in range(2))
    assert (first.status, again.status) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert first.headers["location"] == again.headers["location"]


def test_the_order_of_members_makes_no_other_content(service: Daemon, slow: str) -> None:
    first = create(service, {"source": slow, "paused": True}, "k1")
    again = create(service, {"paused": True, "source": [slow]}, "k1")
    assert first.json()["id"] == again.json()["id"]


def test_the_same_key_with_another_content_is_refused(service: Daemon, slow: str) -> None:
    create(service, {"source": slow, "paused": True}, "k1")
    answer = create(service, {"source": slow, "paused": True, "priority": 1}, "k1")
    assert (answer.status, answer.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("key", ["", "a b", "ü", "x" * 300])
def test_a_key_is_printable_and_short(service: Daemon, slow: str, key: str) -> None:
    answer = service.request("POST", "/v1/tasks", {"source": slow}, {"Idempotency-Key": key})
    assert (answer.status, answer.json()["code"]) == (422, "idempotency_key")


def test_keys_of_different_people_are_different(service: Daemon, slow: str) -> None:
    token = service.request("POST", "/v1/tokens", {"name": "other", "scope": "write"}).json()["token"]
    create(service, {"source": slow, "paused": True}, "k1")
    answer = service.request(
        "POST", "/v1/tasks", {"source": slow, "paused": True, "directory": "x"}, {"Idempotency-Key": "k1"}, token=token
    )
    assert answer.status == 202


def test_of_fifty_at_once_one_makes_the_task(service: Daemon, slow: str) -> None:
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: create(service, {"source": slow, "paused": True}, "k1"), range(50)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert service.request("GET", "/v1/stats").json()["total"] == 1


def test_a_key_is_remembered_by_a_service_that_was_killed_after_its_answer(service: Daemon, slow: str) -> None:
    many = {"tasks": [{"source": slow, "paused": True, "directory": str(n)} for n in range(20)]}
    first = create(service, many, "k1").json()["tasks"]
    service.kill9()
    service.restart()
    again = create(service, many, "k1").json()["tasks"]
    assert [each["task"]["id"] for each in again] == [each["task"]["id"] for each in first]
    assert {each["status"] for each in again} == {202}
    assert service.request("GET", "/v1/stats").json()["total"] == 20
    assert create(service, {"source": slow}, "k1").json()["code"] == "idempotency_mismatch"


def test_a_repeat_changes_nothing_in_a_task_that_has_failed_since(service: Daemon, server: FaultyServer) -> None:
    content = {"source": server.url("/missing"), "max_retries": 0}
    task_id = create(service, content, "k1").json()["id"]
    failed = service.until_status(task_id, "failed")
    again = create(service, content, "k1")
    assert (again.status, again.json()["version"], again.json()["status"]) == (202, failed["version"], "failed")
    without = service.request("POST", "/v1/tasks", content)
    assert (without.status, without.json()["id"]) == (200, task_id)


def test_a_task_that_was_joined_is_joined_again_after_it_has_ended(service: Daemon, server: FaultyServer) -> None:
    content = {"source": server.add("/a.bin", BODY), "paused": True}
    task_id = service.request("POST", "/v1/tasks", content).json()["id"]
    first = create(service, content, "k1")
    service.request("POST", f"/v1/tasks/{task_id}/resume")
    service.until_status(task_id, "completed")
    again = create(service, content, "k1")
    assert [(each.status, each.json()["id"]) for each in (first, again)] == [(200, task_id), (200, task_id)]


def test_a_repeat_brings_no_task_back_that_was_removed(service: Daemon, slow: str) -> None:
    content = {"source": slow, "paused": True}
    task_id = create(service, content, "k1").json()["id"]
    service.request("DELETE", f"/v1/tasks/{task_id}")
    answer = create(service, content, "k1")
    assert (answer.status, answer.json()["code"]) == (410, "removed")
    assert service.request("GET", "/v1/stats").json()["total"] == 0
