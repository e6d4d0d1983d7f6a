"""Talking with the worker: an order goes out, what it says comes back, and it is gone when we are."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import deque
from contextlib import suppress
from typing import Any, Final, Self

from argosy.engines.child import STREAM_BYTES, Child
from argosy.engines.ytdlp.failure import failure_of, said_of
from argosy.engines.ytdlp.order import Order, check_installed
from argosy.errors import BadResponse, LocalError

WORDS: Final = (sys.executable, "-P", "-m", "argosy.engines.ytdlp.worker")
"""``-P``: a module that lies in the folder we happen to be in is not what is meant."""
KEPT: Final = (
    "PATH", "HOME", "PYTHONPATH", "VIRTUAL_ENV", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "LANG",
    "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
)  # fmt: skip
"""What of the environment yt-dlp may see."""
LAST_LINES: Final = 20

Message = dict[str, Any]


class Dialogue:
    """One worker and its order. Leaving the context ends it and all that it started."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._said: deque[bytes] = deque(maxlen=LAST_LINES)
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def begin(cls, order: Order, ca_file: str | None) -> Self:
        """Return the worker with its order. Raises UsageError without yt-dlp, LocalError if it cannot be run."""
        check_installed()
        environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {"PYTHONUTF8": "1"}
        if ca_file is not None:
            environment["SSL_CERT_FILE"] = ca_file
        text = json.dumps(order).encode() + b"\n"
        return cls(await Child.start(WORDS, environment=environment, stdin=text, talk=True))

    @property
    def memo(self) -> dict[str, Any]:
        """What tells the worker from every other process."""
        noted: dict[str, Any] = json.loads(self._child.memo())
        return noted

    async def next(self) -> Message | None:
        """Return what it says next, None once it has done. Raises what went wrong there. May be cancelled."""
        try:
            line = await self._child.out.readline()
        except ValueError:
            raise BadResponse("yt-dlp said more than can be meant", code="too_large") from None
        if not line:
            raise await self._died()
        message: Message = json.loads(line)
        if "error" in message:
            raise failure_of(message["error"])
        return None if "done" in message else message

    def go_on(self) -> None:
        """Let it fetch more: it waits for that after each report of its progress."""
        self._child.say(b"\n")

    async def _died(self) -> LocalError:
        code = await self._child.wait()
        with suppress(asyncio.CancelledError):
            await self._listening
        last = self._said[-1].decode(errors="replace") if self._said else ""
        why = f"signal {-code}" if code < 0 else f"exit code {code}"
        return LocalError(f"yt-dlp ended unexpectedly ({why}){said_of(last)}", code="program_died", retryable=True)

    async def _listen(self) -> None:
        """Take what comes on stderr, so that it never waits for us, and keep the end of it."""
        while data := await self._child.err.read(STREAM_BYTES):
            self._said.extend(line for line in data.splitlines()[-LAST_LINES:] if line.strip())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening
        await self._child.end()
