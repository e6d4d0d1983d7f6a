"""The store cases: a long list is enqueued; a full store is started. Argosy only, its peers keep no queue on disk."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import payload, servers
from bench.case import Bench, Case, Entrant
from bench.measure import KIB_PER_MIB, Sample, last_line, owned, run
from bench.tools import ARGOSY, argosy, environment

BATCH = 100_000
"""Tasks added by one command while a store is filled."""
STOP_WITHIN_S = 10.0
LOOK_S = 0.2
"""How often to see whether the process still runs; the server itself notes when a request came."""
FILL_PATIENCE_S = 1800.0


@contextmanager
def enqueue(bench: Bench) -> Iterator[Case]:
    """`argosy add -i FILE`, from an empty store; nothing is downloaded."""
    count = bench.scale.enqueued
    queue = _Queue(bench, "http://127.0.0.1:9")

    def attempt() -> Sample:
        queue.empty()
        return queue.add(0, count, bench.scale.patience_s)

    entrant = Entrant("argosy add", ARGOSY.name, attempt, "argosy add -d DIR -i FILE")
    with queue.opened():
        yield Case("enqueue", f"{count:,} tasks enqueued with one command", "tasks", count, (entrant,))


@contextmanager
def start(bench: Bench) -> Iterator[Case]:
    """`argosy run` on a store filled before the first attempt; seconds are those until the first request arrives."""
    count = bench.scale.stored
    with servers.arrivals() as (noted, base):
        queue = _Queue(bench, base)
        filled: list[str | None] = []

        def attempt() -> Sample:
            if not filled:
                filled.append(queue.fill(count))
            return Sample(problem=filled[0]) if filled[0] else _first_request(queue, noted, bench.scale.patience_s)

        entrant = Entrant("argosy run", ARGOSY.name, attempt, "argosy run")
        title = f"First request after `argosy run` with {count:,} tasks in the store; memory {bench.scale.watch_s:.0f} s later"
        with queue.opened():
            yield Case("start", title, "tasks", None, (entrant,))


@dataclass(slots=True, frozen=True)
class _Queue:
    """One store of Argosy's, and the folders around it."""

    bench: Bench
    base: str

    @property
    def home(self) -> Path:
        return self.bench.state / "home"

    @property
    def scratch(self) -> Path:
        return self.bench.data / "scratch"

    @property
    def downloads(self) -> Path:
        return self.bench.data / "downloads"

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.scratch, self.home)

    @contextmanager
    def opened(self) -> Iterator[None]:
        try:
            self.empty()
            yield
        finally:
            for folder in (self.home, self.scratch, self.downloads):
                payload.emptied(folder).rmdir()

    def empty(self) -> None:
        for folder in (self.home, self.scratch, self.downloads):
            payload.emptied(folder)

    def add(self, first: int, count: int, patience_s: float) -> Sample:
        """Tasks `first` … are in the store, all `first + count` of them accounted for, or the sample says otherwise."""
        listing = self.scratch / "urls.txt"
        with listing.open("w") as file:
            file.writelines(f"{self.base}/{number:07}.bin\n" for number in range(first, first + count))
        argv = [*argosy(), "add", "-d", str(self.downloads), "-i", str(listing)]
        sample = run(argv, self.scratch, self.environment, patience_s)
        held = None if sample.problem else stored_tasks(self.home)
        wrong = held is not None and held != first + count
        return replace(sample, problem=f"{held:,} tasks in the store, not {first + count:,}") if wrong else sample

    def fill(self, count: int) -> str | None:
        """`count` tasks are in the store, or the problem is returned."""
        self.empty()
        for first in range(0, count, BATCH):
            if problem := self.add(first, min(BATCH, count - first), FILL_PATIENCE_S).problem:
                return f"filling the store: {problem}"
        return None


def stored_tasks(home: Path) -> int:
    """How many tasks the databases below `home` hold, asked behind Argosy's back."""
    total = 0
    for path in [*home.rglob("*.db"), *home.rglob("*.sqlite*")]:
        with (
            contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database,
            contextlib.suppress(sqlite3.DatabaseError),
        ):
            total += database.execute("SELECT count(*) FROM tasks").fetchone()[0]
    return total


def _first_request(queue: _Queue, noted: servers.Arrivals, patience_s: float) -> Sample:
    """The store is as full as before but for what was fetched in the seconds it ran."""
    noted.forget()
    complaints = queue.scratch / "stderr.txt"  # a file takes more than a pipe that nobody reads
    with complaints.open("w") as stderr:
        began = time.monotonic()
        process = subprocess.Popen(
            [*argosy(), "run"],
            cwd=queue.scratch,
            env=queue.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
    with owned(process):
        first = _arrived(process, noted, began + patience_s)
        if first is None or _ends(process, first + queue.bench.scale.watch_s):
            why = "no request" if first is None else "ended early"
            code = "still running" if process.poll() is None else f"exit {process.returncode}"
            return Sample(problem=f"{why}, {code}: {last_line(complaints.read_text(errors='replace'))}")
        sample = Sample(first - began, _cpu_s(process.pid), _peak_mib(process.pid))
        process.send_signal(signal.SIGTERM)
        _ends(process, time.monotonic() + STOP_WITHIN_S)
    return sample


def _arrived(process: subprocess.Popen[str], noted: servers.Arrivals, deadline: float) -> float | None:
    """When the first request came; None once the process has ended without one, or the deadline has passed."""
    while time.monotonic() < deadline:
        running = process.poll() is None
        first = noted.first(LOOK_S)
        if first is not None or not running:
            return first
    return None


def _ends(process: subprocess.Popen[str], deadline: float) -> bool:
    """Whether the process ends before the deadline; it is waited for."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, deadline - time.monotonic()))
    return process.returncode is not None


def _peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / KIB_PER_MIB


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
