"""The command in a process of its own that need not begin from nothing.

Python and its imports take most of the time of a short command, and the tests start thousands of them. So a nursery, one for
each process of the tests, has imported all of it and forks: what comes of that is a real process with its own descriptors,
folder, environment, signals and exit code, and runs ``python -m argosy`` as one that was started would. What shows only in
a process that was started (its words in ``/proc``, what it imports) is for tests that say so.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "src"
NURSERY = Path(__file__).parent / "nursery.py"
MOST_BYTES = 100_000
"""What is longer does not go through a datagram."""
AT_START = ("PYTHON", "LC_", "LANG", "LD_", "COVERAGE_")
"""Variables by which a process is something else from the start on."""


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a command has besides what its test says: nothing of the person's."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
        if name in os.environ
    }
    return {**kept, "PYTHONPATH": str(SOURCE), "LC_ALL": "C.UTF-8", "TZ": "UTC", **given}


def started(
    words: Sequence[str], *, folder: Path, environ: Mapping[str, str], stdin: int = subprocess.PIPE, cold: bool = False
) -> subprocess.Popen[str]:
    """Return ``argosy`` with these words and variables, and pipes to its ends. ``cold``: begun from nothing."""
    message = json.dumps({"words": [*words], "folder": str(folder), "environ": {**environ}}).encode()
    kind = subprocess.Popen if cold or len(message) > MOST_BYTES or not _fits(environ) else Warm
    return kind(
        [sys.executable, "-m", "argosy", *words], cwd=folder, env=environ, text=True, stdin=stdin,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _fits(environ: Mapping[str, str]) -> bool:
    """Tell whether a process of the nursery is as one with these variables would be."""
    fixed = [
        {name: value for name, value in each.items() if name.startswith(AT_START)}
        for each in (environ, environment({}))
    ]
    return fixed[0] == fixed[1] and not any(name.startswith("COVERAGE_") for name in environ)


class Warm(subprocess.Popen[str]):
    """A process of the nursery's, used as any other."""

    _news: socket.socket

    def _execute_child(self, args: Sequence[str], *more: Any) -> None:
        _, _, _, _, folder, environ, _, _, _, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *_ = more
        self._news, theirs = socket.socketpair()
        message = json.dumps({"words": args[3:], "folder": str(folder), "environ": environ}).encode()
        with theirs:
            socket.send_fds(nursery(), [message], [p2cread, c2pwrite, errwrite, theirs.fileno()])
        self.pid = int(self._news.recv(32))
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)  # type: ignore[attr-defined]

    def _internal_poll(self, **_: object) -> int | None:
        return self._heard(0.0)

    def _wait(self, timeout: float | None) -> int:
        code = self._heard(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def _heard(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._news], [], [], seconds)[0]:
            self.returncode = int(self._news.recv(32))
            self._news.close()
        return self.returncode


@cache
def nursery() -> socket.socket:
    """Return where processes are asked for; the nursery is there as long as this process is."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, str(NURSERY)], env=environment({"HOME": "/nonexistent"}), stdin=theirs.fileno(), stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
