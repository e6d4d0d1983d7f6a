"""The real service, and servers it can fetch from.

``service`` is a running daemon; ``daemons`` makes more of them, or one that is not started yet; ``server`` is where
files are; ``slow`` a file that takes its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from argosy.testing import faults
from argosy.testing.server import FaultyServer

from .daemon import Daemon

BODY = bytes(range(256)) * 400


@pytest.fixture
def daemons(tmp_path: Path, server: FaultyServer) -> Iterator[Callable[..., Daemon]]:
    """Makes daemons that are not started yet, each of a home of its own; keywords are variables of its environment.

    They end before the server does, which so is asked nothing while it stops.
    """
    made: list[Daemon] = []

    def make(**environment: str) -> Daemon:
        home, folder = tmp_path / f"home{len(made)}", tmp_path / f"downloads{len(made)}"
        home.mkdir(mode=0o700)
        folder.mkdir()
        made.append(Daemon(home, folder, dict(environment)))
        return made[-1]

    yield make
    for daemon in made:
        daemon.clear_away()
    assert [line for daemon in made for line in daemon.errors if "Traceback" in line] == [], (
        "something went wrong unseen",
        [line for daemon in made for line in daemon.errors],
    )


@pytest.fixture
def service(daemons: Callable[..., Daemon]) -> Daemon:
    """A daemon that answers."""
    return daemons().start()


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
def slow(server: FaultyServer) -> str:
    """The URL of a file of 4 MiB that takes about half a minute over eight connections."""
    return server.add("/slow.bin", BODY[:1024] * 4096, faults=[faults.Throttle(16_384)])
