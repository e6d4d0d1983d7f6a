"""One command, run and measured: time, processor seconds, peak memory, and what went wrong if something did."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
KIB_PER_MIB = 1024
GOODBYE_S = 2.0


@dataclass(slots=True, frozen=True)
class Sample:
    """One attempt. Only a sample without a problem counts."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    peak_mib: float = 0.0
    problem: str | None = None


def run(argv: list[str], folder: Path, environment: dict[str, str], patience_s: float) -> Sample:
    """The command has ended, by itself or killed after `patience_s`, and so has everything it started in its group."""
    command = [sys.executable, "-ISB", str(LAUNCHER), *argv]
    with owned(
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    ) as process:
        try:
            figures, complaint = process.communicate(timeout=patience_s)
        except subprocess.TimeoutExpired:
            return Sample(problem=f"not done after {patience_s:.0f} s")
    return _read(figures, complaint)


def _read(figures: str, complaint: str) -> Sample:
    fields = figures.split()
    if len(fields) != 4:
        return Sample(problem=f"did not start: {last_line(complaint)}")
    code = int(fields[3])
    problem = None if code == 0 else f"exit {code}: {last_line(complaint)}"
    return Sample(float(fields[0]), float(fields[1]), int(fields[2]) / KIB_PER_MIB, problem)


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip()[:160] if lines else "it said nothing"


@contextlib.contextmanager
def owned(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """However the block is left, the whole process group is gone."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()  # a server that may say goodbye collects its own children
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GOODBYE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
