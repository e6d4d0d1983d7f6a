"""Downloads behind an application's pages: started under its own names, told, cancelled, cleaned up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon, until


def progress(service: Daemon, name: str) -> dict[str, object]:
    answer = service.request("GET", f"/v1/background/{name}")
    assert answer.status == 200, answer.body
    told: dict[str, object] = answer.json()
    return told


def test_a_download_is_started_followed_and_cleaned_up_under_its_name(service: Daemon, server: FaultyServer) -> None:
    sent = {"task_id": "task-123", "source": server.add("/dataset.tar.gz", BODY), "directory": "datasets"}
    started = service.request("POST", "/v1/background", sent)
    assert (started.status, started.headers["location"]) == (202, "/v1/background/task-123")
    assert (started.json()["task_id"], started.json()["status"]) == ("task-123", "queued")
    until(lambda: progress(service, "task-123")["status"] == "completed")
    told = progress(service, "task-123")
    assert (told["progress"], told["downloaded_bytes"], told["files_completed"]) == (100, len(BODY), 1)
    assert told["completed_at"]
    assert progress(service, str(told["id"]))["id"] == told["id"]
    assert [each["task_id"] for each in service.request("GET", "/v1/background").json()["downloads"]] == ["task-123"]
    assert service.request("DELETE", "/v1/background/task-123").status == 204
    assert service.request("GET", "/v1/background").json() == {"downloads": []}
    assert service.request("GET", "/v1/background/task-123").status == 404
    assert (service.folder / "datasets" / "dataset.tar.gz").read_bytes() == BODY


def test_a_name_started_twice_or_after_a_crash_is_one_download(service: Daemon, slow: str) -> None:
    sent = {"task_id": "a", "source": slow}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: service.request("POST", "/v1/background", sent), range(10)))
    assert {answer.status for answer in answers} == {202}
    service.kill9()
    service.restart()
    again = service.request("POST", "/v1/background", sent).json()
    assert {answer.json()["id"] for answer in answers} == {again["id"]}
    assert len(service.request("GET", "/v1/background").json()["downloads"]) == 1


def test_a_cancelled_download_can_be_cleaned_up_or_started_again(service: Daemon, slow: str) -> None:
    sent = {"task_id": "a", "source": slow}
    service.request("POST", "/v1/background", sent)
    refused = service.request("DELETE", "/v1/background/a")
    assert (refused.status, refused.json()["code"]) == (409, "illegal_transition")
    assert service.request("POST", "/v1/background/a/cancel").status == 200
    until(lambda: progress(service, "a")["status"] == "cancelled")
    assert service.request("POST", "/v1/background", sent).json()["status"] in {"queued", "processing"}
    service.request("POST", "/v1/background/a/cancel")
    until(lambda: progress(service, "a")["status"] == "cancelled")
    assert service.request("DELETE", "/v1/background/a").status == 204
    assert service.request("POST", "/v1/background", sent).status == 202


def test_a_download_without_a_name_goes_by_its_id(service: Daemon, slow: str) -> None:
    started = service.request("POST", "/v1/background", {"source": slow}).json()
    assert started["task_id"] == started["id"]
    assert progress(service, started["id"])["status"] in {"queued", "processing"}


def test_a_name_that_joins_a_task_stands_for_that_task(service: Daemon, slow: str) -> None:
    task_id = service.add(slow)
    assert service.request("POST", "/v1/background", {"task_id": "mine", "source": slow}).json()["id"] == task_id
    assert progress(service, "mine")["id"] == task_id


def test_names_and_sources_that_make_no_sense_are_refused(service: Daemon) -> None:
    for sent in ({"task_id": "a/b", "source": "http://h/"}, {"task_id": "", "source": "http://h/"}, {"task_id": "a"},
                 {"task_id": "a", "source": "file:///x"}, {"task_id": "a" * 201, "source": "http://h/"}):  # fmt: skip
        answer = service.request("POST", "/v1/background", sent)
        assert (sent, answer.status) == (sent, 422)
    assert service.request("GET", "/v1/background/nobody").status == 404
    assert service.request("DELETE", "/v1/background/nobody").json()["code"] == "unknown_task"
