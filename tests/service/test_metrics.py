"""What operators see: health, readiness, metrics and logs."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

from argosy.testing import faults
from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon, until

CANARY = "canary-7c1e"


def samples(service: Daemon) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = service.request("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.body.decode())
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def value(service: Daemon, name: str, **labels: str) -> float:
    return samples(service).get((name, frozenset(labels.items())), 0.0)


def log_lines(service: Daemon) -> list[dict[str, Any]]:
    file = service.home / "argosy.log"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


# -- health and readiness --------------------------------------------------------------------------------


def test_health_tells_everybody_that_it_answers_and_nothing_else(service: Daemon) -> None:
    answer = service.request("GET", "/health", token=None)
    assert (answer.status, answer.json()) == (200, {"status": "ok"})
    assert service.request("HEAD", "/health", token=None).body == b""


@pytest.mark.parametrize("path", ["/ready", "/metrics", "/version"])
def test_all_else_wants_a_token_that_may_read(service: Daemon, path: str) -> None:
    assert service.request("GET", path, token=None).status == 401
    reader = service.request("POST", "/v1/tokens", {"name": "prometheus", "scope": "read"}).json()["token"]
    assert service.request("GET", path, token=reader).status == 200


def test_readiness_tells_how_loaded_it_is(service: Daemon, server: FaultyServer, slow: str) -> None:
    first = service.add(slow)
    service.until_status(first, "running")
    for n in range(5):
        service.add(server.add(f"/{n}.bin", BODY, faults=[faults.Throttle(1024)]), paused=False)
    found = service.request("GET", "/ready").json()
    assert found["ready"] is True
    assert found["reasons"] == []
    assert found["slots"] == 3
    assert 1 <= found["running"] <= 3
    assert found["worker_use"] == round(found["running"] / 3, 3)
    assert sum(found["tasks"].values()) == 6
    assert found["queue_depth"]["interactive"] >= 2
    assert found["disk_free_bytes"] > 0
    assert found["store_write_ms"] > 0


def test_it_is_not_ready_while_the_store_cannot_be_written(service: Daemon) -> None:
    with closing(sqlite3.connect(service.home / "argosy.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = service.request("GET", "/ready")
        assert answer.status == 503
        assert answer.headers["retry-after"] == "5"
        (reason,) = answer.json()["reasons"]
        assert "store" in reason
        assert service.request("GET", "/health", token=None).status == 200
        other.execute("ROLLBACK")
    until(lambda: service.request("GET", "/ready").status == 200)


# -- metrics ---------------------------------------------------------------------------------------------


def test_metrics_count_what_was_downloaded(service: Daemon, server: FaultyServer) -> None:
    ids = [service.add(server.add(f"/{n}.bin", BODY)) for n in range(3)]
    ids.append(service.add(server.url("/nowhere")))
    for task_id in ids:
        service.until_status(task_id, "completed", "failed")
    until(lambda: value(service, "argosy_received_bytes_total") == 3 * len(BODY))
    now = samples(service)
    assert now["argosy_task_completions_total", frozenset({("outcome", "completed")})] == 3
    assert now["argosy_task_completions_total", frozenset({("outcome", "failed")})] == 1
    assert now["argosy_task_duration_seconds_count", frozenset({("outcome", "completed")})] == 3
    assert now["argosy_tasks", frozenset({("status", "completed")})] == 3
    assert now["argosy_store_commit_seconds_count", frozenset()] > 3
    assert now["argosy_event_lag_seconds_count", frozenset()] > 3
    assert now["argosy_disk_free_bytes", frozenset()] > 0
    assert now["process_resident_memory_bytes", frozenset()] > 0


def test_metrics_count_retries_by_their_cause(service: Daemon, server: FaultyServer) -> None:
    url = server.add("/busy.bin", BODY, faults=[faults.Status(503, times=2)])
    service.until_status(service.add(url), "completed", seconds=60)
    retries = {
        labels: count for (name, labels), count in samples(service).items() if name == "argosy_task_retries_total"
    }
    assert sum(retries.values()) == 2


def test_metrics_tell_what_runs_now(service: Daemon, slow: str) -> None:
    task_id = service.add(slow)
    service.until_status(task_id, "running")
    until(lambda: value(service, "argosy_speed_bytes_per_second") > 0)
    now = samples(service)
    assert now["argosy_running_tasks", frozenset()] == 1
    assert now["argosy_slots", frozenset()] == 3
    assert now["argosy_source_connections", frozenset()] >= 1


def test_metrics_count_live_connections_by_kind(service: Daemon) -> None:
    where = service.url.replace("http", "ws") + "/ws"
    with connect(where, additional_headers={"Authorization": f"Bearer {service.token}"}):
        until(lambda: value(service, "argosy_live_connections", kind="websocket") == 1)
    until(lambda: value(service, "argosy_live_connections", kind="websocket") == 0)


def test_requests_are_counted_by_their_routes_template_and_no_secret_gets_into_a_label(service: Daemon) -> None:
    service.request("GET", f"/v1/tasks/{CANARY}?token={CANARY}")
    service.request("GET", f"/{CANARY}")
    service.request(CANARY.upper(), "/version")
    answer = service.request("GET", "/metrics").body.decode()
    assert CANARY not in answer.lower()
    labels = {"method": "GET", "route": "/v1/tasks/{task_id}", "status": "422"}
    assert value(service, "argosy_http_requests_total", **labels) == 1
    assert value(service, "argosy_http_request_seconds_count", route="/v1/tasks/{task_id}") == 1


def test_every_metric_has_our_prefix_and_says_what_it_is(service: Daemon) -> None:
    text = service.request("GET", "/metrics").body.decode()
    helped = set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE))
    assert set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)) == helped
    assert {name.partition("_")[0] for name in helped} == {"argosy", "process"}


# -- requests and logs -----------------------------------------------------------------------------------


def test_a_request_has_an_id_that_its_log_line_shares(daemons: Callable[..., Daemon]) -> None:
    service = daemons(ARGOSY_LOG_LEVEL="info").start()
    assert service.request("GET", "/version", headers={"X-Request-ID": "from-outside.1"}).headers["x-request-id"] == (
        "from-outside.1"
    )
    made = service.request("GET", "/v1/tasks/00", headers={"X-Request-ID": "bad id\t"}).headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{16}", made)
    until(lambda: any(line.get("request_id") == made for line in log_lines(service)))
    line = next(
        line for line in log_lines(service) if line.get("request_id") == made and line["action"] == "http.request"
    )
    assert line.items() >= {
        "method": "GET", "route": "/v1/tasks/{task_id}", "status": 404, "principal": "token", "local": False,
        "task_id": "00", "level": "info",
    }.items()  # fmt: skip
    assert line["ms"] > 0


def test_no_secret_gets_into_a_log(daemons: Callable[..., Daemon], server: FaultyServer) -> None:
    service = daemons(ARGOSY_LOG_LEVEL="debug").start()
    service.request("GET", f"/v1/tasks?search={CANARY}")
    service.request("GET", "/version", token=CANARY)
    service.request("GET", "/version", headers={"Cookie": f"argosy={CANARY}"})
    service.until_status(service.add(server.add("/a.bin", BODY) + f"?signature={CANARY}"), "completed")
    service.stop()
    assert any(line["action"] == "http.request" for line in log_lines(service))
    assert CANARY not in (service.home / "argosy.log").read_text()
    assert CANARY not in "".join(service.errors)
    assert service.token not in (service.home / "argosy.log").read_text()


def test_the_log_on_stderr_may_be_json(daemons: Callable[..., Daemon]) -> None:
    service = daemons(ARGOSY_LOG_LEVEL="info").start("--log-format", "json", "--quiet")
    service.request("GET", "/version")
    service.stop()
    actions = [json.loads(line)["action"] for line in service.errors]
    assert {"service.ready", "http.request", "service.stopped"} <= set(actions)


def test_the_log_on_stderr_may_be_off(daemons: Callable[..., Daemon]) -> None:
    service = daemons(ARGOSY_LOG_LEVEL="info").start("--log-format", "off", "--quiet")
    service.request("GET", "/version")
    service.stop()
    assert service.errors == []


def test_what_a_library_logs_looks_like_ours(daemons: Callable[..., Daemon]) -> None:
    service = daemons().start("--log-format", "json", "--quiet")
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(b"\x00\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    until(lambda: any(line["action"] == "uvicorn.message" for line in log_lines(service)))
    line = next(line for line in log_lines(service) if line["action"] == "uvicorn.message")
    assert line.keys() >= {"at", "level", "process", "logger", "action", "message"}
