"""Models on demand over HTTP: looked for, begun, joined and waited for; and the command line, which says the same of them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.warm import started

import argosy
from argosy import Progress
from argosy.core.model import Presence
from argosy.testing.faults import Throttle
from argosy.testing.server import FaultyServer

from .daemon import Daemon, until

BODY = bytes(range(256)) * 2000
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
VARYING = ("id", "created_at", "updated_at", "started_at", "finished_at")


def catalogue(home: Path, server: FaultyServer) -> None:
    server.add("/tiny.bin", BODY)
    server.add("/slow.bin", BODY, faults=[Throttle(50_000)])
    (home / "models.toml").write_text(f"""
[models."org/tiny"]
url = "{server.origin}/tiny.bin"
checksum = "{SHA256}"
size = {len(BODY)}

[models.slow]
url = "{server.origin}/slow.bin"
size = {len(BODY)}
essential = true
""")


@pytest.fixture
def shop(service: Daemon, server: FaultyServer) -> Daemon:
    """A service with a catalogue of models."""
    catalogue(service.home, server)
    return service


def run(daemon: Daemon, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    process = started(words, folder=daemon.folder, environ={**daemon.environment, **extra})
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def test_a_model_is_absent_then_begun_then_here(shop: Daemon) -> None:
    status, _, body = shop.request("GET", "/v1/models/org/tiny")
    absent = json.loads(body)
    assert (status, absent["state"], absent["listed"], absent["size"]) == (200, "absent", True, len(BODY))
    status, headers, body = shop.request("POST", "/v1/models/org/tiny", headers={"Prefer": "wait=30"})
    here = json.loads(body)
    path = shop.home / "models/org/tiny/tiny.bin"
    assert (status, here["state"], here["path"]) == (200, "here", str(path))
    assert headers["location"] == f"/v1/tasks/{here['task']['id']}"
    assert path.read_bytes() == BODY
    assert shop.request("GET", "/v1/models/org/tiny").json()["path"] == str(path)
    status, _, body = shop.request("POST", "/v1/models/org/tiny")
    assert (status, json.loads(body)["task"]["id"]) == (200, here["task"]["id"])


def test_what_is_under_way_is_joined_and_tells_how_far_it_is(shop: Daemon) -> None:
    status, headers, body = shop.request("POST", "/v1/models/slow")
    task = json.loads(body)["task"]
    assert (status, headers["retry-after"], task["queue"]) == (202, "1", "interactive")
    assert shop.request("POST", "/v1/models/slow").json()["task"]["id"] == task["id"]

    def now() -> Any:
        return shop.request("GET", "/v1/models/slow").json()

    until(lambda: now()["progress"]["received"])
    assert now()["state"] == "under_way"
    figures = now()["progress"]
    assert figures["total"] == len(BODY)
    assert figures["remaining_bytes"] == len(BODY) - figures["received"]
    assert 0 < figures["percent"] < 100
    assert figures["elapsed_s"] > 0
    assert figures["average_bps"] > 0
    shop.request("POST", f"/v1/tasks/{task['id']}/cancel")
    until(lambda: now()["state"] == "absent")


def test_the_list_has_essential_ones_first(shop: Daemon) -> None:
    found = shop.request("GET", "/v1/models").json()["models"]
    assert [(each["id"], each["essential"], each["state"]) for each in found] == [
        ("slow", True, "absent"), ("org/tiny", False, "absent"),
    ]  # fmt: skip


def test_who_only_reads_begins_nothing(shop: Daemon) -> None:
    token = shop.request("POST", "/v1/tokens", {"name": "reader", "scope": "read"}).json()["token"]
    assert shop.request("GET", "/v1/models/org/tiny", token=token).status == 200
    assert shop.request("POST", "/v1/models/org/tiny", token=token).status == 403
    assert shop.request("POST", "/v1/models", {"id": "org/tiny"}, token=token).status == 403


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/models/nobody", "unknown_model"),
        ("/v1/models/hf:a/b/c/d", "usage"),
        ("/v1/models/gopher:x", "unknown_source"),
    ],
)
def test_what_nobody_knows_is_refused(shop: Daemon, path: str, code: str) -> None:
    status, _, body = shop.request("GET", path)
    told = json.loads(body)
    assert (status, told["code"]) == (404 if code == "unknown_model" else 422, code)
    assert told["hint"]


def test_a_catalogue_that_makes_no_sense_says_where(shop: Daemon) -> None:
    (shop.home / "models.toml").write_text('[models.tiny]\nurl = "https://example.org/x"\nsise = 5\n')
    status, _, body = shop.request("GET", "/v1/models")
    told = json.loads(body)
    assert (status, told["code"]) == (500, "model_catalogue")
    assert "models.tiny.sise" in told["detail"]
    assert told["hint"] == "did you mean 'size'?"
    ran = run(shop, "models")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "models.tiny.sise" in ran.stderr


def publish(server: FaultyServer) -> None:
    server.add("/org/tiny/resolve/" + COMMIT + "/config.json", b"{}")
    listing = {"sha": COMMIT, "siblings": [{"rfilename": "config.json", "size": 2}]}
    server.add("/api/models/org/tiny/revision/main", json.dumps(listing).encode(), content_type="application/json")


@pytest.mark.parametrize("owner", [True, False])
def test_a_repository_of_the_hub_is_named_by_its_path(
    daemons: Callable[..., Daemon], server: FaultyServer, tmp_path: Path, owner: bool
) -> None:
    publish(server)
    hub = daemons(HF_ENDPOINT=server.origin, HF_HOME=str(tmp_path / "hf")).start()
    snapshot = f"models--org--tiny/snapshots/{COMMIT}"
    if owner:  # through the Unix socket: into the owner's cache, where whoever asks finds it
        ran = run(hub, "ensure", "hf:org/tiny")
        assert ran.stdout.strip() == str(tmp_path / "hf/hub" / snapshot), ran.stderr
    else:
        assert hub.request("POST", "/v1/models/hf:org/tiny", headers={"Prefer": "wait=30"}).json()["path"] == str(
            hub.folder / snapshot
        )
    found = hub.request("GET", "/v1/models/hf:org/tiny").json()
    assert (found["state"], found["listed"]) == ("here", False)
    assert Path(found["path"], "config.json").read_bytes() == b"{}"


async def test_the_client_ensures_and_lists(shop: Daemon) -> None:
    told: list[Progress] = []
    async with argosy.Client(shop.url, shop.token) as client:
        path = await client.ensure("org/tiny", progress=told.append)
        assert path.read_bytes() == BODY
        assert told[-1].percent == 100.0
        assert await client.ensure("org/tiny") == path
        slow, tiny = await client.models()
        assert (slow.state, tiny.state, tiny.path) == (Presence.ABSENT, Presence.HERE, str(path))
        assert (await client.model("org/tiny")).figures == tiny.figures
        with pytest.raises(argosy.ArgosyError) as caught:
            await client.ensure("nobody")
        assert caught.value.detail_code == "unknown_model"


def unlike(text: str, home: Path) -> str:
    """Return what was printed without what differs from one home, and one run, to the next."""
    if not text.startswith("{"):
        return text.replace(str(home), "HOME")
    told = json.loads(text.replace(str(home), "HOME"))
    for each in told.get("models", ()):
        if each["task"] is not None:
            each["task"] = {name: value for name, value in each["task"].items() if name not in VARYING}
            each["progress"] = {**each["progress"], "average_bps": 0, "elapsed_s": 0}
    return json.dumps(told)


LOOKS = (
    "models", "models --json", "ensure org/tiny", "ensure org/tiny --json", "models", "models --json", "ensure nobody",
    "models fetch org/tiny", "models fetch nobody", "ensure nobody --json",
)  # fmt: skip


def test_the_command_says_the_same_with_and_without_a_service(
    daemons: Callable[..., Daemon], server: FaultyServer
) -> None:
    served, alone = daemons().start(), daemons()
    answers = []
    for daemon in (served, alone):
        catalogue(daemon.home, server)
        ran = [run(daemon, *look.split()) for look in LOOKS]
        answers.append(
            [(each.returncode, unlike(each.stdout, daemon.home), unlike(each.stderr, daemon.home)) for each in ran]
        )
    assert answers[0] == answers[1]
    assert [code for code, _, _ in answers[0]] == [0, 0, 0, 0, 0, 0, 2, 0, 2, 2]


def test_fetch_brings_what_is_essential(shop: Daemon, server: FaultyServer) -> None:
    server.set_faults("/slow.bin")
    ran = run(shop, "models", "fetch", "--essential")
    assert (ran.returncode, ran.stdout) == (0, f"{shop.home / 'models/slow/slow.bin'}\n")
    assert server.requests_to("/tiny.bin") == []


def test_what_is_essential_comes_by_itself_at_the_start_if_the_settings_say_so(
    daemons: Callable[..., Daemon], server: FaultyServer
) -> None:
    daemon = daemons(ARGOSY_MODELS_AT_START="essential")
    catalogue(daemon.home, server)
    server.set_faults("/slow.bin")
    daemon.start()
    until(lambda: shown(daemon) == ["here", "absent"])


def shown(daemon: Daemon) -> list[str]:
    return [each["state"] for each in daemon.request("GET", "/v1/models").json()["models"]]


def test_who_waits_for_a_model_goes_ahead_of_the_backlog(daemons: Callable[..., Daemon], server: FaultyServer) -> None:
    daemon = daemons(ARGOSY_MAX_RUNNING="1").start()
    catalogue(daemon.home, server)
    backlog = [server.add(f"/{n}.bin", BODY[:100_000], faults=[Throttle(100_000)]) for n in range(3)]
    for url in backlog:
        daemon.request("POST", "/v1/tasks", {"source": url, "queue": "automatic", "priority": 9})
    assert daemon.request("POST", "/v1/models/org/tiny", headers={"Prefer": "wait=30"}).json()["state"] == "here"
    order = list(dict.fromkeys(record.path for record in server.requests))
    assert order.index("/tiny.bin") <= 1
