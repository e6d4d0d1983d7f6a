"""Real servers as processes of their own: they listen on a free port of this machine and end with the test."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STOP_S = 10


@dataclass(frozen=True)
class Running:
    """A server script that is listening."""

    port: int
    told: dict[str, Any]
    """What else it said when it began to listen."""
    log: Path

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened on it so far; a line is there before the client can have the answer to it."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextmanager
def running(script: str, folder: Path, **settings: Any) -> Iterator[Running]:
    """Run a script of this folder: it gets a JSON object of settings and prints one with its ``port``."""
    log = folder / f"{script}.{len(list(folder.glob('*.log')))}.log"
    log.touch()
    command = [sys.executable, str(HERE / script), json.dumps({"log": str(log), **settings}, default=str)]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield Running(told["port"], told, log)


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Use the process; nothing is left of it afterwards."""
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
