"""A first process is killed, and a second one meets a server that misbehaves: never exit 0 with wrong bytes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.engines.every_fault import BODY, CASES, MIB

from argosy.testing.faults import Stall
from argosy.testing.server import FaultyServer

from .command import Argosy, ended, until

PATH = "/file.bin"
CUT_AT = MIB + 300_000
FAILURES = {3, 4, 5, 7}
"""Exit codes that blame the network, the login, the server or the bytes."""


@dataclass
class Cut:
    """What the first process left, to be put back before each second one."""

    server: FaultyServer
    argosy: Argosy
    copy: Path

    @property
    def url(self) -> str:
        return self.server.url(PATH)

    def put_back(self) -> None:
        for folder in (self.argosy.home, self.argosy.folder):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(self.copy / folder.name, folder)

    @property
    def visible(self) -> list[Path]:
        return [path for path in self.argosy.folder.iterdir() if not path.name.startswith(".")]


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cut]:
    base = tmp_path_factory.mktemp("cut")
    command = Argosy(base / "home", base / "downloads")
    command.home.mkdir()
    command.folder.mkdir()
    with FaultyServer() as server:
        url = server.add(PATH, BODY, faults=[Stall(CUT_AT)])
        first = command.start("get", "-x", "1", url)
        server.wait_for_bytes(CUT_AT, path=PATH)
        until(lambda: command("ls", "--json").document["tasks"][0]["received"] >= MIB)
        first.kill()
        ended(first)
        copy = base / "copy"
        for folder in (command.home, command.folder):
            shutil.copytree(folder, copy / folder.name)
        yield Cut(server, command, copy)
        command.stop()


@pytest.mark.parametrize("name", CASES)
def test_a_second_process_brings_one_version_whole_or_says_that_it_failed(cut: Cut, name: str) -> None:
    case = CASES[name]
    cut.put_back()
    cut.server.set_faults(PATH, *case.faults)
    ran = cut.argosy(
        "get", "-x", "1", "--retries", "0", "--timeout", "0.5s", "--connect-timeout", "2s", "--no-netrc", cut.url
    )
    if case.arrives is not None:
        assert (ran.code == 0) is case.arrives, ran.err
    if ran.code == 0:
        (path,) = cut.visible
        assert ran.out == f"{path}\n"
        found = path.read_bytes()
        assert any(found == version.read() for version in case.versions), "wrong bytes were published"
    else:
        assert ran.code in FAILURES, ran.err
        assert cut.visible == []
        assert ran.out == ""


def test_without_any_misbehaviour_only_what_is_missing_is_asked_for(cut: Cut) -> None:
    cut.put_back()
    cut.server.set_faults(PATH)
    before = cut.server.bytes_sent()
    assert cut.argosy("get", "-x", "1", cut.url).code == 0
    assert cut.server.bytes_sent() - before < BODY.size - MIB + 2 * 65_536
