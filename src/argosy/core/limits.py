"""What may happen at once: the limits a person sets, changeable while everything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from argosy.value import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of a runtime. Texts keep what the person wrote; :mod:`argosy.core.timetable` reads them."""

    max_running: int = 3
    """Tasks that may be active at once."""
    connections_per_host: int = 16
    """Over all tasks."""
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
