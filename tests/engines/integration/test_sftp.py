"""SFTP: the host must be known, the login right; the rest is like FTP."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import asyncssh
import pytest

from argosy.testing.server import Body

from ..harness import Bench
from .servers import Running, running

BODY = Body.generated(3_000_000, seed=10)
FILE = BODY.read()
LOGIN = {"user": "ann", "password": "open-sesame"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is served, and a key that may log in."""
    folder = tmp_path_factory.mktemp("sftp")
    (folder / "files").mkdir()
    (folder / "files" / "file.bin").write_bytes(FILE)
    (folder / "files" / "empty").write_bytes(b"")
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(folder / "key"))
    key.write_public_key(str(folder / "key.pub"))
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Running]:
    with running("sftp.py", folder, root=folder / "files", authorized=folder / "key.pub", **LOGIN) as started:
        yield started


def url(server: Running, path: str = "/file.bin", login: str = "ann:open-sesame@") -> str:
    return f"sftp://{login}127.0.0.1:{server.port}{path}"


def meet(server: Running, tmp_path: Path) -> None:
    """The user has met this host before."""
    known = tmp_path / "home" / ".ssh"
    known.mkdir()
    (known / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {server.told['key']}\n")


async def test_a_file_of_a_known_host_comes_whole(server: Running, tmp_path: Path, bench: Bench) -> None:
    meet(server, tmp_path)

    done = await bench.fetch(url(server), connections=4)

    assert await bench.publish(done) == FILE
    assert done.state is not None
    assert (done.state.path, done.state.size) == ("file.bin", len(FILE))
    assert abs((bench.root / "file.bin").stat().st_mtime - int(done.state.part_mtime_ns or 0) / 1e9) < 3600


async def test_an_empty_file_is_a_file(server: Running, tmp_path: Path, bench: Bench) -> None:
    meet(server, tmp_path)

    assert await bench.publish(await bench.fetch(url(server, "/empty"))) == b""


@pytest.mark.parametrize("met", ["never", "with another key", "no file"])
async def test_an_unknown_host_is_refused_before_a_password_is_sent(
    server: Running, tmp_path: Path, bench: Bench, met: str
) -> None:
    before = len(server.events)
    if met != "no file":
        meet(server, tmp_path)
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        known = tmp_path / "home" / ".ssh" / "known_hosts"
        known.write_text(f"[127.0.0.1]:{server.port} {other}" if met == "with another key" else "")

    done = await bench.fetch(url(server))

    assert done.code == "host_key"
    assert done.error is not None
    assert not done.error.retryable
    assert "ssh-keyscan" in done.error.hint
    assert server.events[before:] == []


async def test_whoever_says_so_trusts_any_host(server: Running, bench: Bench) -> None:
    assert await bench.publish(await bench.fetch(url(server), insecure=True)) == FILE


async def test_a_wrong_password_is_told(server: Running, tmp_path: Path, bench: Bench) -> None:
    meet(server, tmp_path)

    done = await bench.fetch(url(server, login="ann:wrong-word@"))

    assert done.code == "login_denied"
    assert done.error is not None
    assert "wrong-word" not in repr(done.error.failure())


@pytest.mark.parametrize("where", ["option", "home"])
async def test_a_key_can_log_in(server: Running, folder: Path, tmp_path: Path, bench: Bench, where: str) -> None:
    meet(server, tmp_path)
    key = folder / "key"
    if where == "home":
        key = tmp_path / "home" / ".ssh" / "id_ed25519"
        key.write_bytes((folder / "key").read_bytes())
        key.chmod(stat.S_IRUSR)

    done = await bench.fetch(url(server, login="ann@"), client_key=str(key) if where == "option" else None)

    assert await bench.publish(done) == FILE


async def test_a_file_that_is_not_there_is_told(server: Running, tmp_path: Path, bench: Bench) -> None:
    meet(server, tmp_path)

    done = await bench.fetch(url(server, "/nothing.bin"))

    assert done.code == "not_found"


async def test_after_a_cut_it_goes_on_where_it_was_and_compares(folder: Path, tmp_path: Path, bench: Bench) -> None:
    with running("sftp.py", tmp_path, root=folder / "files", cut_after=1_500_000, cuts=1, **LOGIN) as server:
        meet(server, tmp_path)

        done = await bench.fetch(url(server))

        assert await bench.publish(done) == FILE
        offsets = [event["offset"] for event in server.events if "offset" in event]
    again = [after for before, after in pairwise(offsets) if after < before]
    assert len(again) == 1
    assert again[0] > 0, "it did not begin anew"
    assert done.warnings == []


async def test_only_damage_is_fetched_again(server: Running, tmp_path: Path, bench: Bench) -> None:
    meet(server, tmp_path)
    first = await bench.fetch(url(server))
    assert first.state is not None
    with (bench.root / str(first.state.part)).open("r+b") as damaged:
        damaged.seek(1_500_000)
        damaged.write(b"damage")
    before = len(server.events)

    second = await bench.resume(first)

    assert await bench.publish(second) == FILE
    offsets = [event["offset"] for event in server.events[before:] if "offset" in event]
    assert min(offsets) > 1_000_000
    assert second.warnings == []
