"""What every view can do, and the view of one who does not want to see anything."""

from __future__ import annotations

import sys
from typing import Protocol

from argosy.cli.progress.board import Board


class View(Protocol):
    """Draws the board. ``period_s`` is how often it wants to; None: never."""

    period_s: float | None

    def draw(self, board: Board) -> None:
        """Show how things are."""

    def result(self, line: str) -> None:
        """Print a line on stdout without spoiling what is drawn."""

    def note(self, line: str) -> None:
        """Print a line on stderr likewise."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Silent:
    """Results and errors, nothing else."""

    period_s: float | None = None

    def draw(self, board: Board) -> None:
        """Show nothing."""

    def result(self, line: str) -> None:
        print(line, flush=True)  # noqa: T201 - the command's result

    def note(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - what a person should know

    def close(self) -> None:
        """Nothing was drawn."""
