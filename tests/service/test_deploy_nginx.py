"""The service behind nginx, with the configuration that is offered for that."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon, until
from .proxy import NAME, Proxy, nginx

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="there is no nginx here")


@pytest.fixture
def behind(daemons: Callable[..., Daemon]) -> Daemon:
    """A service that knows its proxy and its public name."""
    return daemons(
        ARGOSY_PUBLIC_URL=f"https://{NAME}", ARGOSY_TRUSTED_PROXY="127.0.0.1", ARGOSY_LOG_LEVEL="info"
    ).start()


@pytest.fixture
def proxy(behind: Daemon, tmp_path: Path) -> Iterator[Proxy]:
    with nginx(tmp_path / "nginx", behind) as running:
        yield running


@pytest.fixture
def hasty(behind: Daemon, tmp_path: Path) -> Iterator[Proxy]:
    """One that gives up whoever says nothing for two seconds."""
    with nginx(tmp_path / "nginx", behind, read_timeout="2s") as running:
        yield running


def socket_to(proxy: Proxy, path: str) -> ClientConnection:
    """A WebSocket through nginx; the caller closes it."""
    return connect(
        f"wss://{NAME}{path}", sock=proxy.connected_plain(), ssl=proxy.tls,
        additional_headers={"Authorization": f"Bearer {proxy.service.token}"},
    )  # fmt: skip


def told(live: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of that kind."""
    while True:
        frame: dict[str, Any] = json.loads(live.recv(timeout=20))
        if frame["type"] == kind:
            return frame


def events_of(stream: HTTPResponse) -> Iterator[dict[str, str]]:
    """The server-sent events, each as its fields."""
    fields: dict[str, str] = {}
    for raw in stream:
        line = raw.decode().rstrip("\r\n")
        if line:
            name, _, text = line.partition(":")
            fields[name] = text.removeprefix(" ")
        elif "event" in fields:
            yield fields
            fields = {}


# -- what goes through -----------------------------------------------------------------------------------


def test_a_task_is_made_and_its_file_fetched_through_it(proxy: Proxy, server: FaultyServer) -> None:
    answer = proxy.request("POST", "/v1/tasks", {"source": server.add("/a.bin", BODY)})
    assert answer.status == 202
    task_id = answer.headers["location"].rpartition("/")[2]
    proxy.service.until_status(task_id, "completed")
    content = proxy.request("GET", f"/v1/tasks/{task_id}/files/0/content", headers={"Range": "bytes=10-19"})
    assert (content.status, content.body) == (206, BODY[10:20])


def test_a_websocket_goes_through_it(proxy: Proxy, server: FaultyServer) -> None:
    with socket_to(proxy, "/ws") as live:
        live.send(json.dumps({"type": "subscribe"}))
        assert told(live, "snapshot")["tasks"] == []
        task_id = proxy.service.add(server.add("/a.bin", BODY))
        seen: list[str] = []
        while "completed" not in seen:
            ours = [each["payload"] for each in told(live, "events")["events"] if "to" in each["payload"]]
            seen += [payload["to"] for payload in ours if payload["task_id"] == task_id]
        assert seen[0] == "pending"


def test_a_jobs_websocket_is_where_initiate_says(proxy: Proxy, server: FaultyServer) -> None:
    begun = proxy.request("POST", "/v1/download/initiate", {"urls": [server.add("/a.bin", BODY)]}).json()
    assert begun["websocket_url"].startswith(f"wss://{NAME}/ws/download/")
    with socket_to(proxy, begun["websocket_url"].partition(NAME)[2]) as live:
        assert json.loads(live.recv(timeout=20))["job_id"] == begun["job_id"]


def test_events_come_at_once_and_not_when_a_buffer_is_full(proxy: Proxy, server: FaultyServer) -> None:
    with closing(proxy.connection()) as connection:
        connection.request("GET", "/v1/events", headers={"Authorization": f"Bearer {proxy.service.token}"})
        stream = connection.getresponse()
        assert stream.headers["content-type"].startswith("text/event-stream")
        began = time.monotonic()
        task_id = proxy.service.add(server.add("/a.bin", BODY))
        for event in events_of(stream):
            if event["event"] == "task_status_changed" and task_id in event["data"]:
                break
        assert time.monotonic() - began < 5


# -- a proxy that gives up sooner than a job is done -----------------------------------------------------


