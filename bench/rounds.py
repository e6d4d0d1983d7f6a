"""Takes turns, so that a machine that is busy for a while is busy for everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.case import Bench, Case, Entrant
from bench.measure import Sample

ABSENT = "not available"
"""The problem of a tool that cannot be run here."""


@dataclass(slots=True)
class Row:
    """One entrant's samples, a sample a round, all of them good; or the problem that put it out of the race."""

    label: str
    tool: str
    command: str
    reference: bool
    samples: list[Sample] = field(default_factory=list)
    problem: str | None = None


@dataclass(slots=True, frozen=True)
class Result:
    """A finished case: what the report and the targets are made of."""

    name: str
    title: str
    unit: str
    amount: float | None
    rows: tuple[Row, ...]

    def row(self, label_start: str) -> Row | None:
        """The first row whose label starts so and that has figures."""
        return next((row for row in self.rows if row.label.startswith(label_start) and row.samples), None)


def take_turns(bench: Bench, case: Case, runs: int, tell: Callable[[str], None]) -> Result:
    """Every entrant has tried `runs` times, round by round; one that fails is out, and its figures with it."""
    rows = [
        Row(e.label, e.tool, e.command, e.once, problem=None if bench.has(e.tool) else ABSENT) for e in case.entrants
    ]
    if case.warm_up:
        for entrant, row in zip(case.entrants, rows, strict=True):
            _try_once(entrant, row)
            row.samples.clear()
    for number in range(runs):
        for entrant, row in zip(case.entrants, rows, strict=True):
            if number == 0 or not entrant.once:
                tell(f"{case.name}: round {number + 1} of {runs}, {entrant.label}")
                _try_once(entrant, row)
    return Result(case.name, case.title, case.unit, case.amount, tuple(rows))


def _try_once(entrant: Entrant, row: Row) -> None:
    if row.problem:
        return
    sample = entrant.attempt()
    if sample.problem:
        row.problem = sample.problem
        row.samples.clear()
    else:
        row.samples.append(sample)
