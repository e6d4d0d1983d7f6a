"""Limits, settings, history and numbers of the whole queue."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from urllib.parse import quote

from argosy.core.types import Status
from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon, until


def test_limits_are_changed_at_once_and_kept(service: Daemon) -> None:
    before = service.request("GET", "/v1/limits")
    changed = service.request(
        "PATCH", "/v1/limits", {"max_running": 7, "rate": "2M", "host_rates": {"a.example": "1M"}}
    )
    assert changed.json() == before.json() | {"max_running": 7, "rate": "2M", "host_rates": {"a.example": "1M"}}
    more = service.request("PATCH", "/v1/limits", {"host_rates": {"b.example": "5k", "a.example": None}}).json()
    assert (more["host_rates"], more["max_running"]) == ({"b.example": "5k"}, 7)
    service.restart()
    assert service.request("GET", "/v1/limits").json() == more
    assert service.request("PUT", "/v1/limits", {"max_running": 2}).json() == before.json() | {"max_running": 2}


def test_limits_can_be_changed_on_a_condition(service: Daemon) -> None:
    tag = service.request("GET", "/v1/limits").headers["etag"]
    assert service.request("GET", "/v1/limits", headers={"If-None-Match": tag}).status == 304
    assert service.request("PATCH", "/v1/limits", {"rate": "1M"}, {"If-Match": tag}).status == 200
    assert service.request("PATCH", "/v1/limits", {"rate": "2M"}, {"If-Match": tag}).status == 412


def test_limits_that_make_no_sense_change_nothing(service: Daemon) -> None:
    before = service.request("GET", "/v1/limits").json()
    for sent in ({"rate": "fast"}, {"max_running": 0}, {"window": "25:00-26:00"}, {"host_rates": {"a b": "1M"}}, {"speed": 1},
                 {"host_rates": {"a": "x"}}, {"ageing_s": -1}, {"rate": None}, {"max_running": 10**9}):  # fmt: skip
        answer = service.request("PATCH", "/v1/limits", sent)
        assert (sent, answer.status) == (sent, 422)
        assert answer.json()["hint"]
    assert service.request("GET", "/v1/limits").json() == before


def test_settings_are_shown_with_their_origins_and_without_secrets(service: Daemon) -> None:
    service.restart(env={"ARGOSY_PROXY": "http://me:geheim@proxy.example:3128"})
    answer = service.request("GET", "/v1/config")
    settings = answer.json()["settings"]
    assert (settings["directory"]["origin"], settings["connections"]["origin"]) == ("ARGOSY_DIRECTORY", "default")
    assert settings["proxy"]["value"] == "http://***@proxy.example:3128"
    assert b"geheim" not in answer.body


def test_how_new_tasks_are_transferred_can_be_set_from_afar(service: Daemon) -> None:
    (service.home / "config.toml").write_text('# mine\nretries = 2\nif_exists = "skip"\n')
    service.restart()
    tag = service.request("GET", "/v1/config").headers["etag"]
    sent = {"connections": 3, "retries": None, "limit": "1M", "keep_time": False, "user_agent": 'a "quoted" one'}
    settings = service.request("PATCH", "/v1/config", sent, {"If-Match": tag}).json()["settings"]
    file = str(service.home / "config.toml")
    assert {name: settings[name]["origin"] for name in sent} == dict.fromkeys(sent, file) | {"retries": "default"}
    task = service.request("POST", "/v1/tasks", {"source": "http://127.0.0.1:9/", "paused": True}).json()
    assert (task["max_connections"], task["limit_bps"], task["max_retries"]) == (3, 1024**2, 5)
    text = (service.home / "config.toml").read_text()
    assert text.startswith("# mine\n")
    kept = {name: value for name, value in sent.items() if value is not None}
    assert tomllib.loads(text) == kept | {"if_exists": "skip"}
    shown = service.request("GET", "/v1/config").json()
    service.restart()
    assert service.request("GET", "/v1/config").json() == shown


def test_settings_are_changed_by_who_has_looked_only(service: Daemon) -> None:
    needed = service.request("PATCH", "/v1/config", {"connections": 3})
    assert (needed.status, needed.json()["code"]) == (428, "precondition_required")
    tag = service.request("GET", "/v1/config").headers["etag"]
    assert service.request("PATCH", "/v1/config", {"connections": 3}, {"If-Match": tag}).status == 200
    assert service.request("PATCH", "/v1/config", {"connections": 4}, {"If-Match": tag}).status == 412


def test_what_moves_folders_or_says_who_is_believed_cannot_be_set_from_afar(service: Daemon) -> None:
    settings = service.request("GET", "/v1/config").json()["settings"]
    for name in ("directory", "proxy", "ca_file", "host", "port", "allow_host", "allow_origin", "allow_network",
                 "allow_directory", "trusted_proxy", "catalogue", "netrc", "public_url", "max_running"):  # fmt: skip
        assert not settings[name]["settable"]
        answer = service.request("PATCH", "/v1/config", {name: settings[name]["value"]}, {"If-Match": "*"})
        assert (name, answer.status) == (name, 422)
    for sent in ({"connections": 65}, {"limit": "fast"}, {"user_agent": "a\r\nb"}, {"if_exists": "eat"}):
        answer = service.request("PATCH", "/v1/config", sent, {"If-Match": "*"})
        assert (sent, answer.status) == (sent, 422)
    assert not (service.home / "config.toml").exists()


def test_history_is_what_has_ended_the_latest_first(service: Daemon, server: FaultyServer) -> None:
    ids = [service.add(f"http://127.0.0.1:9/{n}", paused=True) for n in range(3)]
    done = service.add(server.add("/a.bin", BODY))
    service.until_status(done, "completed")
    for task_id in ids[:2]:
        service.request("POST", f"/v1/tasks/{task_id}/cancel")
    first = service.request("GET", "/v1/history?page_size=2").json()
    assert [task["id"] for task in first["tasks"]] == [ids[1], ids[0]]
    rest = service.request("GET", f"/v1/history?page_size=2&page_token={first['next_page_token']}").json()
    assert ([task["id"] for task in rest["tasks"]], rest["next_page_token"]) == ([done], None)
    assert [task["id"] for task in service.request("GET", "/v1/history?status=completed").json()["tasks"]] == [done]
    assert service.request("GET", "/v1/history?status=running").status == 422


def test_history_is_forgotten_up_to_a_moment(service: Daemon, server: FaultyServer) -> None:
    done = service.add(server.add("/a.bin", BODY))
    service.until_status(done, "completed")
    waiting = service.add("http://127.0.0.1:9/", paused=True)
    assert service.request("DELETE", "/v1/history").status == 422
    assert service.request("DELETE", "/v1/history?before=2020-01-01T00:00:00Z").json() == {"removed": 0}
    # Both clocks are this machine's, and what is told of them is rounded.
    until(lambda: datetime.now(UTC).isoformat() > service.task(done)["finished_at"])
    now = quote(datetime.now(UTC).isoformat())
    assert service.request("DELETE", f"/v1/history?before={now}&status=failed").json() == {"removed": 0}
    assert service.request("DELETE", f"/v1/history?before={now}").json() == {"removed": 1}
    assert [task["id"] for task in service.request("GET", "/v1/tasks").json()["tasks"]] == [waiting]
    assert (service.folder / "a.bin").exists()


def test_the_queue_is_told_in_numbers(service: Daemon, slow: str) -> None:
    service.add("http://127.0.0.1:9/", paused=True)
    running = service.add(slow)
    until(lambda: service.request("GET", "/v1/stats").json()["connections"] > 0)
    stats = service.request("GET", "/v1/stats").json()
    assert stats["counts"] == dict.fromkeys(Status, 0) | {"paused": 1, "running": 1}
    assert (stats["total"], stats["active"], stats["waiting"]) == (2, 1, 0)
    assert [(host["host"], host["active"]) for host in stats["hosts"]] == [(service.task(running)["host"], 1)]
    assert [worker["pid"] for worker in stats["workers"]] == [service.pid]
