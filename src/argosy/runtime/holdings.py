"""The tasks that are active in this process, as the store has them, and how far their workers have come."""

from __future__ import annotations

from collections.abc import Mapping

from argosy.core.types import Task, TaskId
from argosy.runtime.gauge import Gauge


class Holdings:
    """Changed by the router alone (``tasks``) and by who starts workers (``gauges``)."""

    def __init__(self, owner: str, pid: int) -> None:
        self.owner = owner
        self.pid = pid
        self.tasks: dict[TaskId, Task] = {}
        self.gauges: dict[TaskId, Gauge] = {}
        self.renewed_until = 0.0
        """Epoch seconds to which the last heartbeat extended all leases held then."""

    def holds(self, task_id: TaskId, fence: int | None) -> bool:
        """Tell whether ``fence`` is that of the present attempt."""
        task = self.tasks.get(task_id)
        return task is not None and task.fence == fence

    def update(self, stored: Mapping[TaskId, Task | None]) -> None:
        """Take over what the store has now: keep what is active here, let go of the rest."""
        for task_id, task in stored.items():
            if task is not None and task.active and task.owner == self.owner:
                self.tasks[task_id] = task
            else:
                self.tasks.pop(task_id, None)

    def present(self, task_id: TaskId) -> Task | None:
        """Return the held task with the counters and the lease that checkpoints and heartbeats have stored since.

        Those change no version, so a change decided on older ones would put them back.
        """
        task = self.tasks.get(task_id)
        if task is None:
            return None
        gauge = self.gauges.get(task_id)
        tally = gauge.tally if gauge is not None and gauge.fence == task.fence else None
        if tally is not None:
            task = task.having(
                received=tally.received, total=tally.total, files_done=tally.files_done,
                files_total=tally.files_total, speed_bps=tally.speed_bps, connections=tally.connections,
                name=tally.name or task.name,
            )  # fmt: skip
        if task.lease_until is not None and task.lease_until < self.renewed_until:
            task = task.having(lease_until=self.renewed_until)
        return task
