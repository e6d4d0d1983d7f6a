"""FTP has no validators and no ranges, but a place to begin, a length and a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from argosy.testing.server import Body

from ..harness import Bench, is_paused
from .servers import Running, running

BODY = Body.generated(3_000_000, seed=8)
FILE = BODY.read()
LOGIN = {"user": "ann", "password": "open-sesame"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "ftp"
    (folder / "sub dir").mkdir(parents=True)
    (folder / "sub dir" / "file.bin").write_bytes(FILE)
    (folder / "empty").write_bytes(b"")
    return folder


def url(server: Running, path: str = "/sub%20dir/file.bin", login: str = "") -> str:
    return f"ftp://{login}127.0.0.1:{server.port}{path}"


def begun_at(server: Running) -> list[int]:
    """Where each transfer was asked to begin."""
    commands = [(event["command"], event["argument"]) for event in server.events]
    before = [("", ""), *commands]
    return [
        int(earlier[1]) if earlier[0] == "REST" else 0
        for earlier, (command, _) in zip(before, commands, strict=False)
        if command == "RETR"
    ]


async def test_a_file_comes_whole_with_its_time(files: Path, tmp_path: Path, bench: Bench) -> None:
    os.utime(files / "sub dir" / "file.bin", (784111777, 784111777))
    with running("ftp.py", tmp_path, root=files, **LOGIN) as server:
        done = await bench.fetch(url(server), connections=4)

    assert await bench.publish(done) == FILE
    assert done.state is not None
    assert (done.state.path, done.state.size) == ("file.bin", len(FILE))
    assert (bench.root / "file.bin").stat().st_mtime == 784111777


async def test_an_empty_file_is_a_file(files: Path, tmp_path: Path, bench: Bench) -> None:
    with running("ftp.py", tmp_path, root=files, **LOGIN) as server:
        done = await bench.fetch(url(server, "/empty"))

    assert await bench.publish(done) == b""


@pytest.mark.parametrize("how", ["url", "option"])
async def test_a_login_is_used(files: Path, tmp_path: Path, bench: Bench, how: str) -> None:
    with running("ftp.py", tmp_path, root=files, **LOGIN) as server:
        if how == "url":
            done = await bench.fetch(url(server, login="ann:open-sesame@"))
        else:
            done = await bench.fetch(url(server), user="ann:open-sesame")

        assert {"command": "USER", "argument": "ann"} in server.events
    assert await bench.publish(done) == FILE


async def test_a_wrong_login_is_told(files: Path, tmp_path: Path, bench: Bench) -> None:
    with running("ftp.py", tmp_path, root=files, **LOGIN) as server:
        done = await bench.fetch(url(server, login="ann:wrong-word@"))

    assert done.code == "login_denied"
    assert done.error is not None
    assert "wrong-word" not in repr(done.error.failure())


async def test_a_file_that_is_not_there_is_told(files: Path, tmp_path: Path, bench: Bench) -> None:
    with running("ftp.py", tmp_path, root=files, **LOGIN) as server:
        done = await bench.fetch(url(server, "/nothing.bin"))

    assert done.code == "not_found"


async def test_after_a_cut_it_goes_on_where_it_was_and_compares(files: Path, tmp_path: Path, bench: Bench) -> None:
    with running("ftp.py", tmp_path, root=files, cut_after=1_000_000, cuts=2, **LOGIN) as server:
        done = await bench.fetch(url(server))

        assert await bench.publish(done) == FILE
        begun = begun_at(server)
    assert len(begun) == 3
    assert 0 == begun[0] < begun[1] < begun[2]
    assert done.warnings == []


async def test_a_file_that_changed_meanwhile_is_fetched_anew(files: Path, tmp_path: Path, bench: Bench) -> None:
    new = Body.generated(len(FILE), seed=9).read()
    target = files / "sub dir" / "file.bin"
    stat = target.stat()
    with running("ftp.py", tmp_path, root=files, bytes_per_s=1_000_000, **LOGIN) as server:
        first = await bench.fetch(url(server), stop_after=1)
        assert is_paused(first)
        target.write_bytes(new)
        os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))

        second = await bench.resume(first, stall_timeout_s=5.0)

    assert await bench.publish(second) == new
    assert second.warnings == ["source_changed"]


@pytest.mark.parametrize("size", [0, 1000])
async def test_a_file_that_shrank_meanwhile_is_fetched_anew(
    files: Path, tmp_path: Path, bench: Bench, size: int
) -> None:
    with running("ftp.py", tmp_path, root=files, bytes_per_s=1_000_000, **LOGIN) as server:
        first = await bench.fetch(url(server), stop_after=1)
        assert is_paused(first)
        (files / "sub dir" / "file.bin").write_bytes(FILE[:size])

        second = await bench.resume(first, stall_timeout_s=5.0)

    assert await bench.publish(second) == FILE[:size]


async def test_a_server_that_can_only_begin_at_the_beginning_is_let_do_so(
    files: Path, tmp_path: Path, bench: Bench
) -> None:
    with running("ftp.py", tmp_path, root=files, rest=False, cut_after=2_000_000, cuts=1, **LOGIN) as server:
        done = await bench.fetch(url(server))

        assert await bench.publish(done) == FILE
        assert begun_at(server) == [0, 0]
    assert done.warnings == ["restarted"]


async def test_only_damage_is_fetched_again(files: Path, tmp_path: Path, bench: Bench) -> None:
    with running("ftp.py", tmp_path, root=files, **LOGIN) as server:
        first = await bench.fetch(url(server))
        assert first.state is not None
        part = bench.root / str(first.state.part)
        with part.open("r+b") as damaged:
            damaged.seek(1_500_000)
            damaged.write(b"damage")

        second = await bench.resume(first)

        assert await bench.publish(second) == FILE
        assert len(begun_at(server)) == 2
        assert 1_000_000 < begun_at(server)[1] < 1_500_000
    assert second.warnings == []
