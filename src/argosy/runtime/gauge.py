"""What a running task shows of itself to the other thread: plain numbers, written by one side, read by the other.

Reading an attribute is atomic in Python, and a reader that is a moment late is no harm, so there is no lock and no
message: five updates a second for each of hundreds of tasks cost nothing.
"""

from __future__ import annotations

from argosy.core.explain import Throttle
from argosy.core.types import TaskId
from argosy.store.port import Tally


class Gauge:
    """One attempt of one task. Written by the worker, but for the lease and the speed."""

    __slots__ = (
        "connections",
        "fence",
        "files_done",
        "files_total",
        "lease_deadline_s",
        "name",
        "protocol",
        "received",
        "speed_bps",
        "tally",
        "task_id",
        "throttled_by",
        "throttled_s",
        "total",
    )

    def __init__(self, task_id: TaskId, fence: int, *, received: int, total: int | None, deadline_s: float) -> None:
        self.task_id = task_id
        self.fence = fence
        self.received = received
        self.total = total
        self.connections = 0
        self.files_done = 0
        self.files_total = 1
        self.name: str | None = None
        self.protocol = ""
        self.tally: Tally | None = None
        """The counters last recorded: what the store holds, as opposed to what has arrived."""
        self.lease_deadline_s = deadline_s
        """Steady time until which the task's bytes may be written; moved on by each heartbeat, 0 once fenced off."""
        self.throttled_by: Throttle | None = None
        """Which limit last made the task wait, and when (steady)."""
        self.throttled_s = 0.0
        self.speed_bps = 0.0
        """Smoothed, computed by the hub."""

    def __repr__(self) -> str:
        return f"<Gauge {self.task_id[:8]} {self.received}/{self.total} {self.connections} connections>"
