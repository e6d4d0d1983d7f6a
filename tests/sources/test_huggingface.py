"""Repositories of the hub, from a local server that speaks its protocol; what comes is found by the hub's own library."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import argosy
from argosy import Request, Runtime, TransferOptions
from argosy.core.model import Presence
from argosy.core.types import Status
from argosy.errors import ArgosyError, UsageError
from argosy.sources.huggingface import HuggingFaceSource, Repository, parse
from argosy.testing.faults import Redirect, RequireBearer, Throttle
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer
from argosy.testing.source_contract import SourceContract, SourceSubject

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG = b'{"model_type": "tiny"}'
WEIGHTS = bytes(range(256)) * 4096
FILES = {"config.json": CONFIG, "model.safetensors": WEIGHTS, "onnx/model.onnx": WEIGHTS[:5000]}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.origin)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        for name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_TOKEN_PATH"):
            monkeypatch.delenv(name, raising=False)
        publish(server, COMMIT, FILES)
        yield server


def publish(server: FaultyServer, commit: str, files: dict[str, bytes], *, revision: str = "main") -> None:
    """Put a revision on the hub: the listing, small files themselves, and large ones behind a redirect."""
    siblings = []
    for path, body in files.items():
        told: dict[str, object] = {"rfilename": path, "size": len(body), "blobId": hashlib.sha1(body).hexdigest()}
        if len(body) > 1000:
            told["lfs"] = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 134}
            target = server.add(f"/cdn/{commit}/{path}", body)
            server.add(f"/org/tiny/resolve/{commit}/{path}", b"", faults=[Redirect(target + "?Expires=1&Signature=s")])
        else:
            server.add(f"/org/tiny/resolve/{commit}/{path}", body)
        siblings.append(told)
    listing = {"id": "org/tiny", "sha": commit, "siblings": siblings}
    server.add(
        f"/api/models/org/tiny/revision/{revision}", json.dumps(listing).encode(), content_type="application/json"
    )


async def fetched(home: Path, request: Request) -> Path:
    async with Runtime(home, directory=home) as runtime:
        (task,) = await runtime.add_many([request])
        done = await task
        assert done.status is Status.COMPLETED
        return Path(done.spec.directory)


async def test_the_hubs_own_library_finds_what_came(hub: FaultyServer, tmp_path: Path) -> None:
    folder = await fetched(tmp_path / "home", Request("hf:org/tiny"))
    assert folder == tmp_path / "hf" / "hub" / "models--org--tiny"
    program = (
        "from huggingface_hub import snapshot_download, hf_hub_download as get\n"
        "print(snapshot_download('org/tiny', local_files_only=True))\n"
        "print(get('org/tiny', 'onnx/model.onnx', local_files_only=True))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ}, check=False
    )
    assert ran.returncode == 0, ran.stderr
    snapshot, onnx = map(Path, ran.stdout.split())
    assert {path: (snapshot / path).read_bytes() for path in FILES} == FILES
    assert onnx.read_bytes() == FILES["onnx/model.onnx"]


async def test_only_what_is_asked_for_comes(hub: FaultyServer, tmp_path: Path) -> None:
    request = Request("hf:org/tiny", directory=tmp_path / "out", include=["*.json", "onnx/"], exclude=["*.safetensors"])
    folder = await fetched(tmp_path / "home", request)
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "config.json",
        "onnx/model.onnx",
    ]


async def test_a_second_time_nothing_large_is_sent_again(hub: FaultyServer, tmp_path: Path) -> None:
    await fetched(tmp_path / "home", Request("hf:org/tiny"))
    before = hub.bytes_sent()
    await fetched(tmp_path / "other-home", Request("hf:org/tiny"))
    assert hub.bytes_sent() - before < len(WEIGHTS) // 2


async def test_content_that_is_not_the_promised_one_is_refused(hub: FaultyServer, tmp_path: Path) -> None:
    hub.replace(f"/cdn/{COMMIT}/model.safetensors", bytes(reversed(WEIGHTS)))
    with pytest.raises(ArgosyError):
        await fetched(tmp_path / "home", Request("hf:org/tiny", max_retries=0))
    assert not list(tmp_path.rglob("model.safetensors"))
    assert not list(tmp_path.rglob("refs/main"))


async def test_the_token_goes_to_the_hub_and_nowhere_else(
    hub: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_s3cret")
    hub.set_faults("/api/models/org/tiny/revision/main", RequireBearer("hf_s3cret"))
    with FaultyServer() as elsewhere:
        target = elsewhere.add("/blob", WEIGHTS)
        hub.set_faults(f"/org/tiny/resolve/{COMMIT}/model.safetensors", Redirect(target))
        await fetched(tmp_path / "home", Request("hf:org/tiny"))
        assert elsewhere.requests
        assert all(record.header("authorization") is None for record in elsewhere.requests)


async def test_a_task_of_somebody_else_does_not_get_the_owners_token(
    hub: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_s3cret")
    async with Runtime(tmp_path / "home", directory=tmp_path) as runtime:
        (task,) = await runtime.add_many(
            [Request("hf:org/tiny", paused=True, options=TransferOptions(public_only=True))]
        )
        assert (await task.task()).spec.options.headers == ()


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"sha": "x", "siblings": []}', b"[]"])
async def test_a_hub_that_answers_nonsense_is_not_believed(hub: FaultyServer, tmp_path: Path, answer: bytes) -> None:
    hub.replace("/api/models/org/tiny/revision/main", answer)
    with pytest.raises(ArgosyError):
        await fetched(tmp_path / "home", Request("hf:org/tiny", max_retries=0))


async def test_a_name_that_would_leave_its_folder_is_refused(hub: FaultyServer, tmp_path: Path) -> None:
    listing = {"sha": COMMIT, "siblings": [{"rfilename": "../../evil", "size": 1}]}
    hub.replace("/api/models/org/tiny/revision/main", json.dumps(listing).encode())
    with pytest.raises(ArgosyError):
        await fetched(tmp_path / "home", Request("hf:org/tiny", max_retries=0))
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        ("hf:gpt2", Repository("models", "gpt2", "main")),
        ("hf:org/name@v1.0", Repository("models", "org/name", "v1.0")),
        ("hf://org/name", Repository("models", "org/name", "main")),
        ("hf:datasets/org/name@refs/pr/1", Repository("datasets", "org/name", "refs/pr/1")),
    ],
)
def test_names(text: str, repository: Repository) -> None:
    assert parse(text) == repository


@pytest.mark.parametrize("text", ["hf:", "hf:a/b/c", "hf:../x", "hf:a b", "hf:org/name@../..", "hf:org/..", "hf:@main"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


# -- ensure --------------------------------------------------------------------------------------------


async def test_what_is_here_is_found_without_asking_anybody(hub: FaultyServer, tmp_path: Path) -> None:
    first = await argosy.ensure("hf:org/tiny", home=tmp_path / "home")
    assert first == tmp_path / "hf/hub/models--org--tiny/snapshots" / COMMIT
    asked = len(hub.requests)
    assert await argosy.ensure("hf:org/tiny", home=tmp_path / "home") == first
    assert len(hub.requests) == asked


async def test_what_was_taken_away_is_brought_again(hub: FaultyServer, tmp_path: Path) -> None:
    folder = await argosy.ensure("hf:org/tiny", home=tmp_path / "home")
    (folder / "config.json").unlink()
    assert await argosy.ensure("hf:org/tiny", home=tmp_path / "home") == folder
    assert (folder / "config.json").read_bytes() == CONFIG


async def test_two_who_want_the_same_bring_it_once(hub: FaultyServer, tmp_path: Path) -> None:
    async with Runtime(tmp_path / "home") as runtime:
        one, two = await asyncio.gather(runtime.ensure("hf:org/tiny"), runtime.ensure("hf:org/tiny"))
    assert one == two
    assert len(hub.requests_to(f"/cdn/{COMMIT}/model.safetensors")) <= 8
    assert hub.bytes_sent(f"/cdn/{COMMIT}/model.safetensors") < 1.5 * len(WEIGHTS)


CHILD = "import asyncio, sys, argosy; print(asyncio.run(argosy.ensure('hf:org/tiny', home=sys.argv[1])))"


async def test_two_processes_bring_it_once(hub: FaultyServer, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    both = [
        subprocess.Popen([sys.executable, "-c", CHILD, home], stdout=subprocess.PIPE, text=True, env={**os.environ})
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60)[0].strip() for process in both]
    assert answers[0] == answers[1] != ""
    assert hub.bytes_sent(f"/cdn/{COMMIT}/model.safetensors") < 1.5 * len(WEIGHTS)


LARGE = bytes(range(256)) * 8192


@pytest.fixture
def slow_hub(hub: FaultyServer) -> FaultyServer:
    """The hub with weights of 2 MiB that take their time."""
    publish(hub, COMMIT, {"config.json": CONFIG, "model.safetensors": LARGE})
    hub.set_faults(f"/cdn/{COMMIT}/model.safetensors", Throttle(150_000))
    return hub


async def test_it_goes_on_after_kill_9_at_any_byte(slow_hub: FaultyServer, tmp_path: Path) -> None:
    home, blob = tmp_path / "home", f"/cdn/{COMMIT}/model.safetensors"
    for share in (0.05, 0.3, 0.6):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(home)], env={**os.environ})
        try:
            await until(lambda share=share: slow_hub.bytes_sent(blob) > share * len(LARGE), 60.0)  # type: ignore[misc]
        finally:
            child.kill()
            child.wait()
        assert not (tmp_path / "hf/hub/models--org--tiny/refs/main").exists(), "it is not there before all of it is"
    slow_hub.set_faults(blob)
    folder = await argosy.ensure("hf:org/tiny", home=home)
    assert (folder / "model.safetensors").read_bytes() == LARGE
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert slow_hub.bytes_sent(blob) < 2 * len(LARGE)


async def test_what_is_given_up_leaves_no_partial_file(slow_hub: FaultyServer, tmp_path: Path) -> None:
    async with Runtime(tmp_path / "home") as runtime:
        begun = await runtime.begin("hf:org/tiny")
        assert begun.task is not None
        handle = await runtime.handle(begun.task.id)
        async for now in handle.progress():
            if now.received > 100_000:
                break
        assert list((tmp_path / "hf").rglob("*.part"))
        await handle.cancel()
        await runtime.rest(handle.id)
        await until(lambda: _names(tmp_path / "hf") <= {"config.json"})
        assert (await runtime.model("hf:org/tiny")).state is Presence.ABSENT


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


async def test_a_new_revision_takes_unchanged_weights_from_the_old_one(hub: FaultyServer, tmp_path: Path) -> None:
    home, newer = tmp_path / "home", "f" * 40
    old = await argosy.ensure("hf:org/tiny", home=home)
    publish(hub, newer, FILES | {"config.json": b"{}"}, revision="v2")
    folder = await argosy.ensure("hf:org/tiny@v2", home=home)
    assert folder.name == newer
    assert {path: (folder / path).read_bytes() for path in FILES} == FILES | {"config.json": b"{}"}
    assert hub.requests_to(f"/cdn/{newer}/model.safetensors") == []
    assert (old / "config.json").read_bytes() == CONFIG


class TestContract(SourceContract):
    @pytest.fixture
    def subject(self, hub: FaultyServer) -> SourceSubject:
        return SourceSubject(HuggingFaceSource(), "hf:org/tiny", "hf:a/b/c/d", unwanted="*.json")
