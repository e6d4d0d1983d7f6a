"""How far the one thing is that a command waits for: a line that is written over, or for logs and pipes one now and then."""

from __future__ import annotations

import sys
import time

from argosy.cli.face import Face
from argosy.cli.progress.plain import PERIOD_S
from argosy.cli.table import columns, cut
from argosy.cli.text import whole_percent
from argosy.core.names import terminal_safe
from argosy.core.sizes import format_duration, format_rate, format_size
from argosy.core.types import Progress

ERASE = "\r\x1b[2K"


class Single:
    """Tells on stderr; nothing if the face is quiet or speaks JSON."""

    def __init__(self, face: Face, name: str) -> None:
        self._name = terminal_safe(name)
        self._silent = face.quiet or face.json
        self._overwrites = sys.stderr.isatty()
        self._told_s = time.monotonic()
        self._drawn = False

    def __call__(self, now: Progress) -> None:
        if self._silent:
            return
        if self._overwrites:
            print(f"{ERASE}{cut(self._line(now), columns() - 1)}", end="", file=sys.stderr, flush=True)  # noqa: T201 - the view's purpose
            self._drawn = True
        elif time.monotonic() - self._told_s >= PERIOD_S:
            self._told_s = time.monotonic()
            print(self._line(now), file=sys.stderr, flush=True)  # noqa: T201 - as above

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._drawn:
            print(ERASE, end="", file=sys.stderr, flush=True)  # noqa: T201 - as above

    def _line(self, now: Progress) -> str:
        size = format_size(now.received if now.total is None else now.total)
        facts = [size if now.total is None else f"{whole_percent(now.percent)} of {size}"]
        facts += [format_rate(now.smoothed_bps)] if now.smoothed_bps else []
        facts += [f"{format_duration(now.eta_s)} left"] if now.eta_s is not None else []
        return f"{self._name}: {', '.join(facts)}"
