"""The case of the front door: jobs begun at a steady rate, whatever the answers take, while two hundred tasks download."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.case import Bench, Case, Entrant
from bench.daemon import helping, line, occupied, place, serving, trickle
from bench.measure import Sample
from bench.tools import ARGOSY

RATE = 500
"""Requests a second."""
LATE = 0.02
"""So large a share of the requests may leave late before the load itself was too slow to say anything."""


@contextmanager
def initiate(bench: Bench) -> Iterator[Case]:
    """From the moment a request is due until its answer has come; the 99th percentile."""
    scale = bench.scale
    with place(bench):
        entrant = Entrant(
            "argosy serve", ARGOSY.name, lambda: _latency(bench), "argosy serve; POST /v1/download/initiate"
        )
        title = f"{RATE} jobs a second begun while {scale.live_tasks} tasks download: due to answered, 99 %"
        yield Case("initiate", title, "jobs", None, (entrant,))


def _latency(bench: Bench) -> Sample:
    scale = bench.scale
    with trickle() as source, serving(bench, max_running=scale.live_tasks) as daemon:
        occupied(daemon, source, scale.live_tasks, scale.patience_s)
        began, cpu_s = time.monotonic(), daemon.cpu_s()
        with helping("initiate_load.py", daemon, source, str(RATE), str(scale.live_s)) as load:
            seen: dict[str, Any] = json.loads(line(load))
        took_s, cpu_s = time.monotonic() - began, daemon.cpu_s() - cpu_s
        print(f"    {_shown(seen)}, service {cpu_s / took_s:.0%} of a core", file=sys.stderr)
        stored = daemon.tasks() - scale.live_tasks
        return Sample(seen["p99_ms"] / 1000, cpu_s, daemon.resident_mib(), _wrong(seen, stored))


def _wrong(seen: dict[str, Any], stored: int) -> str | None:
    if seen["refused"]:
        return f"{seen['refused']} were refused: {seen['refusal']}"
    if stored != seen["answered"]:
        return f"{seen['answered']} were answered and {stored} are stored"
    if seen["late"] > LATE * seen["answered"]:
        return f"{seen['late']} requests were sent late: the load had no processor"
    return None


def _shown(seen: dict[str, Any]) -> str:
    return (
        f"p50 {seen['p50_ms']:.1f} ms, p99 {seen['p99_ms']:.1f} ms, p99.9 {seen['p999_ms']:.1f} ms, max {seen['max_ms']:.0f} ms, "
        f"{seen['answered']} jobs, {seen['connections']} connections"
    )