def test_a_job_outlives_the_proxys_patience_and_a_client_that_comes_back_misses_nothing(
    hasty: Proxy, server: FaultyServer, slow: str
) -> None:
    service = hasty.service
    begun = hasty.request("POST", "/v1/download/initiate", {"urls": [slow]}).json()
    waited = hasty.request("GET", f"/v1/tasks/{begun['job_id']}/wait?timeout=30")
    assert waited.status == 504, "nginx gave up"
    assert service.task(begun["job_id"])["status"] == "running"
    service.request("POST", f"/v1/tasks/{begun['job_id']}/pause")
    service.until_status(begun["job_id"], "paused")
    with socket_to(hasty, "/ws") as live:
        live.send(json.dumps({"type": "subscribe"}))
        seq = told(live, "snapshot")["seq"]
        with pytest.raises(ConnectionClosed):
            told(live, "nothing of that kind: nginx gives up first")
    server.set_faults("/slow.bin")
    service.request("POST", f"/v1/tasks/{begun['job_id']}/resume")
    service.until_status(begun["job_id"], "completed")
    with socket_to(hasty, "/ws") as live:
        live.send(json.dumps({"type": "subscribe", "after": seq}))
        seen: list[str] = []
        while "completed" not in seen:
            seen += [each["payload"]["to"] for each in told(live, "events")["events"] if "to" in each["payload"]]
        assert seen == ["pending", "scheduled", "running", "completing", "completed"]
    polled = hasty.request("GET", f"/v1/download/status/{begun['job_id']}").json()
    assert polled["status"] == "completed"


def test_an_event_stream_that_is_cut_goes_on_where_it_stopped(hasty: Proxy, server: FaultyServer) -> None:
    headers = {"Authorization": f"Bearer {hasty.service.token}"}
    first = hasty.service.add(server.add("/a.bin", BODY))
    with closing(hasty.connection()) as connection:
        connection.request("GET", "/v1/events?after=0", headers=headers)
        before = [event["id"] for event in events_of(connection.getresponse()) if "id" in event]
    hasty.service.until_status(first, "completed")
    second = hasty.service.add(server.add("/b.bin", BODY))
    hasty.service.until_status(second, "completed")
    with closing(hasty.connection()) as connection:
        connection.request("GET", "/v1/events", headers=headers | {"Last-Event-ID": before[-1]})
        after = [json.loads(event["data"]) for event in events_of(connection.getresponse()) if "id" in event]
    assert [each["payload"]["to"] for each in after if each["payload"].get("task_id") == second][-1] == "completed"
    assert min(each["seq"] for each in after) == int(before[-1]) + 1


# -- names and who is who --------------------------------------------------------------------------------


def test_another_name_is_refused_through_it_as_well(proxy: Proxy) -> None:
    assert proxy.request("GET", "/version").status == 200
    assert proxy.request("GET", "/version", headers={"Host": "evil.example"}).status == 421


def test_what_a_client_says_of_itself_counts_for_nothing(proxy: Proxy) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "127.0.0.1", "Forwarded": "host=evil.example"}
    assert proxy.request("GET", "/v1/session", headers=headers).json()["local"] is False
    begun = proxy.request("GET", "/version", headers=headers | {"X-Forwarded-Proto": "gopher"})
    assert begun.status == 200


def test_metrics_and_readiness_are_not_for_the_outside(proxy: Proxy) -> None:
    assert proxy.request("GET", "/metrics").status == 404
    assert proxy.request("GET", "/ready").status == 404
    assert proxy.request("GET", "/health").json() == {"status": "ok"}


def test_one_id_leads_from_the_proxys_log_to_the_services(proxy: Proxy) -> None:
    given = proxy.request("GET", "/version").headers["x-request-id"]
    assert len(given) == 32
    until(lambda: given in (proxy.service.home / "argosy.log").read_text())


def test_a_body_beyond_the_bounds_is_refused(proxy: Proxy) -> None:
    answer = proxy.request(
        "POST", "/v1/tasks", body=b"x" * (9 * 1024 * 1024), headers={"Content-Type": "application/json"}
    )
    assert answer.status == 413


def test_the_proxy_stays_while_the_service_starts_again(proxy: Proxy, server: FaultyServer) -> None:
    proxy.service.stop()
    assert proxy.request("GET", "/health").status == 502
    proxy.service.restart()
    until(lambda: proxy.request("GET", "/health").status == 200)
