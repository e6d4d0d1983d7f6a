"""A secret that goes into the service comes out nowhere: in no answer, event, log, metric, webhook or problem."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from argosy.testing.faults import Status
from argosy.testing.server import FaultyServer

from .daemon import Daemon, until
from .receiver import Receiver
from .wire import connected

CANARY = "canary7d20"
BODY = bytes(range(256)) * 400


def secret(url: str) -> str:
    return url.replace("://", f"://me:{CANARY}@") + f"?part=1&X-Amz-Signature={CANARY}"


def reads(service: Daemon, tasks: list[str]) -> set[str]:
    """Return every address that can be read; those of a task for each of the tasks."""
    described = service.request("GET", "/openapi.json").json()["paths"]
    paths = [path.replace("{job_id}", "{task_id}") for path, verbs in described.items() if "get" in verbs]
    paths = [path.replace("{index}", "0").replace("{name}", "x") for path in paths]
    filled = {path.replace("{task_id}", task) for path in paths for task in tasks}
    return {"/metrics", *(path for path in filled if "{" not in path)}


def everything(service: Daemon, path: str) -> bytes:
    """Return what an address says, of a stream what it says until it falls silent."""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {service.token}\r\nConnection: close\r\n\r\n"
    )
    said = b""
    with closing(connected(service, timeout=0.3)) as connection:
        connection.sendall(request.encode())
        try:
            while more := connection.recv(65_536):
                said += more
        except TimeoutError:
            pass
    return said


def tasks(url: str, callback: str) -> list[dict[str, Any]]:
    """Return tasks that are given a secret in every way there is; the last one only the machine's owner may ask for."""
    shown = {
        "headers": {"Authorization": f"Bearer {CANARY}", "X-Api-Key": CANARY}, "cookie": f"sid={CANARY}",
        "user": f"me:{CANARY}", "referer": secret("http://127.0.0.1:9/page"), "sidecar": secret("http://127.0.0.1:9/SUMS"),
    }  # fmt: skip
    return [
        {"source": url, "name": "shown", "options": shown, "callback": callback},
        {"source": url, "name": "mirrored", "mirrors": [secret("http://127.0.0.1:9/mirror")]},
        {"source": url, "name": "by-proxy", "options": {"proxy": f"http://me:{CANARY}@127.0.0.1:9"}},
    ]


def initiate(service: Daemon, urls: list[str], callback: str) -> str:
    answer = service.request("POST", "/v1/download/initiate", {"urls": urls, "callback_url": callback})
    assert answer.status < 300, answer.body
    assert CANARY.encode() not in answer.body
    job: str = answer.json()["job_id"]
    return job


def everything_begun(service: Daemon, urls: list[str], callback: str) -> tuple[list[str], list[tuple[str, bytes]]]:
    """Return the ids of jobs that were given a secret in every way there is, and what was answered."""
    jobs, said = [initiate(service, [urls[0]], callback), initiate(service, urls[1:], callback)], []
    for task in tasks(urls[0], callback):
        added = service.request("POST", "/v1/tasks", task, local=True)
        assert added.status == 202, added.body
        said.append(("/v1/tasks", added.body))
        jobs.append(added.json()["id"])
    return jobs, said


WRONG = [{"urls": ["x", 1]}, {"token": CANARY, "code": CANARY}, {"name": CANARY + "\n"}, {"priority": CANARY}]


@pytest.mark.timeout(180)
def test_a_secret_is_in_nothing_that_the_service_says(daemons: Callable[..., Daemon], server: FaultyServer) -> None:
    service = daemons(ARGOSY_LOG_LEVEL="debug").start()
    urls = [secret(server.add("/good.bin", BODY)), secret(server.add("/refused.bin", BODY, faults=[Status(401)])),
            secret(server.url("/gone.bin"))]  # fmt: skip
    wrong = [*WRONG, {"source": [{"url": urls[0]}]}, {"source": urls[0] + " x\n"}, {"urls": ["nothing" + urls[0]]}]
    live_headers = {"Authorization": f"Bearer {service.token}"}
    with (
        Receiver() as told,
        connect(f"ws://127.0.0.1:{service.port}/ws", additional_headers=live_headers) as live,
    ):
        live.send(json.dumps({"type": "subscribe"}))
        jobs, said = everything_begun(service, urls, secret(told.url()))
        settled = {"completed", "failed", "cancelled", "retrying"}
        until(lambda: all(service.task(job)["status"] in settled for job in jobs), 60)
        until(lambda: len(told.messages) >= 2, 30)
        said += _heard(live)
        said += [("webhook", message.body) for message in told.messages]
        assert all(CANARY in message.path for message in told.messages), "it was never used at all"
        said += [(path, everything(service, path)) for path in reads(service, jobs)]
    for path in ("/v1/tasks", "/v1/download/initiate", "/v1/login", "/v1/tokens", "/v1/probe", "/v1/webhooks"):
        said += [(path, service.request("POST", path, body).body) for body in wrong]
    assert len(said) > 100
    for where, text in said:
        assert CANARY.encode() not in text, (where, text)
    service.stop()
    assert_nothing_kept(service)
    assert any(CANARY in str(record.request) for record in server.requests), "it was never used at all"


def _heard(live: Any) -> list[tuple[str, bytes]]:
    heard = []
    try:
        while True:
            frame = live.recv(timeout=1)
            heard.append(("/ws", frame.encode() if isinstance(frame, str) else frame))
    except TimeoutError:
        return heard


def assert_nothing_kept(service: Daemon) -> None:
    assert CANARY not in "".join(service.errors)
    kept = [path for path in (*service.home.rglob("*"), *service.folder.rglob("*")) if path.is_file()]
    assert any(path.suffix == ".log" for path in kept)
    for path in kept:
        assert CANARY not in str(path)
        if not path.name.startswith("argosy.db"):
            assert CANARY.encode() not in path.read_bytes(), path


def test_a_token_is_in_no_log_whatever_way_it_is_shown(daemons: Callable[..., Daemon]) -> None:
    token = "canary7d20-canary7d20-canary7d20"
    service = daemons(ARGOSY_LOG_LEVEL="debug", ARGOSY_TOKEN=token)
    service.cold = True
    service.start()
    service.request("GET", "/v1/session", token=token)
    service.request("GET", f"/v1/session?token={token}", token=token + "x")
    cookie = service.request("POST", "/v1/login", {"token": token}, token=None).headers["set-cookie"].partition(";")[0]
    service.request("GET", "/v1/nothing", headers={"Cookie": cookie, "X-Token": token}, token=None)
    with connect(f"ws://127.0.0.1:{service.port}/ws", subprotocols=["argosy", f"argosy.bearer.{token}"]):  # type: ignore[list-item]
        pass
    command = Path(f"/proc/{service.pid}/cmdline").read_bytes()
    service.stop()
    session = cookie.partition("=")[2]
    said = "".join(path.read_text(errors="replace") for path in service.home.rglob("*.log")) + "".join(service.errors)
    assert said
    assert token not in said + command.decode()
    assert session not in said
