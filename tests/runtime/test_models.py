"""Models on demand: found, joined or brought, in this process and among several."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy import Progress, Queue, Request, Runtime
from argosy.config import load
from argosy.core.model import Presence
from argosy.errors import UsageError
from argosy.testing.faults import Throttle
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

BODY = bytes(range(256)) * 8192
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
PACE = Throttle(300_000)
"""A second or so for each connection's part of the body."""
CHILD = (
    "import asyncio, sys, argosy\n"
    "print(asyncio.run(argosy.ensure(sys.argv[2], home=sys.argv[1], progress=lambda now: None)))"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[str]]]:
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        process.kill()
        process.communicate()


def catalogue(home: Path, **models: Any) -> None:
    """Write a catalogue; TOML takes JSON's texts, numbers and lists of texts."""
    home.mkdir(exist_ok=True)
    lines = []
    for name, known in models.items():
        lines += [f"[models.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in known.items())]
    (home / "models.toml").write_text("\n".join(lines))


def ensuring(home: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(home), name], stdout=subprocess.PIPE, text=True)


async def test_a_model_comes_by_its_name_and_is_found_without_asking_anybody(server: FaultyServer, home: Path) -> None:
    catalogue(home, tiny={"url": server.add("/tiny.bin", BODY), "checksum": SHA256, "size": len(BODY)})
    told: list[Progress] = []
    path = await argosy.ensure("tiny", home=home, progress=told.append)
    assert path == home / "models" / "tiny" / "tiny.bin"
    assert path.read_bytes() == BODY
    assert [told[0].total, told[-1].percent] == [len(BODY), 100.0]
    asked = len(server.requests)
    assert await argosy.ensure("tiny", home=home, progress=told.append) == path
    assert len(server.requests) == asked


async def test_a_model_of_several_files_is_their_folder(server: FaultyServer, home: Path) -> None:
    home.mkdir()
    url, other = server.add("/a.bin", BODY), server.add("/b.json", b"{}")
    (home / "models.toml").write_text(
        f'[models."o/m"]\nfiles = [{{ url = "{url}", filename = "w/a.bin" }}, {{ url = "{other}" }}]'
    )
    folder = await argosy.ensure("o/m", home=home)
    assert folder == home / "models/o/m"
    assert {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()} == {"w/a.bin", "b.json"}


async def test_where_models_stand(server: FaultyServer, home: Path) -> None:
    slow = server.add("/slow.bin", BODY, faults=[Throttle(30_000)])
    catalogue(
        home, small={"url": server.add("/small.bin", BODY), "priority": 1},
        slow={"url": slow, "essential": True, "size": len(BODY)}, gone={"url": server.origin + "/gone.bin"},
    )  # fmt: skip
    async with Runtime(home) as runtime:
        assert {each.id: each.state for each in await runtime.models()} == dict.fromkeys(
            ["slow", "small", "gone"], Presence.ABSENT
        )
        await runtime.ensure("small")
        begun = await runtime.begin("slow")
        assert begun.task is not None
        with pytest.raises(argosy.ArgosyError):
            await runtime.ensure("gone", max_retries=0)
        async for now in (await runtime.handle(begun.task.id)).progress():
            if now.received:
                break
        slow_now, small, gone = await runtime.models()
        assert (slow_now.id, slow_now.state, slow_now.essential) == ("slow", Presence.UNDER_WAY, True)
        assert slow_now.figures is not None
        assert slow_now.figures.received > 0
        assert slow_now.figures.remaining_bytes == len(BODY) - slow_now.figures.received
        assert (small.state, small.path) == (Presence.HERE, str(home / "models/small/small.bin"))
        assert gone.state is Presence.ABSENT
        assert gone.task is not None
        assert gone.task.error is not None
        assert await runtime.model("gone") == gone
        await runtime.cancel([begun.task.id])
        await runtime.rest(begun.task.id)
        assert (await runtime.model("slow")).state is Presence.ABSENT
    assert [each for each in (home / "models").rglob("*") if each.is_file()] == [home / "models/small/small.bin"]


async def test_a_new_checksum_in_the_catalogue_is_a_new_version_in_the_same_place(
    server: FaultyServer, home: Path
) -> None:
    url = server.add("/tiny.bin", BODY)
    catalogue(home, tiny={"url": url, "checksum": SHA256})
    path = await argosy.ensure("tiny", home=home)
    newer = bytes(reversed(BODY))
    server.replace("/tiny.bin", newer)
    catalogue(home, tiny={"url": url, "checksum": f"sha256:{hashlib.sha256(newer).hexdigest()}"})
    assert await argosy.ensure("tiny", home=home) == path
    assert path.read_bytes() == newer
    assert [each.name for each in path.parent.iterdir()] == ["tiny.bin"]


async def test_further_mirrors_are_no_new_version(server: FaultyServer, home: Path) -> None:
    url = server.add("/tiny.bin", BODY)
    catalogue(home, tiny={"url": url, "checksum": SHA256})
    path = await argosy.ensure("tiny", home=home)
    catalogue(home, tiny={"url": "http://127.0.0.1:9/tiny.bin", "mirrors": [url], "checksum": SHA256})
    asked = len(server.requests)
    assert await argosy.ensure("tiny", home=home) == path
    assert len(server.requests) == asked


