"""What workers work with: everything that lives on the transfer loop and is shared by all attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from argosy.core.types import FileState, Task
from argosy.engines.port import CancelToken
from argosy.runtime.clock import Clock
from argosy.runtime.gate import Gate
from argosy.runtime.gauge import Gauge
from argosy.runtime.message import Item, Outcome
from argosy.runtime.ports import Engines, Sources, Warehouse
from argosy.runtime.throttle import Throttles
from argosy.store.port import Store
from argosy.telemetry.trace import Witness
from argosy.value import dataclass


@dataclass(slots=True)
class Yard:
    """Built once, on the transfer loop."""

    store: Store
    clock: Clock
    engines: Engines
    sources: Sources
    warehouse: Warehouse
    throttles: Throttles
    gate: Gate
    post: Callable[[Item], object]
    """Send a report to the router, from the transfer loop."""
    reply: Callable[[asyncio.Future[Outcome], Outcome], None]
    """Bring an outcome back from the router's loop to the transfer loop."""
    witness: Witness | None = None
    """Records spans of files and segments, if anybody does."""
    reuse: str = "off"
    """What the setting of that name says."""
    brought: int = 0
    """Bytes of files that have come since it was built; read from anywhere, written here."""


@dataclass(slots=True, eq=False)
class Job:
    """One attempt at one task, on its way from the router to a worker."""

    task: Task
    gauge: Gauge
    files: tuple[FileState, ...] | None
    """As they are stored, when that is known without asking."""
    token: CancelToken
    worker: asyncio.Task[None] | None = None
    """Who runs it; lives on the transfer loop."""
    abandoned: bool = False

    @property
    def fence(self) -> int:
        return self.gauge.fence

    def alive(self, clock: Clock) -> bool:
        """Tell whether the lease still allows writing."""
        return clock.steady() < self.gauge.lease_deadline_s
