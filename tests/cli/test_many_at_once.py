"""Fifty downloads in one process, and what a signal does to them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from argosy.testing.faults import Throttle
from argosy.testing.server import Body, FaultyServer

from .command import Argosy, ended, until

COUNT = 50
SIZE = 1_000_000
GRACE_S = 10.0


def alive_in_session(session: int) -> list[int]:
    """Return the processes of the session: the command's own, and all that it has started and they have."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(process.name))
    return found


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_a_signal_to_fifty_transfers_ends_them_in_time_and_the_same_command_goes_on(
    argosy: Argosy, server: FaultyServer, number: signal.Signals, code: int
) -> None:
    bodies = {f"{i}.bin": Body.generated(SIZE, seed=i) for i in range(COUNT)}
    links = [server.add(f"/{name}", body, faults=[Throttle(400_000)]) for name, body in bodies.items()]
    (argosy.folder.parent / "list.txt").write_text("\n".join(links))
    words = ("get", "-q", "-x", "1", "-j", str(COUNT), "-i", str(argosy.folder.parent / "list.txt"))
    assert argosy("limits", "--per-host", str(COUNT)).code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "argosy", *words], cwd=argosy.folder, env=argosy.environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        until(lambda: all(server.bytes_sent(f"/{name}") > 300_000 for name in bodies), 60.0)
        process.send_signal(number)
        asked = time.monotonic()
        ran = ended(process)
        assert time.monotonic() - asked < GRACE_S
    finally:
        process.kill()
        process.wait()
    assert ran.code == code, ran.err
    assert alive_in_session(process.pid) == []
    assert [path for path in argosy.folder.iterdir() if not path.name.startswith(".")] == []
    had = server.bytes_sent()
    for name in bodies:
        server.set_faults(f"/{name}")
    again = argosy(*words)
    assert again.code == 0, again.err
    assert {path.name for path in argosy.folder.iterdir()} == set(bodies)
    assert all((argosy.folder / name).read_bytes() == body.read() for name, body in bodies.items())
    assert server.bytes_sent() - had < COUNT * (SIZE - 200_000), "what had come was fetched again"
