"""What a case is: some entrants, and a way to let one of them try once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Sample
from bench.payload import emptied
from bench.scale import Scale
from bench.tools import Presence


@dataclass(slots=True, frozen=True)
class Bench:
    """What every case is given."""

    scale: Scale
    data: Path
    """Where files are served from and saved to: in memory if there is room."""
    state: Path
    """Where Argosy keeps its store: on a disk, so that durability has its price."""
    present: dict[str, Presence]

    def has(self, tool: str) -> bool:
        return self.present[tool].version is not None


@dataclass(slots=True, frozen=True)
class Entrant:
    label: str
    tool: str
    attempt: Callable[[], Sample]
    """One try: prepared, measured, verified."""
    command: str
    """As a person would type it, folders shortened."""
    once: bool = False
    """A reference: takes part in the first round only, and is nobody's rival."""


@dataclass(slots=True, frozen=True)
class Case:
    name: str
    title: str
    unit: str
    """What `amount` counts: MB, files or tasks."""
    amount: float | None
    """What an attempt gets done; None where the attempt is not about an amount."""
    entrants: tuple[Entrant, ...]
    warm_up: bool = False
    """Every entrant tries once before it counts: memory touched for the first time is slow."""


Opener = Callable[[Bench], AbstractContextManager[Case]]
"""Everything the case needs is ready inside the block and gone after it."""


@contextmanager
def folders(bench: Bench, name: str) -> Iterator[Path]:
    """An empty folder for a case's files, gone afterwards."""
    folder = emptied(bench.data / name)
    try:
        yield folder
    finally:
        emptied(folder).rmdir()