async def test_who_asks_for_what_nobody_knows_is_told_what_there_is(home: Path) -> None:
    catalogue(home, tiny={"url": "https://example.org/tiny.bin"})
    with pytest.raises(UsageError) as caught:
        await argosy.ensure("tinny", home=home)
    assert caught.value.detail_code == "unknown_model"
    assert "'tiny'" in caught.value.hint


async def test_the_setting_names_another_catalogue(server: FaultyServer, home: Path, tmp_path: Path) -> None:
    catalogue(tmp_path, tiny={"url": server.add("/tiny.bin", BODY)})
    settings = load(home).over({"models": str(tmp_path / "models.toml")}, "test")
    async with Runtime(settings=settings) as runtime:
        assert (await runtime.ensure("tiny")).read_bytes() == BODY
    async with Runtime(settings=settings.over({"models": "nowhere.toml"}, "test")) as runtime:
        with pytest.raises(UsageError, match="there is no catalogue"):
            await runtime.models()


async def test_what_waits_in_the_backlog_goes_ahead_once_somebody_waits_for_it(
    server: FaultyServer, home: Path
) -> None:
    catalogue(home, tiny={"url": server.add("/tiny.bin", BODY)})
    others = [server.add(f"/{n}.bin", BODY[:400_000], faults=[PACE]) for n in range(3)]
    async with Runtime(home, directory=home / "out", max_running=1) as runtime:
        handles = await runtime.add_many([Request(url, queue=Queue.AUTOMATIC, priority=9) for url in others])
        waiting = await runtime.begin("tiny", queue=Queue.AUTOMATIC)
        assert waiting.task is not None
        assert waiting.task.queue is Queue.AUTOMATIC
        await runtime.ensure("tiny")
        done = [(await handle.task()).finished_at for handle in handles]
        assert sum(at is not None for at in done) <= 1, "at most the one that ran already"


async def test_outside_of_its_window_a_model_waits_and_says_so(server: FaultyServer, home: Path) -> None:
    catalogue(home, tiny={"url": server.add("/tiny.bin", BODY)})
    hour = (time.localtime().tm_hour + 12) % 24
    async with Runtime(home) as runtime:
        await runtime.apply_limits(window=f"{hour:02}:00-{hour:02}:30")
        waiting = await runtime.begin("tiny")
        assert waiting.task is not None
        why = await runtime.why(waiting.task.id)
        assert (why.code, server.requests) == ("window", [])
        await runtime.apply_limits(window="")
        assert (await runtime.ensure("tiny")).read_bytes() == BODY


async def test_a_cap_for_all_holds_for_models_too(server: FaultyServer, home: Path) -> None:
    catalogue(home, tiny={"url": server.add("/tiny.bin", BODY)})
    async with Runtime(home) as runtime:
        await runtime.apply_limits(rate="00:00-00:00 200k, else 200k")
        begun = await runtime.begin("tiny")
        assert begun.task is not None
        handle = await runtime.handle(begun.task.id)

        async def throttled() -> bool:
            return (await runtime.why(handle.id)).code == "throttled"

        await until(throttled)
        await runtime.apply_limits(rate="unlimited")
        assert (await runtime.ensure("tiny")).read_bytes() == BODY


# -- among processes -----------------------------------------------------------------------------------


async def test_another_process_joins_what_one_brings(
    server: FaultyServer, home: Path, children: list[subprocess.Popen[str]]
) -> None:
    catalogue(home, tiny={"url": server.add("/tiny.bin", BODY, faults=[PACE]), "checksum": SHA256})
    children.append(ensuring(home, "tiny"))
    await until(lambda: server.bytes_sent("/tiny.bin") > 100_000)
    async with Runtime(home, work=False) as onlooker:
        seen = await onlooker.model("tiny")
        assert seen.state is Presence.UNDER_WAY
        assert seen.figures is not None
    children.append(ensuring(home, "tiny"))
    answers = [(await asyncio.to_thread(child.communicate, timeout=60))[0].strip() for child in children]
    assert answers == [str(home / "models/tiny/tiny.bin")] * 2
    assert server.bytes_sent("/tiny.bin") < 1.5 * len(BODY)


async def test_after_kill_9_at_any_byte_it_goes_on(
    server: FaultyServer, home: Path, children: list[subprocess.Popen[str]]
) -> None:
    catalogue(home, tiny={"url": server.add("/tiny.bin", BODY, faults=[Throttle(150_000)]), "checksum": SHA256})
    for share in (0.05, 0.3, 0.6):
        child = ensuring(home, "tiny")
        children.append(child)
        await until(lambda share=share: server.bytes_sent("/tiny.bin") > share * len(BODY), 60.0)  # type: ignore[misc]
        child.send_signal(signal.SIGKILL)
        child.wait()
    server.set_faults("/tiny.bin")
    path = await argosy.ensure("tiny", home=home)
    assert path.read_bytes() == BODY
    assert [each.name for each in path.parent.iterdir()] == ["tiny.bin"]
    assert server.bytes_sent("/tiny.bin") < 2 * len(BODY)
