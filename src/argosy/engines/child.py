"""A program run for a file: in a process group of its own, ended with all that it started, known again after a crash."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from argosy.errors import LocalError

PATIENCE_S: Final = 2.0
"""Between being asked to end and being ended."""
STREAM_BYTES: Final = 256 * 1024
STARTTIME_FIELD: Final = 22
"""Of /proc/PID/stat, counted from 1 (proc(5)): clock ticks since boot when the process started."""


class Child:
    """A running program. Leaving the context ends it and its whole group."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    async def start(
        cls,
        words: Sequence[str],
        *,
        environment: Mapping[str, str],
        fds: Sequence[int] = (),
        stdin: bytes | None = None,
        talk: bool = False,
    ) -> Self:
        """Return the running program; ``stdin`` is all it will be told, unless we ``talk`` on. Raises LocalError if there
        is no such program.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *words, env=dict(environment), pass_fds=tuple(fds), start_new_session=True, limit=STREAM_BYTES,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except FileNotFoundError:
            raise LocalError(
                f"{words[0]} is not installed", hint=f"install {words[0]}", code="missing_program"
            ) from None
        except OSError as error:
            raise LocalError(f"{words[0]} cannot be run: {error.strerror}", code="missing_program") from None
        child = cls(process)
        assert process.stdin is not None
        with suppress(ConnectionError):
            if stdin:
                process.stdin.write(stdin)
                await process.stdin.drain()
        if stdin is not None and not talk:
            process.stdin.close()
        return child

    def say(self, line: bytes) -> None:
        """Tell the program more; one that has ended does not hear it."""
        assert self._process.stdin is not None
        with suppress(ConnectionError, RuntimeError):
            self._process.stdin.write(line)

    @property
    def out(self) -> asyncio.StreamReader:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def err(self) -> asyncio.StreamReader:
        assert self._process.stderr is not None
        return self._process.stderr

    async def wait(self) -> int:
        """Return the exit code, negative for a signal."""
        return await self._process.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    async def end(self) -> None:
        """Return once nothing of the group runs any more. Idempotent."""
        _signal(self.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(self._drained(), PATIENCE_S)
        except TimeoutError:
            _signal(self.pid, signal.SIGKILL)
            await self._drained()
        _signal(self.pid, signal.SIGKILL)  # what it started and left behind

    async def _drained(self) -> None:
        """Return once it has ended; what it still says is dropped, so that it never waits for us to listen."""
        await asyncio.gather(_drop(self.out), _drop(self.err), self._process.wait())

    def memo(self) -> str:
        """Return what tells this process from every other, to be kept until it has ended."""
        return json.dumps({"pid": self.pid, "started": started(self.pid)})


def end_orphan(memo: str | None) -> bool:
    """End the group that an earlier attempt noted, if it still runs; tells whether it did.

    A pid is given out again: only the process that started at the noted moment is the one that was meant.
    """
    try:
        noted = json.loads(memo or "{}")
        pid, began = noted.get("pid"), noted.get("started")
    except (ValueError, AttributeError):
        return False
    if not isinstance(pid, int) or pid <= 1 or not began or started(pid) != began:
        return False
    _signal(pid, signal.SIGKILL)
    return True


def started(pid: int) -> str | None:
    """Return when the process started, opaque; None if there is none, or nobody can tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold spaces and parentheses itself.
    return stat.rpartition(")")[2].split()[STARTTIME_FIELD - 3]


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


async def _drop(stream: asyncio.StreamReader) -> None:
    while await stream.read(STREAM_BYTES):
        pass
