"""The command, tested from outside: what it prints, how it exits, what is on the disk afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.warm import environment, started

LONGEST_S = 60.0
LOOK_S = 0.02
BODY = bytes(range(256)) * 400


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        shown: dict[str, Any] = json.loads(self.out)
        return shown

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The NDJSON on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Argosy:
    """Runs the command in ``folder``, with a home of its own and nothing of the person's environment."""

    home: Path
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    _running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return environment({"HOME": str(self.home), "ARGOSY_HOME": str(self.home), **self.extra})

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = started(words, folder=self.folder, environ=self.environment)
        self._running.append(process)
        return process

    def __call__(self, *words: str, stdin: str = "") -> Ran:
        return ended(self.start(*words), stdin)

    def stop(self) -> None:
        """Leave nothing running, and no pipe open."""
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.communicate()


def ended(process: subprocess.Popen[str], stdin: str | None = None) -> Ran:
    """Return what the process came to."""
    out, err = process.communicate(stdin, timeout=LONGEST_S)
    return Ran(process.returncode, out, err)


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return once ``condition`` holds; TimeoutError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        time.sleep(LOOK_S)


def interrupted(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> Ran:
    """Return what becomes of the process that gets the signal."""
    process.send_signal(number)
    return ended(process)
