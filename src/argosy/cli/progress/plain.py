"""A line now and then, for logs and pipes."""

from __future__ import annotations

import sys

from argosy.cli.progress.board import Board, Row
from argosy.cli.progress.view import Silent
from argosy.cli.text import whole_percent
from argosy.core.names import terminal_safe
from argosy.core.sizes import format_duration, format_rate, format_size

PERIOD_S = 10.0
MOST_LINES = 5


class Plain(Silent):
    """One line for each running file every ten seconds; for many files a few, and one for all."""

    period_s: float | None = PERIOD_S

    def draw(self, board: Board) -> None:
        rows = board.lasting()
        lines = [line(row) for row in rows[:MOST_LINES]]
        if board.tasks > 1:
            lines.append(whole(board))
        print("\n".join(lines), file=sys.stderr, flush=True) if lines else None  # noqa: T201 - the view's purpose


def line(row: Row) -> str:
    """Return ``name: 62% of 5.0 GiB, 112.4 MiB/s, 17s left``."""
    return f"{terminal_safe(row.name)}: " + ", ".join(_facts(row))


def _facts(row: Row) -> list[str]:
    size = format_size(row.received if row.total is None else row.total)
    facts = [size if row.total is None else f"{whole_percent(row.percent)} of {size}"]
    if row.files_total > 1:
        facts.append(f"{row.files_done} of {row.files_total} files")
    facts.append(format_rate(row.speed_bps))
    if row.eta_s is not None:
        facts.append(f"{format_duration(row.eta_s)} left")
    return facts


def whole(board: Board) -> str:
    """Return one line about all tasks."""
    all_of = board.summary()
    failed = f", {all_of.failed} failed" if all_of.failed else ""
    size = f" of {format_size(all_of.total)}" if all_of.total is not None else ""
    left = f", {format_duration(all_of.eta_s)} left" if all_of.eta_s is not None else ""
    return (
        f"{all_of.done} of {all_of.tasks} done{failed}, {format_size(all_of.received)}{size}, "
        f"{format_rate(all_of.speed_bps)}{left}"
    )
