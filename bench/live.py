"""The live cases: two hundred clients are told of two hundred active downloads; a thousand are connected and idle."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.case import Bench, Case, Entrant
from bench.daemon import Daemon, helping, line, occupied, place, serving, trickle
from bench.measure import Sample
from bench.tools import ARGOSY

ADD_EVERY_S = 0.2
"""How often a small download is added while latency is measured: each is seven changes of status or so."""
SETTLE_S = 2.0
HZ = 15.0
"""Progress of one task may come so often."""
MAX_RUNNING = 1_000


@contextmanager
def told(bench: Bench) -> Iterator[Case]:
    """From the moment of a status change until a client has it; the 99th percentile over all clients and changes."""
    scale = bench.scale
    with place(bench):
        entrant = Entrant("argosy serve", ARGOSY.name, lambda: _latency(bench), "argosy serve; WS /ws")
        title = f"{scale.live_tasks} active downloads, {scale.live_clients} WebSockets: status change to client, 99 %"
        yield Case("live", title, "events", None, (entrant,))


@contextmanager
def idle(bench: Bench) -> Iterator[Case]:
    """What connected clients cost in memory: its growth, while nothing happens."""
    with place(bench):
        entrant = Entrant("argosy serve", ARGOSY.name, lambda: _growth(bench), "argosy serve; WS /ws")
        title = f"{bench.scale.live_idle:,} idle WebSockets: seconds to connect them all, memory they add"
        yield Case("idle", title, "clients", bench.scale.live_idle, (entrant,))


def _latency(bench: Bench) -> Sample:
    scale = bench.scale
    with trickle() as source, serving(bench, max_running=MAX_RUNNING) as daemon:
        occupied(daemon, source, scale.live_tasks, scale.patience_s)
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
    with serving(bench, max_running=MAX_RUNNING) as daemon:
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


@contextmanager
def _clients(daemon: Daemon, count: int, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """So many are connected; they count for so long, or are idle until `_summary`."""
    with helping("live_clients.py", daemon, str(count), str(seconds)) as process:
        if line(process) != str(count):
            raise RuntimeError("the clients could not connect")
        yield process


def _summary(clients: subprocess.Popen[str]) -> dict[str, Any]:
    assert clients.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        clients.stdin.close()
    summary: dict[str, Any] = json.loads(line(clients))
    return summary
