"""The live cases: two hundred clients are told of two hundred active downloads; a thousand are connected and idle."""

from __future__ import annotations

import contextlib
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
from bench.case import Bench, Case, Entrant
from bench.measure import KIB_PER_MIB, Sample, last_line, owned
from bench.tools import ARGOSY, argosy, environment

ADD_EVERY_S = 0.2
"""How often a small download is added while latency is measured: each is seven changes of status or so."""
SETTLE_S = 2.0
HZ = 15.0
"""Progress of one task may come so often."""
HERE = Path(__file__).parent


@contextmanager
def told(bench: Bench) -> Iterator[Case]:
    """From the moment of a status change until a client has it; the 99th percentile over all clients and changes."""
    scale = bench.scale
    with _place(bench):
        entrant = Entrant("argosy serve", ARGOSY.name, lambda: _latency(bench), "argosy serve; WS /ws")
        title = f"{scale.live_tasks} active downloads, {scale.live_clients} WebSockets: status change to client, 99 %"
        yield Case("live", title, "events", None, (entrant,))


@contextmanager
def idle(bench: Bench) -> Iterator[Case]:
    """What connected clients cost in memory: its growth, while nothing happens."""
    with _place(bench):
        entrant = Entrant("argosy serve", ARGOSY.name, lambda: _growth(bench), "argosy serve; WS /ws")
        title = f"{bench.scale.live_idle:,} idle WebSockets: seconds to connect them all, memory they add"
        yield Case("idle", title, "clients", bench.scale.live_idle, (entrant,))


@dataclass(slots=True, frozen=True)
class Daemon:
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
        request = urllib.request.Request(
            f"{self.url}/v1/tasks?status=running&page_size=1000", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            body: bytes = answer.read()
        return body.count(b'"status":"running"')

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def resident_mib(self) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / KIB_PER_MIB


def _latency(bench: Bench) -> Sample:
    scale = bench.scale
    with _trickle() as source, _daemon(bench) as daemon:
        for number in range(scale.live_tasks):
            daemon.add(f"{source}/slow/{number}.bin")
        _wait_until(lambda: daemon.running() >= scale.live_tasks, scale.patience_s)
        with _clients(daemon, scale.live_clients, scale.live_s) as clients:
            time.sleep(SETTLE_S / 2)  # the clients begin to count a second after they are connected
            began, cpu_s, number = time.monotonic(), daemon.cpu_s(), 0
            while time.monotonic() < began + scale.live_s:
                daemon.add(f"{source}/small/{number}.bin")
                number += 1
                time.sleep(ADD_EVERY_S)
            cpu_s = daemon.cpu_s() - cpu_s
            seen = _summary(clients)
        print(f"    {_shown(seen)}, service {cpu_s / (time.monotonic() - began):.0%} of a core", file=sys.stderr)
        return Sample(seen["p99_ms"] / 1000, cpu_s, daemon.resident_mib(), _wrong(seen, scale.live_clients * number))


def _growth(bench: Bench) -> Sample:
    with _daemon(bench) as daemon:
        before, cpu_s, began = daemon.resident_mib(), daemon.cpu_s(), time.monotonic()
        with _clients(daemon, bench.scale.live_idle, 0) as clients:
            seconds = time.monotonic() - began
            time.sleep(SETTLE_S)
            growth, cpu_s = daemon.resident_mib() - before, daemon.cpu_s() - cpu_s
            problem = "some were cut off" if _summary(clients)["lost"] else None
        return Sample(seconds, cpu_s, growth, problem)


def _wrong(seen: dict[str, Any], least: int) -> str | None:
    if seen["disorder"] or seen["lost"]:
        return f"{seen['disorder']} out of order, {seen['lost']} clients cut off"
    if seen["progress_hz"] > HZ:
        return f"progress of a task came {seen['progress_hz']:.0f} times a second"
    return None if seen["events"] >= least else f"only {seen['events']} events came"


def _shown(seen: dict[str, Any]) -> str:
    return (
        f"p50 {seen['p50_ms']:.0f} ms, p99 {seen['p99_ms']:.0f} ms, {seen['progress_hz']:.1f} Hz a task, "
        f"{seen['frames_per_s']:.0f} frames/s, {seen['mb_per_s']:.0f} MB/s"
    )


# -- the players ---------------------------------------------------------------------------------------


@contextmanager
def _place(bench: Bench) -> Iterator[None]:
    folders = (bench.state / "home", bench.data / "scratch", bench.data / "downloads")
    try:
        yield
    finally:
        for folder in folders:
            payload.emptied(folder).rmdir()


@contextmanager
def _daemon(bench: Bench) -> Iterator[Daemon]:
    home, scratch, downloads = bench.state / "home", bench.data / "scratch", bench.data / "downloads"
    for folder in (home, scratch, downloads):
        payload.emptied(folder)
    own = environment(scratch, home) | {
        "ARGOSY_HOME": str(home),
        "ARGOSY_DIRECTORY": str(downloads),
        "ARGOSY_MAX_RUNNING": "1000",
        "ARGOSY_CONNECTIONS_PER_HOST": "1000",
        "ARGOSY_ALLOW_NETWORK": "127.0.0.0/8",
    }
    complaints = scratch / "service.txt"
    with owned(_started([*argosy(), "serve", "--port", "0"], complaints, cwd=scratch, env=own)) as process:
        url = _line(process)
        if not url.startswith("http"):
            raise RuntimeError(f"the service did not start: {last_line(complaints.read_text())}")
        yield Daemon(url, (home / "token").read_text().strip(), process)


@contextmanager
def _trickle() -> Iterator[str]:
    with owned(_started([sys.executable, "-ISB", str(HERE / "trickle.py")], Path(os.devnull))) as process:
        yield f"http://127.0.0.1:{_line(process)}"


@contextmanager
def _clients(daemon: Daemon, count: int, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """So many are connected; they count for so long, or are idle until `_summary`."""
    argv = [sys.executable, str(HERE / "live_clients.py"), daemon.url, str(count), str(seconds)]
    with owned(_started(argv, Path(os.devnull))) as process:
        assert process.stdin is not None
        process.stdin.write(daemon.token + "\n")
        process.stdin.flush()
        if _line(process) != str(count):
            raise RuntimeError("the clients could not connect")
        yield process


def _summary(clients: subprocess.Popen[str]) -> dict[str, Any]:
    assert clients.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        clients.stdin.close()
    summary: dict[str, Any] = json.loads(_line(clients))
    return summary


def _started(argv: list[str], complaints: Path, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - Popen's
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


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _wait_until(condition: Callable[[], bool], patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the downloads did not start")
        time.sleep(0.2)
