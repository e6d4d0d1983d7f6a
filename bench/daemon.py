"""What the cases of the service share: `argosy serve`, a server whose downloads trickle, and how their processes are spoken to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import payload
from bench.case import Bench
from bench.measure import KIB_PER_MIB, last_line, owned
from bench.tools import argosy, environment

HERE = Path(__file__).parent
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True, frozen=True)
class Daemon:
    """`argosy serve`, and what it costs so far."""

    url: str
    token: str
    process: subprocess.Popen[str]

    def add(self, source: str) -> None:
        request = urllib.request.Request(
            f"{self.url}/v1/tasks",
            json.dumps({"source": source}).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=20).close()

    def running(self) -> int:
        return self._count("running")

    def tasks(self) -> int:
        """How many it knows of, whatever their status."""
        counts: dict[str, int] = self._asked("/v1/tasks?page_size=1&counts=true")["counts"]
        return sum(counts.values())

    def _count(self, status: str) -> int:
        counts: dict[str, int] = self._asked("/v1/tasks?page_size=1&counts=true")["counts"]
        return counts.get(status, 0)

    def _asked(self, path: str) -> Any:  # noqa: ANN401 - JSON
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def resident_mib(self) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / KIB_PER_MIB


@contextmanager
def place(bench: Bench) -> Iterator[None]:
    """Its folders are gone afterwards."""
    folders = (bench.state / "home", bench.data / "scratch", bench.data / "downloads")
    try:
        yield
    finally:
        for folder in folders:
            payload.emptied(folder).rmdir()


@contextmanager
def serving(bench: Bench, *, max_running: int) -> Iterator[Daemon]:
    """A service that answers, with nothing in its store."""
    home, scratch, downloads = bench.state / "home", bench.data / "scratch", bench.data / "downloads"
    for folder in (home, scratch, downloads):
        payload.emptied(folder)
    own = environment(scratch, home) | {
        "ARGOSY_HOME": str(home),
        "ARGOSY_DIRECTORY": str(downloads),
        "ARGOSY_MAX_RUNNING": str(max_running),
        "ARGOSY_CONNECTIONS_PER_HOST": "1000",
        "ARGOSY_ALLOW_NETWORK": "127.0.0.0/8",
    }
    complaints = scratch / "service.txt"
    with owned(started([*argosy(), "serve", "--port", "0"], complaints, cwd=scratch, env=own)) as process:
        url = line(process)
        if not url.startswith("http"):
            raise RuntimeError(f"the service did not start: {last_line(complaints.read_text())}")
        yield Daemon(url, (home / "token").read_text().strip(), process)


@contextmanager
def trickle() -> Iterator[str]:
    """The address of a server; what is below `/slow` takes minutes."""
    with owned(started([sys.executable, "-ISB", str(HERE / "trickle.py")], Path(os.devnull))) as process:
        yield f"http://127.0.0.1:{line(process)}"


def occupied(daemon: Daemon, source: str, count: int, patience_s: float) -> None:
    """So many slow downloads run afterwards."""
    for number in range(count):
        daemon.add(f"{source}/slow/{number}.bin")
    wait_until(lambda: daemon.running() >= count, patience_s)


@contextmanager
def helping(program: str, daemon: Daemon, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A program of this folder: it is given the address, further words, and the token as its first line of input."""
    argv = [sys.executable, str(HERE / program), daemon.url, *words]
    with owned(started(argv, Path(os.devnull))) as process:
        assert process.stdin is not None
        process.stdin.write(daemon.token + "\n")
        process.stdin.flush()
        yield process


def started(argv: list[str], complaints: Path, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - Popen's
    with complaints.open("w") as stderr:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
            **options,
        )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def wait_until(condition: Callable[[], bool], patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the downloads did not start")
        time.sleep(0.2)
