"""Bars on a terminal: a few that are active, one for all, never more than fit."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from argosy.cli.face import Face, speaks_unicode
from argosy.cli.progress.board import Board, Row, Summary
from argosy.cli.table import cells, cut
from argosy.cli.text import whole_percent
from argosy.core.names import terminal_safe
from argosy.core.sizes import format_duration, format_rate, format_size
from argosy.core.types import Status

PERIOD_S = 0.2
MOST_BARS = 8
NARROW, MIDDLE = 60, 84
"""Below so many columns speed and size give way to the bar."""
LONGEST_NAME = 36
ECHO = "^C "
"""What a terminal echoes must not wrap: the picture would be drawn over at the wrong place."""


class Bars:
    """Draws on stderr. What is printed meanwhile appears above the bars."""

    period_s: float | None = PERIOD_S

    def __init__(self, face: Face) -> None:
        self._console = Console(
            stderr=True,
            no_color=not face.paints(sys.stderr),
            highlight=False,
            emoji=False,
            soft_wrap=False,
            legacy_windows=False,
        )
        self._unicode = speaks_unicode("stderr")
        self._live: Live | None = None

    def draw(self, board: Board) -> None:
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False,
                              redirect_stderr=False, vertical_overflow="crop")  # fmt: skip
            self._live.start()
        self._live.update(self._picture(board), refresh=True)

    def result(self, line: str) -> None:
        if sys.stdout.isatty():
            self.note(line)
        else:
            print(line, flush=True)  # noqa: T201 - the command's result

    def note(self, line: str) -> None:
        if self._live is None:
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - nothing is drawn that could be spoilt
        else:
            self._console.print(Text.from_ansi(line), soft_wrap=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    # -- the picture -------------------------------------------------------------------------------

    def _picture(self, board: Board) -> Table:
        width = self._console.width
        room = max(1, min(MOST_BARS, self._console.height - 3))
        shown = (board.lasting() + board.stuck())[:room]
        labels = [_label(row) for row in shown]
        whole = _whole_label(board.summary())
        longest = min(LONGEST_NAME, max(12, width // 3), max(map(cells, [*labels, whole])))
        grid = Table.grid(padding=(0, 1))
        grid.width = max(20, width - len(ECHO))
        grid.add_column(no_wrap=True, min_width=longest, max_width=longest)
        grid.add_column(no_wrap=True, justify="right", min_width=4)
        grid.add_column(ratio=1, min_width=8, no_wrap=True, overflow="ellipsis")
        for _ in range(1 if width < NARROW else 2 if width < MIDDLE else 4):
            grid.add_column(no_wrap=True, justify="right")
        for row, label in zip(shown, labels, strict=True):
            grid.add_row(*self._cells(row, cut(label, longest), width))
        if board.tasks > 1 or not shown:
            grid.add_row(*self._whole(board.summary(), cut(whole, longest), width))
        return grid

    def _cells(self, row: Row, label: str, width: int) -> list[Text | ProgressBar]:
        percent = row.percent
        if row.status is Status.RETRYING:
            what = Text(terminal_safe(row.note) or "waiting to try again", style="yellow", overflow="ellipsis")
            return [Text(label), Text("wait", style="yellow"), what]
        start: list[Text | ProgressBar] = [
            Text(label),
            Text(whole_percent(percent), style="bold"),
            self._bar(percent, "cyan" if row.status is Status.COMPLETING else "green"),
        ]
        size = _of(row.received, row.total) if row.files_total == 1 else f"{row.files_done}/{row.files_total} files"
        speed = Text(format_rate(row.speed_bps), style="cyan")
        eta = Text(_eta(row.eta_s), style="magenta")
        lines = Text(f"{row.connections}{'×' if self._unicode else 'x'}" if row.connections else "", style="dim")
        return [*start, *_fitting(width, Text(size), speed, eta, lines)]

    def _whole(self, all_of: Summary, label: str, width: int) -> list[Text | ProgressBar]:
        percent = all_of.percent if all_of.tasks > 1 else None
        start: list[Text | ProgressBar] = [
            Text(label, style="bold"),
            Text(whole_percent(percent), style="bold"),
            self._bar(percent, "blue"),
        ]
        size, speed = Text(_of(all_of.received, all_of.total)), Text(format_rate(all_of.speed_bps), style="cyan")
        return [*start, *_fitting(width, size, speed, Text(_eta(all_of.eta_s), style="magenta"), Text(""))]

    def _bar(self, percent: float | None, style: str) -> ProgressBar:
        if percent is None:
            return ProgressBar(total=None, pulse=True, style="bar.back", pulse_style=style)
        return ProgressBar(total=100, completed=percent, complete_style=style, finished_style=style)


def _fitting(width: int, size: Text, speed: Text, eta: Text, rest: Text) -> list[Text]:
    """Return of the columns on the right what ``width`` has room for, the most wanted first."""
    return [speed] if width < NARROW else [speed, eta] if width < MIDDLE else [size, speed, eta, rest]


def _whole_label(all_of: Summary) -> str:
    if all_of.tasks <= 1:
        return "waiting" if all_of.received or all_of.done else "starting"
    failed = f", {all_of.failed} failed" if all_of.failed else ""
    return f"{all_of.done} of {all_of.tasks} done{failed}"


def _label(row: Row) -> str:
    return terminal_safe(row.name)


def _of(received: int, total: int | None) -> str:
    if total is None:
        return format_size(received)
    whole = format_size(total)
    number, _, unit = format_size(received).partition(" ")
    return f"{number}/{whole}" if unit == whole.rpartition(" ")[2] else f"{number} {unit}/{whole}"


def _eta(seconds: float | None) -> str:
    return "" if seconds is None else format_duration(seconds)
