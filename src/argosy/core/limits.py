"""What may happen at once: the limits a person sets, changeable while everything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from argosy.value import dataclass

USUAL_PER_HOST: Final = 16
"""Connections to a host, unless somebody says how many."""
MOST_PER_HOST: Final = 32
"""With those that are proven to bring as much as the ones before them, likewise."""


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of a runtime. Texts keep what the person wrote; :mod:`argosy.core.timetable` reads them."""

    max_running: int = 3
    """Tasks that may be active at once."""
    connections_per_host: int = 0
    """Over all tasks; 0: the usual number, and more where each of them is proven to bring as much as those before it."""
    rate: str = "off"
    """Global bytes/s, a rate or a timetable: ``2M``, ``22:00-07:00 unlimited, else 2M``, ``08:00,512k 23:00,off``."""
    host_rates: Mapping[str, str] = field(default_factory=dict)
    """A rate for each named host."""
    window: str = ""
    """When downloads may start and run, e.g. ``22:00-07:00``; empty: always."""
    hold_slot_while_paused: bool = False
    """Whether a paused task keeps its place among ``max_running``."""
    ageing_s: float = 600.0
    """Each such span of waiting lifts a task by one priority step, so that nothing starves."""

    @property
    def first_per_host(self) -> int:
        """Return how many connections a host may have whatever each of them brings."""
        return self.connections_per_host or USUAL_PER_HOST

    @property
    def most_per_host(self) -> int:
        """Return how many connections a host may have at most."""
        return self.connections_per_host or MOST_PER_HOST
