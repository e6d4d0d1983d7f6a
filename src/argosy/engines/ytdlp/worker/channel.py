"""The way back: lines of JSON, so many as somebody wants."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any, Final, TextIO

ALIVE_S: Final = 1.0
"""At most one sign of life in this time."""
PROGRESS_S: Final = 0.1


class Channel:
    """Stdin and stdout, which nobody else can reach afterwards: what other code prints goes to stderr."""

    def __init__(self) -> None:
        self._out: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._in: TextIO = os.fdopen(os.dup(0), encoding="utf-8")
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        self._lock = threading.Lock()
        self._allowed = threading.Semaphore(0)
        self._alive_at = self._told_at = 0.0

    def order(self) -> dict[str, Any]:
        """Return what is to be done; from now on we end as soon as nobody holds the other end."""
        order: dict[str, Any] = json.loads(self._in.readline())
        threading.Thread(target=self._follow, daemon=True).start()
        return order

    def _follow(self) -> None:
        for _ in self._in:
            self._allowed.release()
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    def tell(self, **message: Any) -> None:  # noqa: ANN401 - JSON
        with self._lock:
            self._out.write(json.dumps(message) + "\n")
            self._out.flush()

    def alive(self) -> None:
        """Say that something happens."""
        now = time.monotonic()
        if now - self._alive_at >= ALIVE_S:
            self._alive_at = now
            self.tell(alive=True)

    def progress(self, received: int, total: int | None, *, last: bool) -> None:
        """Tell how many bytes have come, and return once more may come."""
        now = time.monotonic()
        if last or now - self._told_at >= PROGRESS_S:
            self._told_at = now
            self.tell(progress={"received": received, "total": total})
            self._allowed.acquire()


class Voice:
    """What yt-dlp talks to: a sign of life, no more; what went wrong comes as an exception."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def debug(self, _: str) -> None:
        self._channel.alive()

    info = warning = debug

    def error(self, message: str) -> None:
        sys.stderr.write(message[:1000] + "\n")
